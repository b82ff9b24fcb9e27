"""Which events end a script, so that it is not asked about them again at once. Pure."""

from collections import OrderedDict
from typing import Final

import attrs

from .asked import Asked

MOST: Final = 1_000
REMEMBERED_SECONDS: Final = 60.0


@attrs.frozen
class _Cause:
    """What a script ends at. Most such scripts trip over the event, whoever asks; others over
    nobody being logged in.
    """

    event_id: str
    access: str
    is_logged_in: bool


class Killers:
    """Questions that ended the process that was asked nothing else. Seconds are of any clock."""

    def __init__(self) -> None:
        self._since: OrderedDict[_Cause, float] = OrderedDict()

    def add(self, asked: Asked, now: float) -> None:
        """Remember it; the oldest is forgotten where there are too many."""
        cause = _cause(asked)
        self._since[cause] = now
        self._since.move_to_end(cause)
        if len(self._since) > MOST:
            self._since.popitem(last=False)

    def has(self, asked: Asked, now: float) -> bool:
        """Whether one like it was there a short while ago."""
        if not self._since:
            return False
        since = self._since.get(_cause(asked), float("-inf"))
        return now - since <= REMEMBERED_SECONDS

    def forget(self) -> None:
        """The script is another."""
        self._since.clear()


def _cause(asked: Asked) -> _Cause:
    return _Cause(asked.event_id, asked.access, asked.logged_in_pubkey is not None)
