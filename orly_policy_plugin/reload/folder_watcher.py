"""The thread that follows folders in which files are renamed and removed, never rewritten."""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from orly_policy_hookspecs.logs import get_log

from .folder_events import FolderEvents
from .watched_folders import watched_folders
from .watcher import GATHER_SECONDS, HEARTBEAT_SECONDS

THREAD_NAME = "orly-policy-state"

log = get_log(__name__)

_Listing = tuple[tuple[str, int, int, int], ...]
_SHARE_OF_TIME: Final = 0.05
"""Of one core, that looking may take where nothing hints: a folder of 20,000 files is looked at
every second or two then.
"""


class FolderWatcher:
    """Tells that a folder lists other files, or other versions of them, within a second.

    Tells so once when it starts, for what has changed since the caller looked itself.

    :param folders: absolute; they need not be there.
    :param changed: called on the watcher's own thread. What it raises is logged.
    """

    def __init__(self, folders: Sequence[Path], changed: Callable[[], None]) -> None:
        self._folders = tuple(folders)
        self._changed = changed
        self._known: tuple[_Listing, ...] | None = None
        self._failure = ""
        self._hint = threading.Event()
        self._stopping = threading.Event()
        self._events = FolderEvents(self._hint, f"{THREAD_NAME}-events")
        self._thread = threading.Thread(target=self._run, name=THREAD_NAME, daemon=True)

    def start(self) -> None:
        """Follow the folders from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Follow them no more; the threads have ended on return. May be called again."""
        self._stopping.set()
        self._hint.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        self._events.start()
        try:
            while not self._stopping.is_set():
                began = time.monotonic()
                self._look()
                took = time.monotonic() - began
                self._hint.wait(max(HEARTBEAT_SECONDS, took / _SHARE_OF_TIME))
                self._stopping.wait(GATHER_SECONDS)
                self._hint.clear()
        finally:
            self._events.stop()

    def _look(self) -> None:
        try:
            # A file in the folder stands for it: its folders are watched on the way.
            watched = [watched_folders(folder / "any") for folder in self._folders]
            self._events.follow({path: i for each in watched for path, i in each.items()})
            listings = self._listings()
            if listings != self._known:
                self._changed()
            self._known, self._failure = listings, ""  # not before: what failed is tried again
        except Exception as error:
            if str(error) != self._failure:
                self._failure = str(error)
                log.exception("following %s failed", self._folders)

    def _listings(self) -> tuple[_Listing, ...]:
        return tuple(_listing(folder) for folder in self._folders)


def _listing(folder: Path) -> _Listing:
    """Each file's name, inode, size and change time: a renamed file has another inode."""
    listed = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    stat = entry.stat(follow_symlinks=False)
                    listed.append((entry.name, stat.st_ino, stat.st_size, stat.st_ctime_ns))
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return ()
    return tuple(sorted(listed))
