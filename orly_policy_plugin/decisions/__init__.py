"""Deciding and explaining: a compiled policy asked about an event. Pure."""

from .access import is_party_involved
from .criteria import Asking, CriterionFailed, Noted, decide_asking
from .deciding import Plan, Plans
from .explaining import Explanation, Step, decided_at, denied_at, explain
from .fitted import NOT_FITTED, Fitted
from .foreseen import Scopes
from .limits import limits_of
from .pending import NamedScript, Outcome, Pending, Unasked, at_best, decided
from .rates import RateLimit
from .replies import Action, Reply
from .rules import Follows
from .snapshot import Snapshot, compile_policy

__all__ = [
    "NOT_FITTED",
    "Action",
    "Asking",
    "CriterionFailed",
    "Explanation",
    "Fitted",
    "Follows",
    "NamedScript",
    "Noted",
    "Outcome",
    "Pending",
    "Plan",
    "Plans",
    "RateLimit",
    "Reply",
    "Scopes",
    "Snapshot",
    "Step",
    "Unasked",
    "at_best",
    "compile_policy",
    "decide_asking",
    "decided",
    "decided_at",
    "denied_at",
    "explain",
    "is_party_involved",
    "limits_of",
]
