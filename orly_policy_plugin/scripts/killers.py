"""Which questions end a script, so that it is not asked them again at once. Pure.

The whole question is remembered and not the event alone: a script may fail at who asks, and others
who ask about the same event must not be denied for that.
"""

from collections import OrderedDict
from typing import Final

from .asked import Asked

MOST: Final = 1_000
REMEMBERED_SECONDS: Final = 60.0


class Killers:
    """Remembers the questions that ended a process which was asked nothing else, or at which a
    process hung. Seconds are of any clock.
    """

    def __init__(self) -> None:
        self._since: OrderedDict[Asked, float] = OrderedDict()

    def add(self, asked: Asked, now: float) -> None:
        """Remember a question, and forget the oldest one where there are too many."""
        self._since[asked] = now
        self._since.move_to_end(asked)
        if len(self._since) > MOST:
            self._since.popitem(last=False)

    def has(self, asked: Asked, now: float) -> bool:
        """Whether the question was added within the last :data:`REMEMBERED_SECONDS`."""
        return now - self._since.get(asked, float("-inf")) <= REMEMBERED_SECONDS

    def forget(self) -> None:
        """Forget all questions: the script is another one."""
        self._since.clear()
