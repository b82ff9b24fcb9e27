"""Deciding and explaining: a compiled policy asked about an event. Pure."""

from .closing import closed_to_unauthenticated
from .compiling import Plan, Plans
from .deciding import decide
from .explaining import Explanation, Step, explain
from .rules import Follows
from .snapshot import Snapshot, compile_policy

__all__ = [
    "Explanation",
    "Follows",
    "Plan",
    "Plans",
    "Snapshot",
    "Step",
    "closed_to_unauthenticated",
    "compile_policy",
    "decide",
    "explain",
]
