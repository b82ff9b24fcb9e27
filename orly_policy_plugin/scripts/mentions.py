"""Log what goes on once, and not each time it happens. Pure."""

from typing import Final

QUIET_SECONDS: Final = 60.0
"""What has not happened for so long is logged again."""


class Mentions:
    """Remembers what is going on. Seconds are of any clock."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}

    def is_news(self, what: str, now: float) -> bool:
        """Note that something happens, and say whether it is to be logged."""
        last = self._last.get(what, float("-inf"))
        self._last[what] = now
        return now - last > QUIET_SECONDS
