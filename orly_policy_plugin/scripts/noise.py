"""A script's standard error goes to the log, with the script's name and a bound."""

from collections import deque
from typing import Final

from orly_policy_hookspecs.logs import get_log
from orly_policy_hookspecs.printing import printable

log = get_log(__name__)

MOST_LINES: Final = 20
"""Lines of one script that are logged in :data:`WINDOW_SECONDS`."""
WINDOW_SECONDS: Final = 10.0

_LONGEST_LINE: Final = 500
_LAST_LINES: Final = 5


class Noise:
    """Logs what a script prints to standard error, line by line. Seconds are of any clock."""

    def __init__(self, name: str) -> None:
        """:param name: the script's, for the log."""
        self._name = name
        self._line = bytearray()
        self._last: deque[bytes] = deque(maxlen=_LAST_LINES)
        self._began = float("-inf")
        self._shown = 0
        self._left_out = 0

    @property
    def last_lines(self) -> str:
        """The last lines of the process, in one line."""
        return "; ".join(map(_shown, self._last))

    def forget(self) -> None:
        """Forget the lines of a process that has ended."""
        self._line.clear()
        self._last.clear()

    def heard(self, data: bytes, now: float) -> None:
        """Log the lines that are complete with these bytes."""
        *lines, rest = data.split(b"\n")
        for line in lines:
            self._say(bytes(self._line) + line, now)
            self._line.clear()
        self._line += rest[: _LONGEST_LINE * 4 - len(self._line)]

    def finish(self, now: float) -> None:
        """Log a last line that has no end: the process has ended."""
        if self._line:
            self.heard(b"\n", now)

    def _say(self, line: bytes, now: float) -> None:
        line = line[: _LONGEST_LINE * 4].rstrip()
        if not line:
            return
        self._last.append(line)
        self.tidy(now)
        if self._shown < MOST_LINES:
            self._shown += 1
            log.warning("script %s: %s", self._name, _shown(line))
        else:
            self._left_out += 1

    def tidy(self, now: float) -> None:
        """Begin a new window where the old one is over, and log how many lines that left out."""
        if now - self._began < WINDOW_SECONDS:
            return
        if self._left_out:
            log.warning("script %s: %d more lines are left out", self._name, self._left_out)
        self._began, self._shown, self._left_out = now, 0, 0


def _shown(line: bytes) -> str:
    return printable(line.decode("utf-8", "replace")[:_LONGEST_LINE])
