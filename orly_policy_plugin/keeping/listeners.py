"""Telling of swaps: in their order, and when no lock is held."""

import threading
from collections import deque
from collections.abc import Callable

from orly_policy_hookspecs.logs import get_log

from ..decisions import Snapshot

log = get_log(__name__)

Listener = Callable[[Snapshot, Snapshot], None]
"""Told the old and the new snapshot after every swap, in their order, when no lock is held: it
may ask for changes itself."""


class Listeners:
    """Those who are told. Swaps are noted under the lock, and told of without it."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []
        self._untold: deque[tuple[Snapshot, Snapshot]] = deque()
        self._telling = threading.Lock()

    def add(self, listener: Listener) -> None:
        """Tell this one from now on."""
        self._listeners.append(listener)

    def note(self, old: Snapshot, new: Snapshot) -> None:
        """A swap to be told of."""
        self._untold.append((old, new))

    def tell(self) -> None:
        """Tell of all swaps that were noted; one thread at a time, so that their order is kept."""
        while self._untold and self._telling.acquire(blocking=False):
            try:
                while self._untold:
                    self._tell_of(*self._untold.popleft())
            finally:
                self._telling.release()

    def _tell_of(self, old: Snapshot, new: Snapshot) -> None:
        for listener in self._listeners:
            try:
                listener(old, new)
            except Exception:
                log.exception("a listener for policy changes failed")
