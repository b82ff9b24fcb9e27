"""What is kept of a policy: the port to it, its state understood, and changes to that."""

from .entry import Entry, How, UnknownVersion
from .policy_state import PolicyState, read_state
from .store import Busy, Store, Stored, UnreadableNow

__all__ = [
    "Busy",
    "Entry",
    "How",
    "PolicyState",
    "Store",
    "Stored",
    "UnknownVersion",
    "UnreadableNow",
    "read_state",
]
