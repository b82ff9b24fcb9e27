"""A clock that stops while nobody attends to it. Pure.

While the machine or this process is suspended, a script cannot answer, or nobody reads its answer.
That time must not count as time that the script took.
"""

from collections.abc import Callable
from typing import Final

LONGEST_GAP_SECONDS: Final = 1.0
"""The most that counts of the time between two ticks."""


class AttentiveClock:
    """Counts the seconds of another clock, but for those in which nobody attended to it."""

    def __init__(self, time: Callable[[], float]) -> None:
        """:param time: the other clock."""
        self._time = time
        self._looked = time()
        self._lost = 0.0

    def tick(self) -> None:
        """Attend to the clock. One second after this call it stops, until the next call."""
        now = self._time()
        self._lost += max(now - self._looked - LONGEST_GAP_SECONDS, 0.0)
        self._looked = now

    def now(self) -> float:
        """The time in seconds. It never goes back."""
        return min(self._time(), self._looked + LONGEST_GAP_SECONDS) - self._lost
