"""Decisions handed from where they are made to somebody who follows them, on another thread."""

import threading
from collections import deque

from .entries import Decided


class Following:
    """Decisions that wait to be taken. What comes when too many wait is dropped, and counted."""

    def __init__(self, most: int) -> None:
        """:param most: decisions that may wait."""
        self._most = most
        self._waiting: deque[Decided] = deque()
        self._lock = threading.Lock()  # of the count alone
        self._dropped = 0

    def tell(self, decided: Decided) -> None:
        """Hand over a decision. Never waits for whoever takes."""
        if len(self._waiting) >= self._most:
            self.drop()
        else:
            self._waiting.append(decided)

    def drop(self) -> None:
        """Count one that is not handed over."""
        with self._lock:
            self._dropped += 1

    def take(self) -> tuple[list[Decided], int]:
        """All that wait, and how many were dropped since the last time."""
        taken = [self._waiting.popleft() for _ in range(len(self._waiting))]
        with self._lock:
            dropped, self._dropped = self._dropped, 0
        return taken, dropped
