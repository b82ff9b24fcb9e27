"""A look at one file: its settled content, where that has changed."""

import hashlib
import threading
import time
from collections.abc import Callable
from pathlib import Path

import attrs

from ..errors import PolicyError
from .last_reading import LastReading
from .settling import Reading, identify, read_now, read_settled


class ContentLook:
    """Looks at a file, and reports its settled content whenever that has changed.

    :param path: absolute; symlinks are followed, and may be switched.
    :param content: what the caller has read; ``None`` has the first reading reported.
    :param changed: takes the new content, and also the old one when the file is back after it had
        vanished. If it returns ``False``, the content was gone already, and the file is read
        again.
    :param vanished: takes the reason why the file cannot be read, once for each reason.
    :param read: reads the file. It raises :class:`.Unreadable` where it cannot.
    """

    def __init__(
        self,
        path: Path,
        content: bytes | None,
        changed: Callable[[bytes], bool | None],
        vanished: Callable[[PolicyError], None],
        *,
        read: Callable[[], bytes],
    ) -> None:
        self.path = path
        self._changed = changed
        self._vanished = vanished
        self._read = read
        self._reported = None if content is None else _report(content)
        self._last: LastReading | None = None

    def look(self, stopping: threading.Event) -> None:
        """Look at the file, and wait for it to settle where it is being written.

        :param stopping: see :func:`.read_settled`.
        """
        if not self._may_have_changed():
            return
        settled = read_settled(self.path, self._read, stopping)
        if settled is None:
            return
        identity, reading = settled
        now = time.monotonic()
        self._last = LastReading(identity, isinstance(reading, bytes), now, now)
        self._tell(reading)

    def _may_have_changed(self) -> bool:
        last, now = self._last, time.monotonic()
        if last is None or identify(self.path) != last.identity:
            return True
        if not last.in_doubt(now):
            return False
        self._last = attrs.evolve(last, read_seconds=now)
        return _report(read_now(self._read)) != self._reported

    def _tell(self, reading: Reading) -> None:
        before, self._reported = self._reported, _report(reading)
        if self._reported == before:
            return
        is_dealt_with: bool | None = False
        try:
            if isinstance(reading, bytes):
                is_dealt_with = self._changed(reading)
            else:
                self._vanished(reading)
                is_dealt_with = True
        finally:
            if is_dealt_with is False:  # or the callback raised: the next look tells it again
                self._reported, self._last = before, None


def _report(reading: Reading) -> bytes | str:
    """The hash of a content, for a file may be large; an error's text. The two never compare
    equal.
    """
    return hashlib.sha256(reading).digest() if isinstance(reading, bytes) else str(reading)
