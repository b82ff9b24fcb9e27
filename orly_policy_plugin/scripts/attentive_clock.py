"""A clock that stands still while nobody attends to it. Pure.

Where the whole machine stands still for a while, or this process alone, a script cannot answer, or
is not heard: that time is none that it took.
"""

from collections.abc import Callable
from typing import Final

LONGEST_GAP_SECONDS: Final = 1.0
"""Between two ticks, as far as it counts."""


class AttentiveClock:
    """Seconds of another clock, but for what went by unattended."""

    def __init__(self, time: Callable[[], float]) -> None:
        """:param time: the other clock."""
        self._time = time
        self._looked = time()
        self._lost = 0.0

    def tick(self) -> None:
        """To be called often. It stands still from a second after a call to the next one."""
        now = self._time()
        self._lost += max(now - self._looked - LONGEST_GAP_SECONDS, 0.0)
        self._looked = now

    def now(self) -> float:
        """The time; it never goes back."""
        return min(self._time(), self._looked + LONGEST_GAP_SECONDS) - self._lost
