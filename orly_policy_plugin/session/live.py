"""Live events: one decision for all readers whom policy and plugins cannot tell apart."""

import asyncio
from collections.abc import Iterable
from typing import Final

from orly_policy_hookspecs import Context
from orly_policy_hookspecs.nip01 import FilterIndex, FrozenEvent

from .messages import encoded_event
from .reading import Reading
from .subscriptions import Subscription
from .tasks import Tasks

_READERS_AT_A_TIME: Final = 100


class Live:
    """Hands events on to the subscriptions that ask for them."""

    def __init__(self, reading: Reading, tasks: Tasks) -> None:
        self._reading = reading
        self._tasks = tasks
        self._index: FilterIndex[Subscription] = FilterIndex()

    def __len__(self) -> int:
        """The number of open subscriptions."""
        return len(self._index)

    def add(self, subscription: Subscription) -> None:
        """Hand on what a subscription asks for, from now on."""
        self._index.add(subscription, subscription.filters)

    def remove(self, subscription: Subscription) -> None:
        """Hand nothing more on to a subscription."""
        self._index.remove(subscription)

    def asks_for_kind(self, kind: int) -> bool:
        """Whether a subscription may be for an event of a kind."""
        return self._index.asks_for_kind(kind)

    def publish(self, event: FrozenEvent) -> None:
        """Hand on an event. Nobody waits for the readers' decisions."""
        subscriptions = [each for each in self._index.matching(event) if each.is_for(event)]
        if not subscriptions:
            return
        encoded, asked = encoded_event(event), list[list[Subscription]]()
        for readers in _alike(subscriptions, self._reading, event.kind):
            may = self._reading.foreseen(event, readers[0].reader.context)
            if may is None:
                asked.append(readers)
            elif may:
                _send(readers, event, encoded)
        if asked:
            self._tasks.start(self._ask(event, encoded, asked))

    async def _ask(
        self, event: FrozenEvent, encoded: bytes, asked: list[list[Subscription]]
    ) -> None:
        for begin in range(0, len(asked), _READERS_AT_A_TIME):
            some = asked[begin : begin + _READERS_AT_A_TIME]
            await asyncio.gather(*(self._decide(event, encoded, readers) for readers in some))
            await asyncio.sleep(0)

    async def _decide(
        self, event: FrozenEvent, encoded: bytes, readers: list[Subscription]
    ) -> None:
        context = readers[0].reader.context
        may = await self._reading.readable([event], context)
        same = [each for each in readers if _is_as(context, each)]
        if may:
            _send(same, event, encoded)
        if len(same) < len(readers):  # somebody has authenticated meanwhile: another reader now
            others = [each for each in readers if not _is_as(context, each)]
            await self._ask(event, encoded, _alike(others, self._reading, event.kind))


def _is_as(context: Context, subscription: Subscription) -> bool:
    return subscription.reader.context.authenticated == context.authenticated


def _send(readers: Iterable[Subscription], event: FrozenEvent, encoded: bytes) -> None:
    for each in readers:
        each.send_live(event.id, encoded)


def _alike(
    subscriptions: Iterable[Subscription], reading: Reading, kind: int
) -> list[list[Subscription]]:
    """Divide subscriptions by readers that policy and plugins can tell apart."""
    alike: dict[tuple[object, ...], list[Subscription]] = {}
    by_address: dict[tuple[str, ...], bool] = {}
    for each in subscriptions:
        context = each.reader.context
        keys = context.authenticated
        if keys not in by_address:
            by_address[keys] = reading.tells_addresses_apart(kind, context)
        reader = (keys, context.ip) if by_address[keys] else (keys,)
        alike.setdefault(reader, []).append(each)
    return list(alike.values())
