"""How many questions a script is sent before it has answered the ones before. Pure.

What was sent and is not answered in time has failed, and on a write that may mean
``default_policy``. So nobody who asks much may fill the script's pipe with more than it answers in
time: what it cannot take waits with us, in a fair queue, and what waits for too long there is
denied. How much a script takes nobody says; it is found out as TCP does it, by how late answers
are.
"""

from typing import Final

FIRST: Final = 4.0
LEAST: Final = 2.0
"""So that one question that is never answered does not hold up the next."""
MOST: Final = 128.0
"""What a REQ asks about at a time."""

_EARLY: Final = 1 / 8
_LATE: Final = 1 / 2


class Window:
    """The window of one process. Seconds are of any clock.

    Questions are numbered as they are sent. One that was overtaken by the answer to a later one
    fills no room any more: a script that works on one after the other has done with it, and one
    that works on many at a time is not full.
    """

    def __init__(self, timeout_seconds: float) -> None:
        self._early_seconds = timeout_seconds * _EARLY
        self._late_seconds = timeout_seconds * _LATE
        self._size = FIRST
        self._sent = 0
        self._done = 0
        self._is_full = False
        self._cut = 0

    @property
    def sent(self) -> int:
        """How many questions the process was sent."""
        return self._sent

    @property
    def has_room(self) -> bool:
        """Whether another may be sent."""
        return self._sent - self._done + 1 <= self._size

    def send(self) -> int:
        """One more is sent; its number."""
        self._sent += 1
        self._is_full = not self.has_room
        return self._sent

    def answered(self, number: int, seconds: float) -> None:
        """An answer came so long after its question was sent."""
        if number <= self._done:
            return
        self._done = number
        if seconds > self._late_seconds:
            self._shrink(number)
        elif self._is_full:  # a window that nobody fills proves nothing
            more = 1.0 if seconds < self._early_seconds else 1 / self._size
            self._size = min(self._size + more, MOST)

    def unanswered(self, number: int) -> None:
        """No answer came in time."""
        if number > self._done:
            self._done = number
            self._shrink(number)

    def _shrink(self, number: int) -> None:
        """Once for all that was sent before it was seen to be too much."""
        if number > self._cut:
            self._cut = self._sent
            self._size = max(self._size / 2, LEAST)
