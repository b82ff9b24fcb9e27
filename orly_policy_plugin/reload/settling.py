"""Reading a file once it has settled: when no writer seems to be in the middle of it.

Why this is no library: watchfiles and watchdog gather the events of a while, but no event says
that a content is whole, some changes raise none (on network file systems, where inotify is
exhausted), and watchfiles ends where a path is not there. So watchdog gives hints, and what
decides is here: the identity of the file, its bytes, and how long both have stayed the same.
"""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ..errors import Unreadable

Reading = bytes | Unreadable
"""A file's content, or why it cannot be read."""

Identity = tuple[int, ...]
"""Device, inode, size in bytes, modification and change time in nanoseconds; for a file without
them, the error's number. A change alters it, unless another one came within the same tick of the
file system's clock."""

QUIET_SECONDS: Final = 0.05
"""A file that looks whole has settled when it has not changed for this long."""
PATIENCE_SECONDS: Final = 0.3
"""A file that looks unfinished or is missing has settled when it has not changed for this long.
No wait for a quiet moment is longer, so that a file that is written all the time is followed."""
LIMIT_SECONDS: Final = 1.0
"""After this long any reading is taken."""
PACE_SECONDS: Final = 0.02
"""The time between two glances at a file that has not settled."""

_LARGE_BYTES: Final = 1_048_576
_END_BYTES: Final = 1_024


def identify(path: Path) -> Identity:
    """The file's identity as it is now."""
    try:
        found = path.stat()
    except OSError as error:
        return (error.errno or 0,)
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def read_now(read: Callable[[], bytes]) -> Reading:
    """The file's content now, settled or not."""
    try:
        return read()
    except Unreadable as error:
        return error


def looks_whole(reading: Reading) -> bool:
    """The content is JSON to its end, so that no writer seems to be in the middle of it.

    Only the end of a large file is looked at: no other thread runs while the parser does.
    """
    if isinstance(reading, Unreadable):
        return False
    if len(reading) > _LARGE_BYTES:
        return reading[-_END_BYTES:].rstrip().endswith(b"}")
    try:
        json.loads(reading)
    except (ValueError, RecursionError):
        return False
    return True


def is_settled(reading: Reading, *, quiet_seconds: float, waited_seconds: float) -> bool:
    """A reading is to be taken: there is no need to wait for a better one.

    :param quiet_seconds: since the last change that was noticed.
    :param waited_seconds: since the wait began.
    """
    if _is_over(quiet_seconds, waited_seconds):
        return True
    return _time_to_read(quiet_seconds, waited_seconds) and looks_whole(reading)


def _is_over(quiet_seconds: float, waited_seconds: float) -> bool:
    """Whether any reading is to be taken."""
    return waited_seconds >= LIMIT_SECONDS or quiet_seconds >= PATIENCE_SECONDS


def read_settled(
    path: Path, read: Callable[[], bytes], stopping: threading.Event
) -> tuple[Identity, Reading] | None:
    """Read a file once it has settled, within :data:`LIMIT_SECONDS`.

    :param read: reads the file at ``path``. It raises :class:`Unreadable` where it cannot.
    :return: the file's identity just before it was read, and the reading; ``None`` if ``stopping``
        was set meanwhile.
    """
    wait = _Wait(path, read)
    while not stopping.wait(PACE_SECONDS):
        reading = wait.glance()
        if reading is not None:
            return wait.identity, reading
    return None


class _Wait:
    """Waits for a file to settle, one glance after another."""

    def __init__(self, path: Path, read: Callable[[], bytes]) -> None:
        self._path = path
        self._read = read
        self.identity = identify(path)
        self._began = self._changed = time.monotonic()
        self._unfinished: bytes | None = None

    def glance(self) -> Reading | None:
        """Look at the file's identity, and read it if it is time to.

        :return: the reading if the file has settled, else ``None``.
        """
        now = time.monotonic()
        if not self._same_identity():
            self._changed, self._unfinished = now, None
        quiet, waited = now - self._changed, now - self._began
        if self._unfinished is not None:
            # Not read again: it may be large, and as long as nothing changes it looks the same.
            return self._unfinished if _is_over(quiet, waited) else None
        if not _time_to_read(quiet, waited):
            return None
        reading = read_now(self._read)
        if is_settled(reading, quiet_seconds=quiet, waited_seconds=waited):
            return reading
        self._unfinished = None if isinstance(reading, Unreadable) else reading
        return None

    def _same_identity(self) -> bool:
        before, self.identity = self.identity, identify(self._path)
        return self.identity == before


def _time_to_read(quiet_seconds: float, waited_seconds: float) -> bool:
    return quiet_seconds >= QUIET_SECONDS or waited_seconds >= PATIENCE_SECONDS
