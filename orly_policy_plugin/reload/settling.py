"""Reading a file that may be in the middle of being written."""

import json
import threading
import time
from pathlib import Path
from typing import Final

from ..errors import UnreadableFile
from ..state.policy_file import read_policy_file

Reading = bytes | UnreadableFile
"""What reading came to."""

Identity = tuple[int, ...]
"""What differs when a file was changed, but for two changes within one tick of the clock."""

QUIET_SECONDS: Final = 0.05
"""Unchanged for so long, a file that looks whole is taken."""
PATIENCE_SECONDS: Final = 0.3
"""So long a file must be unchanged that looks unfinished or is not there. Also the longest wait
for quiet, so that a constant stream of whole files is followed."""
LIMIT_SECONDS: Final = 1.0
"""After so long anything is taken."""
PACE_SECONDS: Final = 0.02
"""Between two glances at a file."""

_LARGE_BYTES: Final = 1_048_576
_END_BYTES: Final = 1_024


def identify(path: Path) -> Identity:
    """The file's identity as it is now; where it is not to be had, the error's number."""
    try:
        found = path.stat()
    except OSError as error:
        return (error.errno or 0,)
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def read(path: Path, most_bytes: int) -> Reading:
    """What is in the file now, or why that cannot be told."""
    try:
        return read_policy_file(path, most_bytes)
    except UnreadableFile as error:
        return error


def looks_whole(reading: Reading) -> bool:
    """Whether no writer seems to be in the middle of it: it is JSON to its end. Of a large file
    only the end is looked at: no other thread runs while a parser does.
    """
    if isinstance(reading, UnreadableFile):
        return False
    if len(reading) > _LARGE_BYTES:
        return reading[-_END_BYTES:].rstrip().endswith(b"}")
    try:
        json.loads(reading)
    except (ValueError, RecursionError):
        return False
    return True


def is_settled(reading: Reading, *, quiet_seconds: float, waited_seconds: float) -> bool:
    """Whether to take a reading, or to wait for a better one.

    :param quiet_seconds: since the file was last seen to change.
    :param waited_seconds: since the wait began.
    """
    if waited_seconds >= LIMIT_SECONDS or quiet_seconds >= PATIENCE_SECONDS:
        return True
    return _time_to_read(quiet_seconds, waited_seconds) and looks_whole(reading)


def read_settled(
    path: Path, most_bytes: int, stopping: threading.Event
) -> tuple[Identity, Reading] | None:
    """Read a file once it is quiet, within :data:`LIMIT_SECONDS`; ``None`` when stopping.

    :return: what was read, and the file's identity just before.
    """
    wait = _Wait(path, most_bytes)
    while not stopping.wait(PACE_SECONDS):
        reading = wait.glance()
        if reading is not None:
            return wait.identity, reading
    return None


class _Wait:
    """Waiting for a file to be quiet."""

    def __init__(self, path: Path, most_bytes: int) -> None:
        self._path = path
        self._most_bytes = most_bytes
        self.identity = identify(path)
        self._began = self._changed = time.monotonic()

    def glance(self) -> Reading | None:
        """Look at the file, and read it if it is time to."""
        now = time.monotonic()
        if not self._same_identity():
            self._changed = now
        quiet, waited = now - self._changed, now - self._began
        if not _time_to_read(quiet, waited):
            return None
        reading = read(self._path, self._most_bytes)
        settled = is_settled(reading, quiet_seconds=quiet, waited_seconds=waited)
        return reading if settled else None

    def _same_identity(self) -> bool:
        before, self.identity = self.identity, identify(self._path)
        return self.identity == before


def _time_to_read(quiet_seconds: float, waited_seconds: float) -> bool:
    return quiet_seconds >= QUIET_SECONDS or waited_seconds >= PATIENCE_SECONDS
