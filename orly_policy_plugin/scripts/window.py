"""How many questions a script is sent before it has answered the ones before. Pure.

A question that was sent and is not answered in time has failed, and on a write that may mean
``default_policy``. So nobody may fill the script's pipe with more than the script answers in time:
the rest waits in a fair queue, and what waits there for too long is denied. How much a script can
take is found out as TCP does it, by how late its answers are.
"""

from typing import Final

FIRST: Final = 4.0
LEAST: Final = 2.0
"""With 2, a question that is never answered does not hold up the next one."""
MOST: Final = 128.0
"""As many events as the gate asks about at a time."""

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
        """The number of questions that the process was sent."""
        return self._sent

    @property
    def has_room(self) -> bool:
        """Whether another question may be sent."""
        return self._sent - self._done + 1 <= self._size

    def send(self) -> int:
        """Count one more question as sent, and return its number, from 1."""
        self._sent += 1
        self._is_full = not self.has_room
        return self._sent

    def answered(self, number: int, seconds: float) -> None:
        """Adapt to an answer.

        :param number: of its question.
        :param seconds: between the question and the answer.
        """
        if number <= self._done:
            return
        self._done = number
        if seconds > self._late_seconds:
            self._shrink(number)
        elif self._is_full:  # a window that nobody fills proves nothing
            more = 1.0 if seconds < self._early_seconds else 1 / self._size
            self._size = min(self._size + more, MOST)

    def unanswered(self, number: int) -> None:
        """Adapt to a question that was not answered in time."""
        if number > self._done:
            self._done = number
            self._shrink(number)

    def _shrink(self, number: int) -> None:
        """Halve the window, once for all questions that were sent before this was known."""
        if number > self._cut:
            self._cut = self._sent
            self._size = max(self._size / 2, LEAST)
