"""Following the content of files."""

import contextlib
import threading
from collections.abc import Sequence
from typing import Final

from .content_look import ContentLook
from .watcher import Watcher

THREAD_NAME: Final = "orly-policy-reload"


class FileWatcher(Watcher):
    """Reports the settled content of each of some files within a second, whenever it has changed.

    A file may be written in place, renamed over, switched by a symlink, removed and restored,
    with its folders or without.

    :param files: looked at in turn, on the watcher's own thread, on which all they call runs.
        What that raises is logged, and it is called again.
    """

    def __init__(self, files: Sequence[ContentLook], name: str = THREAD_NAME) -> None:
        super().__init__(name, ())
        self._files: tuple[ContentLook, ...] = ()
        self.follow(files)

    def follow(self, files: Sequence[ContentLook]) -> None:
        """Follow these files and no others. May be called from any thread."""
        self._files = tuple(files)
        self.look_at([file.path for file in self._files])

    def _look(self, stopping: threading.Event) -> None:
        # A look that fails keeps none of the others from being made.
        with contextlib.ExitStack() as looks:
            for file in reversed(self._files):
                looks.callback(file.look, stopping)
