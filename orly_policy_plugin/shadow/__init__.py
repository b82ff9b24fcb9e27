"""A second policy beside the one in force: asked the same questions, and never obeyed."""

from .comparing import ALIKE, OUTCOMES, UNDECIDED, Compared, Pair
from .counting import ShadowCounted, ShadowCounts, added
from .following import Shadow, shadow_file

__all__ = [
    "ALIKE",
    "OUTCOMES",
    "UNDECIDED",
    "Compared",
    "Pair",
    "Shadow",
    "ShadowCounted",
    "ShadowCounts",
    "added",
    "shadow_file",
]
