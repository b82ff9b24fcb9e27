"""Feeding the engine the follow lists that the relay has stored (section 7 of SPEC.md)."""

import asyncio
from collections.abc import Collection
from itertools import islice
from typing import Any, Final

from aionostr.event import Event

from orly_policy_hookspecs import Gate
from orly_policy_hookspecs.logs import get_log
from orly_policy_hookspecs.nip01 import kinds

from ...plugin import PolicyPlugin
from .connection import OURSELVES
from .replaceable import newer

_AUTHORS_A_QUERY: Final = 200

log = get_log(__name__)


class FollowListFeeder:
    """Asks which authors' lists the policy needs, at start and after every swap."""

    def __init__(self, storage: Any, gate: Gate, engine: PolicyPlugin) -> None:
        """:param storage: nostr-relay's."""
        self._storage = storage
        self._gate = gate
        self._engine = engine
        self._due = asyncio.Event()
        self._asked: frozenset[str] = frozenset()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Feed what is stored, and go on after every swap.

        :raises MissingFollowLists: a list that must be there is not.
        """
        await self._feed(self._engine.required_follow_lists())
        self._engine.check_follow_lists()
        loop = asyncio.get_running_loop()

        def ask(*_: object) -> None:
            loop.call_soon_threadsafe(self._due.set)

        self._engine.listen(ask)
        self._task = asyncio.create_task(self._go_on())

    def stop(self) -> None:
        """Feed no more."""
        if self._task is not None:
            self._task.cancel()

    async def _go_on(self) -> None:
        while True:
            await self._due.wait()
            self._due.clear()
            try:
                await self._feed(self._engine.unknown_follow_lists())
            except Exception:
                log.exception("stored follow lists could not be looked up")

    async def _feed(self, authors: Collection[str]) -> None:
        """Feed what is stored of these authors. Whoever was asked for, and is still needed, need
        not be asked for again: a list that comes later is announced.
        """
        required = self._engine.required_follow_lists()
        self._asked &= required
        remaining = iter(sorted(frozenset(authors) - self._asked))
        while some := list(islice(remaining, _AUTHORS_A_QUERY)):
            lists = await self._newest(some)
            await asyncio.gather(*(self._gate.kind3(event, OURSELVES) for event in lists))
            self._asked |= frozenset(some)

    async def _newest(self, authors: list[str]) -> list[Event]:
        """The newest stored list of each author, if there is one."""
        query = {"kinds": [kinds.FOLLOW_LIST], "authors": authors}
        newest: dict[str, Event] = {}
        async for event in self._storage.run_single_query([query]):
            known = newest.get(event.pubkey)
            if known is None or newer(event, known):
                newest[event.pubkey] = event
        return list(newest.values())
