"""Following the content of one file."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import attrs

from ..errors import PolicyError
from .last_reading import LastReading
from .settling import Reading, identify, read_now, read_settled
from .watcher import Watcher

THREAD_NAME: Final = "orly-policy-reload"


class FileWatcher(Watcher):
    """Reports the settled content of a file within a second, whenever it has changed.

    The file may be written in place, renamed over, switched by a symlink, removed and restored,
    with its folders or without.

    :param path: absolute; symlinks are followed, and may be switched.
    :param content: what the caller has read. A change since then is reported after the start.
    :param changed: takes the new content, and also the old one when the file is back after it had
        vanished. If it returns ``False``, the content was gone already, and the file is read
        again.
    :param vanished: takes the reason why the file cannot be read, once for each reason.
    :param read: reads the file. It raises :class:`Unreadable` where it cannot.

    All three are called on the watcher's own thread. What ``changed`` and ``vanished`` raise is
    logged, and they are called again.
    """

    def __init__(
        self,
        path: Path,
        content: bytes,
        changed: Callable[[bytes], bool | None],
        vanished: Callable[[PolicyError], None],
        *,
        read: Callable[[], bytes],
    ) -> None:
        super().__init__(THREAD_NAME, (path,))
        self._path = path
        self._changed = changed
        self._vanished = vanished
        self._read = read
        self._reported: bytes | str = content
        self._last: LastReading | None = None

    def _look(self, stopping: threading.Event) -> None:
        if not self._may_have_changed():
            return
        settled = read_settled(self._path, self._read, stopping)
        if settled is None:
            return
        identity, reading = settled
        now = time.monotonic()
        self._last = LastReading(identity, isinstance(reading, bytes), now, now)
        self._tell(reading)

    def _may_have_changed(self) -> bool:
        last, now = self._last, time.monotonic()
        if last is None or identify(self._path) != last.identity:
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
    """A content as it is, an error as its text: the two never compare equal."""
    return reading if isinstance(reading, bytes) else str(reading)
