"""Following folders in which files are renamed and removed, never rewritten."""

import contextlib
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from .watcher import Watcher

THREAD_NAME: Final = "orly-policy-state"

_Listing = tuple[tuple[str, int, int, int], ...]
"""Of each file its name, inode, size in bytes, and change time in nanoseconds."""
_REST: Final = 20.0
"""Listing takes a twentieth of one core at most where nothing hints: a folder of 20,000 files is
listed every second or two then.
"""


class FolderWatcher(Watcher):
    """Reports within a second that a folder lists other files, or other versions of them.

    It reports once when it starts, for what has changed since the caller looked.

    :param folders: absolute; they need not exist.
    :param changed: called on the watcher's own thread. What it raises is logged, and it is called
        again.
    """

    def __init__(self, folders: Sequence[Path], changed: Callable[[], None]) -> None:
        super().__init__(THREAD_NAME, folders, rest=_REST)
        self._folders = tuple(folders)
        self._changed = changed
        self._known: tuple[_Listing, ...] | None = None

    def _look(self, stopping: threading.Event) -> None:
        listings = tuple(map(_listing, self._folders))
        if listings != self._known:
            self._changed()
        self._known = listings  # not before: what the callback could not take is told again


def _listing(folder: Path) -> _Listing:
    """The files in the folder; none where it cannot be listed.

    A file that another one was renamed over has another inode.
    """
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
