"""``x_events_an_hour``: the most events of a kind that an author may write within any hour."""

from collections.abc import Collection
from typing import Final

from orly_policy_hookspecs import Context, Criterion, Decision, FrozenEvent, hookimpl
from orly_policy_hookspecs.decision import Asked

from .an_hour import AnHour
from .counted import counted
from .values import number_shape, whole_number

MOST_AN_HOUR: Final = 10_000


class EventsAnHour:
    """Counts an author's events of a kind."""

    def __init__(self, counted: AnHour[tuple[str, int]] | None = None) -> None:
        """:param counted: events by their author's pubkey and their kind."""
        self._counted = counted or AnHour()

    @hookimpl
    def criteria(self) -> Collection[Criterion]:
        """Add ``x_events_an_hour`` to rules."""
        return [
            Criterion(
                name="x_events_an_hour",
                unit="events",
                says="at most {} events of a kind an hour by an author",
                read=whole_number("events", 1, MOST_AN_HOUR),
                shape=number_shape(1, MOST_AN_HOUR),
                refuses=self.too_many,
                decided=self.decided,
            )
        ]

    def too_many(self, event: FrozenEvent, _: Context, most: int) -> str | None:
        """Say that there were as many within the hour before."""
        if self._counted.has_room(event.id, (event.pubkey, event.kind), most):
            return None
        return f"rate-limited: {counted(most, 'event')} of kind {event.kind} an hour"

    def decided(
        self, event: FrozenEvent, _: Context, __: Asked, decision: Decision, ___: object
    ) -> None:
        """Do not count what was refused."""
        self._counted.decided(event.id, accepted=decision.accepted)


events_an_hour: Final = EventsAnHour()
"""The plugin of a process."""
