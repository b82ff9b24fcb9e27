"""Deciding and explaining: a compiled policy asked about an event. Pure."""

from .closing import closed_to_unauthenticated
from .compiling import Plan, Plans
from .deciding import decide
from .explaining import Explanation, Step, explain
from .rates import RateLimit
from .replies import Action, Reply
from .rules import Follows
from .snapshot import Snapshot, compile_policy
from .unsettled import NamedScript, Outcome, Unsettled, settled

__all__ = [
    "Action",
    "Explanation",
    "Follows",
    "NamedScript",
    "Outcome",
    "Plan",
    "Plans",
    "RateLimit",
    "Reply",
    "Snapshot",
    "Step",
    "Unsettled",
    "closed_to_unauthenticated",
    "compile_policy",
    "decide",
    "explain",
    "settled",
]
