"""Which questions end a script, so that it is not asked them again at once. Pure.

It is the whole question that is remembered: a script may trip over who asks, and whom it does not
trip over must not be denied for that.
"""

from collections import OrderedDict
from typing import Final

from .asked import Asked

MOST: Final = 1_000
REMEMBERED_SECONDS: Final = 60.0


class Killers:
    """Questions that ended the process that was asked nothing else, or at which it hung. Seconds
    are of any clock.
    """

    def __init__(self) -> None:
        self._since: OrderedDict[Asked, float] = OrderedDict()

    def add(self, asked: Asked, now: float) -> None:
        """Remember it; the oldest is forgotten where there are too many."""
        self._since[asked] = now
        self._since.move_to_end(asked)
        if len(self._since) > MOST:
            self._since.popitem(last=False)

    def has(self, asked: Asked, now: float) -> bool:
        """Whether it was there a short while ago."""
        return now - self._since.get(asked, float("-inf")) <= REMEMBERED_SECONDS

    def forget(self) -> None:
        """The script is another."""
        self._since.clear()
