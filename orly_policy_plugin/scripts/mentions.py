"""Saying a thing once as long as it goes on, not each time it happens. Pure."""

from typing import Final

QUIET_SECONDS: Final = 60.0
"""What has not happened for so long is news again."""


class Mentions:
    """Which things are going on. Seconds are of any clock."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}

    def is_news(self, what: str, now: float) -> bool:
        """Note that it happens; whether it had not for a while."""
        last = self._last.get(what, float("-inf"))
        self._last[what] = now
        return now - last > QUIET_SECONDS
