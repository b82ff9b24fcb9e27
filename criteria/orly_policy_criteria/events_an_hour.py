"""``x_events_an_hour``: the most events of a kind that an author may write within any hour."""

import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection
from typing import Final

import attrs

from orly_policy_hookspecs import Context, Criterion, Decision, FrozenEvent, hookimpl
from orly_policy_hookspecs.decision import Asked

from .undecided import Undecided
from .values import whole_number

MOST_EVENTS: Final = 200_000
_MOST_AN_HOUR: Final = 10_000
_HOUR: Final = 3600.0

_Key = tuple[str, int]
"""An author's pubkey, and a kind."""


@attrs.frozen
class _Counted:
    """An event of the last hour."""

    key: _Key
    at: float


class EventsAnHour:
    """Counts each event for an hour. What is being decided counts, so that of many at once not all
    are let through; what is refused in the end does not.
    """

    def __init__(
        self, most: int = MOST_EVENTS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """:param most: events to remember, of all authors; the oldest is forgotten first.
        :param clock: seconds that never go back.
        """
        self._most = most
        self._clock = clock
        self._events: OrderedDict[str, _Counted] = OrderedDict()
        """By id, the oldest first."""
        self._counts: Counter[_Key] = Counter()
        self._undecided: Undecided[_Counted] = Undecided(most)
        self._lock = threading.Lock()

    @hookimpl
    def criteria(self) -> Collection[Criterion]:
        """Add ``x_events_an_hour`` to rules."""
        return [
            Criterion(
                name="x_events_an_hour",
                unit="events",
                says="at most {} events of a kind an hour by an author",
                read=whole_number("events", 1, _MOST_AN_HOUR),
                refuses=self.too_many,
                decided=self.decided,
            )
        ]

    def too_many(self, event: FrozenEvent, _: Context, most: int) -> str | None:
        """Say that there were as many within the hour before."""
        key = (event.pubkey, event.kind)
        with self._lock:
            now = self._clock()
            self._forget(now)
            is_counted = event.id in self._events
            if self._counts[key] - is_counted >= most:
                return f"rate-limited: {most} events of kind {event.kind} an hour"
            if not is_counted:
                self._count(event.id, counted := _Counted(key, now))
                self._undecided.take(event.id, counted)
        return None

    def decided(
        self, event: FrozenEvent, _: Context, __: Asked, decision: Decision, ___: object
    ) -> None:
        """Do not count what was refused."""
        with self._lock:
            if decision.accepted:
                for counted in self._undecided.accepted(event.id):
                    self._count(event.id, counted)
            else:
                for counted in self._undecided.refused(event.id):
                    if self._events.pop(event.id, None) is not None:
                        self._uncount(counted)

    def _forget(self, now: float) -> None:
        """Forget what is older than an hour, and what is too much."""
        while self._events:
            oldest = next(iter(self._events.values()))
            if now - oldest.at < _HOUR and len(self._events) < self._most:
                return
            self._uncount(self._events.popitem(last=False)[1])

    def _count(self, event_id: str, counted: _Counted) -> None:
        self._events[event_id] = counted
        self._counts[counted.key] += 1

    def _uncount(self, counted: _Counted) -> None:
        self._counts[counted.key] -= 1
        if not self._counts[counted.key]:
            del self._counts[counted.key]


events_an_hour: Final = EventsAnHour()
"""The plugin of a process."""
