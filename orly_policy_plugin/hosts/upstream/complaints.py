"""What is said of the upstream in the log: each thing once a minute, however often it happens."""

import logging
import time
from collections.abc import Callable
from typing import Final

import attrs

from orly_policy_hookspecs.logs import get_log
from orly_policy_hookspecs.printing import printable

_QUIET_SECONDS: Final = 60.0
_MOST_REMEMBERED: Final = 100
_MOST_CHARACTERS: Final = 300

log = get_log(__name__)


@attrs.define(eq=False)
class Complaints:
    """Complaints about one upstream."""

    _clock: Callable[[], float] = time.monotonic
    _said: dict[str, float] = attrs.field(init=False, factory=dict)
    """When each was said last, in seconds of the clock."""

    def say(self, what: str, details: str = "", *, level: int = logging.WARNING) -> None:
        """Log it, unless it was said a moment ago.

        :param what: the same text each time that the same happens.
        :param details: in whose words it is, or of which event.
        """
        now = self._clock()
        if now - self._said.get(what, -_QUIET_SECONDS) < _QUIET_SECONDS:
            return
        if len(self._said) >= _MOST_REMEMBERED:
            self._said.clear()
        self._said[what] = now
        text = f"{what}: {details}" if details else what
        log.log(level, "the upstream %s", printable(text[:_MOST_CHARACTERS]))
