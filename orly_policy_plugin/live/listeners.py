"""Telling of swaps: in their order, on a thread of its own, when no lock is held."""

import threading
from collections import deque
from collections.abc import Callable
from typing import Final

from orly_policy_hookspecs.logs import get_log

from ..decisions import Snapshot

log = get_log(__name__)

THREAD_NAME: Final = "orly-policy-listeners"

Listener = Callable[[Snapshot, Snapshot], None]
"""Told the old and the new snapshot after every swap, in their order. It may ask for changes
itself, and wait for them."""


class Listeners:
    """The listeners. Their thread runs as long as there is something to tell."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []
        self._untold: deque[tuple[Snapshot, Snapshot]] = deque()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, listener: Listener) -> None:
        """Tell this one from now on."""
        self._listeners.append(listener)

    def note(self, old: Snapshot, new: Snapshot) -> None:
        """Tell of a swap, soon."""
        if not self._listeners:
            return
        with self._lock:
            self._untold.append((old, new))
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._tell, name=THREAD_NAME, daemon=True)
                self._thread.start()

    def _tell(self) -> None:
        while (swap := self._next()) is not None:
            for listener in tuple(self._listeners):
                try:
                    listener(*swap)
                except Exception:
                    log.exception("a listener for policy changes failed")

    def _next(self) -> tuple[Snapshot, Snapshot] | None:
        with self._lock:
            if self._untold:
                return self._untold.popleft()
            self._thread = None  # under the lock: whoever notes a swap from now on starts another
            return None
