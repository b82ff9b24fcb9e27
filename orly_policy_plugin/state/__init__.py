"""The store of a policy: the port to it, the state that it holds, and changes to that."""

from .entry import Entry, How, UnknownVersion
from .policy_state import PolicyState, read_state
from .store import Store, Stored

__all__ = [
    "Entry",
    "How",
    "PolicyState",
    "Store",
    "Stored",
    "UnknownVersion",
    "read_state",
]
