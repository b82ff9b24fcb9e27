"""Subscriptions: a client is sent stored events, and then live ones."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

from orly_policy_hookspecs import Context
from orly_policy_hookspecs.nip01 import Filter, FrozenEvent

from .host import Search
from .messages import Message, closed, encoded_event, eose, event_message, event_start
from .outbox import Outbox


class Reader(Protocol):
    """The client that has subscribed."""

    outbox: Outbox

    @property
    def context(self) -> Context:
        """The reader as of now."""

    def drop(self, subscription: "Subscription") -> None:
        """Forget a subscription, and what is still to be sent of it."""


TOO_SLOW = "error: you read too slowly for what comes; ask again"


class Subscription:
    """One REQ, from its coming to its CLOSE. What comes while the stored events are being sent is
    held, so that no event is sent twice and EOSE stands between both.
    """

    def __init__(
        self, reader: Reader, name: str, filters: Sequence[Filter], *, most_held: int
    ) -> None:
        """:param most_held: live events to hold until EOSE."""
        self.reader = reader
        self.name = name
        self.filters = tuple(filters)
        self.values = 0
        """In the lists of its filters, for whoever keeps count."""
        self.searches: Mapping[str, Search] = {}
        """By the ``search`` of its filters."""
        self._start = event_start(name)
        self._most_held = most_held
        self._sent: set[str] = set()
        """Ids of stored events, for as long as one of them may still come as a live one."""
        self._is_live = False
        """Whether EOSE has been sent."""
        self._held: dict[str, Message] = {}
        self._has_ended = False

    async def send_stored(self, events: Sequence[FrozenEvent]) -> None:
        """Send some of what is stored, as the client reads."""
        self._sent.update([event.id for event in events])
        outbox = self.reader.outbox
        for event in events:
            outbox.put(event_message(self._start, encoded_event(event)))
            if outbox.is_full:
                await outbox.room()

    def end_of_stored(self, late_seconds: float = 0.0) -> None:
        """Send EOSE, and the live events that have come meanwhile.

        :param late_seconds: so long after it was stored an event may come as a live one.
        """
        self.reader.outbox.put(eose(self.name))
        held = [message for event_id, message in self._held.items() if event_id not in self._sent]
        self._let_go()
        self._is_live = True
        if late_seconds:  # what it holds until then is the set, not the subscription
            asyncio.get_running_loop().call_later(late_seconds, self._sent.clear)
        else:
            self._sent.clear()
        for message in held:
            self._put(message)

    def is_for(self, event: FrozenEvent) -> bool:
        """Whether it asks for a live event that matches one of its filters but for ``search``."""
        return not self.searches or any(
            each.matches(event) and (not each.search or self.searches[each.search](event))
            for each in self.filters
        )

    def send_live(self, event_id: str, encoded: bytes) -> None:
        """Send what the reader may be given of what has come."""
        if self._has_ended or event_id in self._sent:
            return
        message = event_message(self._start, encoded)
        if self._is_live:
            self._put(message)
        elif event_id not in self._held:
            self._hold(event_id, message)

    def _hold(self, event_id: str, message: Message) -> None:
        outbox = self.reader.outbox
        if len(self._held) < self._most_held and outbox.has_room_for(message):
            self._held[event_id] = message
            outbox.hold(message.size_bytes)
        else:
            self.close(TOO_SLOW)

    def end(self) -> None:
        """Send nothing of it any more."""
        self._has_ended = True
        self._sent.clear()
        self._let_go()

    def _let_go(self) -> None:
        self.reader.outbox.hold(-sum(message.size_bytes for message in self._held.values()))
        self._held = {}

    def close(self, reason: str) -> None:
        """Tell the client that nothing more will come."""
        self.reader.drop(self)
        self.reader.outbox.put(closed(self.name, reason))

    def _put(self, message: Message) -> None:
        if self.reader.outbox.has_room_for(message):
            self.reader.outbox.put(message)
        else:
            self.close(TOO_SLOW)
