"""Events that count for an hour."""

import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

import attrs

from .undecided import Undecided

MOST_EVENTS: Final = 200_000
_HOUR: Final = 3600.0

Whose = TypeVar("Whose", bound=Hashable)


@attrs.frozen
class _Counted(Generic[Whose]):
    """An event of the last hour."""

    event_id: str
    whose: Whose
    at: float


class AnHour(Generic[Whose]):
    """Counts each event for an hour, for somebody. What is being decided counts, so that of many
    at once not all are let through; what is refused in the end does not.
    """

    def __init__(
        self, most: int = MOST_EVENTS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """:param most: events to remember, of all; the oldest is forgotten first.
        :param clock: seconds that never go back.
        """
        self._most = most
        self._clock = clock
        self._events: OrderedDict[tuple[str, Whose], _Counted[Whose]] = OrderedDict()
        """The oldest first."""
        self._counts: Counter[Whose] = Counter()
        self._undecided: Undecided[_Counted[Whose]] = Undecided(most)
        self._lock = threading.Lock()

    def has_room(self, event_id: str, whose: Whose, most: int) -> bool:
        """Count an event, unless as many have come within the hour before. The same one counts
        once.
        """
        with self._lock:
            now = self._clock()
            self._forget(now)
            is_counted = (event_id, whose) in self._events
            if self._counts[whose] - is_counted >= most:
                return False
            if not is_counted:
                counted = _Counted(event_id, whose, now)
                self._count(counted)
                self._undecided.take(event_id, counted)
        return True

    def decided(self, event_id: str, *, accepted: bool) -> None:
        """Note what has become of an event. One that is refused does not count."""
        with self._lock:
            if accepted:
                for counted in self._undecided.accepted(event_id):
                    self._count(counted)
            else:
                for counted in self._undecided.refused(event_id):
                    self._uncount(counted)

    def _forget(self, now: float) -> None:
        """Forget what is older than an hour, and what is too much."""
        while self._events:
            oldest = next(iter(self._events.values()))
            if now - oldest.at < _HOUR and len(self._events) < self._most:
                return
            self._uncount(oldest)

    def _count(self, counted: _Counted[Whose]) -> None:
        self._events[counted.event_id, counted.whose] = counted
        self._counts[counted.whose] += 1

    def _uncount(self, counted: _Counted[Whose]) -> None:
        """Uncount an event, if it has not been forgotten meanwhile."""
        if self._events.pop((counted.event_id, counted.whose), None) is None:
            return
        self._counts[counted.whose] -= 1
        if not self._counts[counted.whose]:
            del self._counts[counted.whose]
