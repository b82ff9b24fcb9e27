"""Subscriptions that hand out only what the gate lets through, stored and live alike."""

import asyncio
from typing import Any

from aionostr.event import Event
from nostr_relay.storage.base import NostrQuery
from nostr_relay.storage.db import Subscription as DBSubscription
from nostr_relay.storage.kv import INDEXES, QueryPlans, analyze, executor, planner
from nostr_relay.storage.kv import Subscription as LMDBSubscription

from orly_policy_hookspecs import Context
from orly_policy_hookspecs.logs import get_log

from .connection import OURSELVES, current_connection

log = get_log(__name__)


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

    async def stored_events(self) -> list[Event]:
        """The query's result, unfiltered."""
        raise NotImplementedError

    async def run_query(self) -> None:
        """Hand out the stored events, then EOSE; EOSE also where the query failed."""
        try:
            events = await self.stored_events()
            for event in await self.storage.readable(events, self.context, self):
                self.queue.put_nowait((self.sub_id, event))
        except Exception:
            log.exception("a subscription's query failed")
        await self.queue.put((self.sub_id, None))

    async def notify(self, event: Event) -> None:
        """Hand out a live event that the filters match."""
        for readable in await self.storage.readable([event], self.context, self):
            await self.queue.put((self.sub_id, readable))


class PolicyDBSubscription(_PolicySubscription, DBSubscription):  # type: ignore[misc]
    """For SQL storage."""

    async def stored_events(self) -> list[Event]:
        """The rows that the query finds."""
        found: list[Event] = await self.storage.find(self.query, self._took_long)
        return found

    def evaluate_filter(self, filter_: NostrQuery, where: list[str]) -> NostrQuery:
        """Add a filter's conditions. nostr-relay's own takes ``limit`` 0 and a tag filter without
        values for no condition, and a colon in a value for a parameter.
        """
        filter_ = super().evaluate_filter(filter_, where)
        if filter_.limit == 0 or any(not any(values) for _, values in filter_.tags or ()):
            where.append("false")
        where[:] = [condition.replace(":", "\\:") for condition in where]
        return filter_

    def _took_long(self, seconds: float) -> None:
        log.warning("the query %s took %.1f s", self.filters, seconds)


class PolicyLMDBSubscription(_PolicySubscription, LMDBSubscription):  # type: ignore[misc]
    """For LMDB storage."""

    def prepare(self) -> bool:
        """Plan the query. nostr-relay's own drops the sixth filter and those after it, finds no
        id between times, and gives no live events to a REQ for which it would not search.
        """
        plans = planner(self.filters, log=self.log, maximum_plans=len(self.filters))
        self.query = QueryPlans(
            plan._replace(since=None, until=None) if plan.index is INDEXES["ids"] else plan
            for plan in plans
        )
        return True

    async def stored_events(self) -> list[Event]:
        """What the query's plans find, each event once."""
        storage = self.storage
        plans = QueryPlans()
        found: dict[str, Event] = {}
        async for plan, events in executor(
            storage.db, self.query, storage.query_pool, log=self.log, loop=storage.loop
        ):
            for event in events:
                found.setdefault(event.id, event)
            plans.append(plan)
        analyze(plans, log=self.log)
        return list(found.values())
