"""The thread that looks at the disk: after a hint, and at every heartbeat."""

import abc
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from orly_policy_hookspecs.logs import get_log

from .folder_events import FolderEvents
from .watched_folders import watched_folders

HEARTBEAT_SECONDS: Final = 0.25
"""The longest wait for a hint: the next look finds what no event told."""
GATHER_SECONDS: Final = 0.02
"""From a hint to the look. One save raises several events, and a busy folder raises them all the
time; those that come meanwhile cost no look of their own."""

log = get_log(__name__)


class Watcher(abc.ABC):
    """Looks at some paths until it is stopped, on a thread of its own.

    A subclass says what a look is. What a look raises is logged, once while the reason stays the
    same, and the next look comes as usual.
    """

    def __init__(self, name: str, paths: Sequence[Path], *, rest: float = 0.0) -> None:
        """
        :param name: of the thread.
        :param paths: absolute, of files and folders, which need not exist. A change of what they
            lead to hints.
        :param rest: without a hint the next look waits for this many times as long as the last
            one took, and at least for a heartbeat.
        """
        self._paths = tuple(paths)
        self._rest = rest
        self._failure = ""
        self._hint = threading.Event()
        self._stopping = threading.Event()
        self._events = FolderEvents(self._hint, f"{name}-events")
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def look_at(self, paths: Sequence[Path]) -> None:
        """Look at these paths from now on, and soon. May be called from any thread."""
        self._paths = tuple(paths)
        self._hint.set()

    def start(self) -> None:
        """Start the thread, which looks at once."""
        self._thread.start()

    def stop(self) -> None:
        """End the threads, and return when they have ended. No callback runs after that.

        It may be called again. A callback may call it too: then the threads end when the callback
        returns.
        """
        self._stopping.set()
        self._hint.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join()

    @abc.abstractmethod
    def _look(self, stopping: threading.Event) -> None:
        """Look at the paths, and tell the caller what is new.

        :param stopping: is set when the watcher is stopped: a look that waits ends then.
        """

    def _run(self) -> None:
        self._events.start()
        try:
            while not self._stopping.is_set():
                began = time.monotonic()
                self._arm_and_look()
                took = time.monotonic() - began
                self._hint.wait(max(HEARTBEAT_SECONDS, took * self._rest))
                self._stopping.wait(GATHER_SECONDS)
                self._hint.clear()
        finally:
            self._events.stop()

    def _arm_and_look(self) -> None:
        """Arm first: the look sees what changed before, and what changes later hints."""
        try:
            self._events.follow(watched_folders(*self._paths))
            self._look(self._stopping)
            self._failure = ""
        except Exception as error:
            if str(error) != self._failure:
                self._failure = str(error)
                log.exception("following %s failed", ", ".join(map(str, self._paths)))
