"""Subscriptions that hand out only what the gate lets through, stored and live alike."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

from aionostr.event import Event
from nostr_relay.storage.db import Subscription as DBSubscription
from nostr_relay.storage.kv import QueryPlans, analyze, executor
from nostr_relay.storage.kv import Subscription as LMDBSubscription

from orly_policy_hookspecs import Context

from .connection import OURSELVES, current_connection

log = logging.getLogger(__name__)


class _PolicySubscription:
    """What the subscriptions of both storages share. Mixed in before nostr-relay's own."""

    storage: Any
    queue: "asyncio.Queue[tuple[str, Event | None]]"
    sub_id: str

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._connection = current_connection.get()

    @property
    def context(self) -> Context:
        """The reader as of now: who has authenticated since the REQ counts."""
        return OURSELVES if self._connection is None else self._connection.context

    def stored_events(self) -> AsyncIterator[Event]:
        """The query's result, unfiltered."""
        raise NotImplementedError

    async def run_query(self) -> None:
        """Hand out the stored events, then EOSE; EOSE also where the query failed."""
        try:
            events = [event async for event in self.stored_events()]
            for event in await self.storage.readable(events, self.context, self):
                await self.queue.put((self.sub_id, event))
        except Exception:
            log.exception("a subscription's query failed")
        await self.queue.put((self.sub_id, None))

    async def notify(self, event: Event) -> None:
        """Hand out a live event that the filters match."""
        for readable in await self.storage.readable([event], self.context, self):
            await self.queue.put((self.sub_id, readable))


class PolicyDBSubscription(_PolicySubscription, DBSubscription):  # type: ignore[misc]
    """For SQL storage."""

    def stored_events(self) -> AsyncIterator[Event]:
        """The rows that the query finds."""
        events: AsyncIterator[Event] = self.storage.run_query(self.query, self._took_long)
        return events

    def _took_long(self, seconds: float) -> None:
        log.warning("the query %s took %.1f s", self.filters, seconds)


class PolicyLMDBSubscription(_PolicySubscription, LMDBSubscription):  # type: ignore[misc]
    """For LMDB storage."""

    async def stored_events(self) -> AsyncIterator[Event]:
        """What each of the query's plans finds."""
        storage = self.storage
        plans = QueryPlans()
        async for plan, events in executor(
            storage.db, self.query, storage.query_pool, log=self.log, loop=storage.loop
        ):
            for event in events:
                yield event
            plans.append(plan)
        analyze(plans)
