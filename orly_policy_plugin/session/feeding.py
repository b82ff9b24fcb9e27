"""Hand the plugins the follow lists that the relay has stored (section 7 of the spec)."""

import asyncio
from collections.abc import Collection
from itertools import islice
from typing import Final

from orly_policy_hookspecs import Context, Gate, Origin
from orly_policy_hookspecs.logs import get_log
from orly_policy_hookspecs.nip01 import Filter, FrozenEvent, Position, kinds

from .host import Host

_AUTHORS_AT_A_TIME: Final = 200
_LISTS_A_PAGE: Final = 500

STORED: Final = Context(origin=Origin.IMPORT)
"""The context of an event that no client has just sent."""

log = get_log(__name__)


class Feeding:
    """Asks whose lists the plugins need, before the relay opens and after every change."""

    def __init__(self, host: Host, gate: Gate) -> None:
        self._host = host
        self._gate = gate
        self._due = asyncio.Event()
        self._asked: frozenset[str] = frozenset()

    def due(self) -> None:
        """Note that other lists may be needed. Called on the event loop."""
        self._due.set()

    async def feed(self) -> None:
        """Hand over the stored lists of the authors that are needed, and were not before: a list
        that comes later is announced.
        """
        needed = self._gate.needed_follow_lists()
        self._asked &= needed
        remaining = iter(sorted(needed - self._asked))
        while some := list(islice(remaining, _AUTHORS_AT_A_TIME)):
            lists = await self._newest(some)
            await asyncio.gather(*(self._gate.kind3(event, STORED) for event in lists))
            self._asked |= frozenset(some)

    async def go_on(self) -> None:
        """Feed after every change, until cancelled."""
        while True:
            await self._due.wait()
            self._due.clear()
            try:
                await self.feed()
            except Exception:
                log.exception("stored follow lists could not be looked up")

    async def _newest(self, authors: Collection[str]) -> list[FrozenEvent]:
        """The newest stored list of each author, if there is one."""
        wanted = Filter(kinds=frozenset({kinds.FOLLOW_LIST}), authors=frozenset(authors))
        newest: dict[str, FrozenEvent] = {}
        before = None
        while events := await self._host.page(wanted, before, _LISTS_A_PAGE):
            for event in events:
                newest.setdefault(event.pubkey, event)
            if len(events) < _LISTS_A_PAGE:
                break
            before = Position.of(events[-1])
        return list(newest.values())
