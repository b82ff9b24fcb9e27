"""What events have taken that are being decided: a content, a place among so many an hour."""

from collections import OrderedDict
from typing import Final, Generic, TypeVar

T = TypeVar("T")

MOST_REFUSED: Final = 10_000


class Undecided(Generic[T]):
    """What is given back where an event is refused, and taken again where the same event, asked
    about a second time meanwhile, is accepted after all. Not safe to use from several threads.
    """

    def __init__(self, most: int) -> None:
        """:param most: events to remember, of undecided ones; the oldest is forgotten first, and
        what it has taken stays so.
        """
        self._most = most
        self._undecided: OrderedDict[str, list[T]] = OrderedDict()
        """By the event's id."""
        self._refused: OrderedDict[str, list[T]] = OrderedDict()

    def __len__(self) -> int:
        """The number of events that are undecided."""
        return len(self._undecided)

    def take(self, event_id: str, taken: T) -> None:
        """Note what an event has taken, about which it is being asked."""
        self._refused.pop(event_id, None)
        self._undecided.setdefault(event_id, []).append(taken)
        _bound(self._undecided, self._most)

    def refused(self, event_id: str) -> list[T]:
        """Note that an event was refused, and return what is given back. Nothing is of one that
        was accepted before.
        """
        taken = self._undecided.pop(event_id, [])
        if taken:
            self._refused[event_id] = taken
            _bound(self._refused, MOST_REFUSED)
        return taken

    def accepted(self, event_id: str) -> list[T]:
        """Note that an event was accepted, and return what it takes again."""
        self._undecided.pop(event_id, None)
        return self._refused.pop(event_id, [])


def _bound(events: OrderedDict[str, list[T]], most: int) -> None:
    if len(events) > most:
        events.popitem(last=False)
