"""Deciding and explaining: a compiled policy asked about an event. Pure."""

from .access import is_party_involved
from .deciding import Plan, Plans
from .explaining import Explanation, Step, explain
from .fitted import NOT_FITTED, Fitted
from .foreseen import Scopes
from .limits import limits_of
from .pending import NamedScript, Outcome, Pending, decided
from .rates import RateLimit
from .replies import Action, Reply
from .rules import Follows
from .snapshot import Snapshot, compile_policy

__all__ = [
    "NOT_FITTED",
    "Action",
    "Explanation",
    "Fitted",
    "Follows",
    "NamedScript",
    "Outcome",
    "Pending",
    "Plan",
    "Plans",
    "RateLimit",
    "Reply",
    "Scopes",
    "Snapshot",
    "Step",
    "compile_policy",
    "decided",
    "explain",
    "is_party_involved",
    "limits_of",
]
