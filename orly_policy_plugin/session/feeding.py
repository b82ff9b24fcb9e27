"""Hand the plugins the lists of people that the relay has stored (sections 7 and 14 of the
spec).
"""

import asyncio
from collections.abc import Collection, Coroutine, Iterable, Iterator
from itertools import groupby, islice
from operator import attrgetter
from typing import Any, Final

from orly_policy_hookspecs import Context, Event, Gate, Origin
from orly_policy_hookspecs.logs import get_log
from orly_policy_hookspecs.nip01 import (
    Address,
    Filter,
    FrozenEvent,
    Position,
    address_of,
    kinds,
)

from .host import Host

_LISTS_AT_A_TIME: Final = 200
_LISTS_A_PAGE: Final = 500

STORED: Final = Context(origin=Origin.IMPORT)
"""The context of an event that no client has just sent."""

log = get_log(__name__)


def tell_of_list(gate: Gate, event: Event, context: Context) -> Coroutine[Any, Any, None]:
    """Tell the plugins of a stored list: an event of one of :data:`.kinds.LISTS`."""
    tell = gate.kind3 if event.kind == kinds.FOLLOW_LIST else gate.list_event
    return tell(event, context)


class Feeding:
    """Asks which lists the plugins need, before the relay opens and after every change."""

    def __init__(self, host: Host, gate: Gate) -> None:
        self._host = host
        self._gate = gate
        self._due = asyncio.Event()
        self._asked: frozenset[Address] = frozenset()

    def due(self) -> None:
        """Note that other lists may be needed. Called on the event loop."""
        self._due.set()

    async def feed(self) -> None:
        """Hand over the stored lists that are needed, and were not before: a list that comes later
        is announced. A list may say which others are needed.
        """
        while lists := self._not_asked():
            for some in _together(lists):
                newest = await self._newest(some)
                told = (tell_of_list(self._gate, event, STORED) for event in newest)
                await asyncio.gather(*told)
                self._asked |= some

    def _not_asked(self) -> frozenset[Address]:
        needed = self._gate.needed_lists()
        self._asked &= needed
        return needed - self._asked

    async def go_on(self) -> None:
        """Feed after every change, until cancelled."""
        while True:
            await self._due.wait()
            self._due.clear()
            try:
                await self.feed()
            except Exception:
                log.exception("stored lists could not be looked up")

    async def _newest(self, lists: Collection[Address]) -> list[FrozenEvent]:
        """The newest stored version of each of some lists of one kind, if there is one."""
        wanted = _filter_of(lists)
        newest: dict[Address, FrozenEvent] = {}
        before = None
        while events := await self._host.page(wanted, before, _LISTS_A_PAGE):
            for event in events:
                address = address_of(event)
                if address in lists and address is not None:
                    newest.setdefault(address, event)
            if len(events) < _LISTS_A_PAGE:
                break
            before = Position.of(events[-1])
        return list(newest.values())


def _together(lists: Iterable[Address]) -> Iterator[frozenset[Address]]:
    """Lists that are asked for together: some of one kind."""
    for _, of_kind in groupby(sorted(lists), attrgetter("kind")):
        while some := frozenset(islice(of_kind, _LISTS_AT_A_TIME)):
            yield some


def _filter_of(lists: Collection[Address]) -> Filter:
    """A filter that matches lists of one kind, and perhaps others of their authors."""
    identifiers = frozenset(each.identifier for each in lists)
    return Filter(
        kinds=frozenset(each.kind for each in lists),
        authors=frozenset(each.pubkey for each in lists),
        # No filter finds an event by a d tag that it lacks.
        tags={"d": identifiers} if all(identifiers) else {},
    )
