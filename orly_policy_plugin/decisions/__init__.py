"""Deciding and explaining: a compiled policy asked about an event. Pure."""

from .compiling import Follows, Plan, Plans
from .deciding import decide
from .explaining import Explanation, Step, explain
from .snapshot import Snapshot, compile_policy

__all__ = [
    "Explanation",
    "Follows",
    "Plan",
    "Plans",
    "Snapshot",
    "Step",
    "compile_policy",
    "decide",
    "explain",
]
