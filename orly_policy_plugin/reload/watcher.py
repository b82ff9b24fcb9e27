"""The thread that follows a file."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import attrs

from orly_policy_hookspecs.logs import get_log

from ..errors import PolicyError
from ..state.policy_file import MOST_POLICY_BYTES
from .folder_events import FolderEvents
from .knowledge import Knowledge
from .settling import Reading, identify, read, read_settled
from .watched_folders import watched_folders

THREAD_NAME: Final = "orly-policy-reload"
HEARTBEAT_SECONDS: Final = 0.25
"""The longest time between two looks at the file; what no event told is seen then."""
GATHER_SECONDS: Final = 0.02
"""After a hint, for the rest of what one save raises, and for a busy folder's sake."""

log = get_log(__name__)


class FileWatcher:
    """Tells what the settled content of a file is, whenever it is another, within a second.

    The file may be written in place, renamed over, switched by a symlink, removed and restored,
    with its folders or without.

    :param path: absolute; symlinks are followed, and may be switched.
    :param content: what the caller has read and knows.
    :param changed: told the new content, also where it is the one from before the file vanished.
        Where it answers ``False``, the content was there no more, and the file is read again.
    :param vanished: told why the file cannot be read, once for each reason.
    :param most_bytes: a larger file cannot be read.

    Both are called on the watcher's own thread. What they raise is logged, and they are told
    again.
    """

    def __init__(
        self,
        path: Path,
        content: bytes,
        changed: Callable[[bytes], bool | None],
        vanished: Callable[[PolicyError], None],
        *,
        most_bytes: int = MOST_POLICY_BYTES,
    ) -> None:
        self._path = path
        self._changed = changed
        self._vanished = vanished
        self._most_bytes = most_bytes
        self._reported: bytes | str = content
        self._known: Knowledge | None = None
        self._failure = ""
        self._hint = threading.Event()
        self._stopping = threading.Event()
        self._events = FolderEvents(self._hint, f"{THREAD_NAME}-events")
        self._thread = threading.Thread(target=self._run, name=THREAD_NAME, daemon=True)

    def start(self) -> None:
        """Follow the file from now on; what has changed since ``content`` was read counts."""
        self._thread.start()

    def stop(self) -> None:
        """Follow the file no more. No callback runs after it, and all threads have ended.

        May be called again, and from a callback: then the threads end when that returns.
        """
        self._stopping.set()
        self._hint.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        self._events.start()
        try:
            while not self._stopping.is_set():
                self._look()
                self._wait()
        finally:
            self._events.stop()

    def _wait(self) -> None:
        self._hint.wait(HEARTBEAT_SECONDS)
        self._stopping.wait(GATHER_SECONDS)
        self._hint.clear()

    def _look(self) -> None:
        """Arm first, then read: what changes in between is seen now, what changes later hints."""
        try:
            self._events.follow(watched_folders(self._path))
            if self._may_have_changed():
                self._read()
            self._failure = ""
        except Exception as error:
            if str(error) != self._failure:  # it is tried again, and said once
                self._failure = str(error)
                log.exception("following %s failed", self._path)

    def _may_have_changed(self) -> bool:
        known, now = self._known, time.monotonic()
        if known is None or identify(self._path) != known.identity:
            return True
        if not known.in_doubt(now):
            return False
        self._known = attrs.evolve(known, read_seconds=now)
        return _report(read(self._path, self._most_bytes)) != self._reported

    def _read(self) -> None:
        settled = read_settled(self._path, self._most_bytes, self._stopping)
        if settled is None:
            return
        identity, reading = settled
        now = time.monotonic()
        self._known = Knowledge(identity, isinstance(reading, bytes), now, now)
        self._tell(reading)

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
            if is_dealt_with is False:  # or something was raised: it is told again
                self._reported, self._known = before, None


def _report(reading: Reading) -> bytes | str:
    """What tells one reading from another: an error's text differs from any content."""
    return reading if isinstance(reading, bytes) else str(reading)
