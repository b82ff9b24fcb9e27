"""Stores that are elsewhere: they may be out of reach, and have readers of their own."""

import asyncio
import logging
import time
from pathlib import Path
from typing import Any

import pytest
from relay.client import Closed, asynchronous
from relay.signing import Key

from orly_policy_hookspecs.nip01 import Filter, FrozenEvent, Position
from orly_policy_plugin.hosts.memory import MemoryStore
from orly_policy_plugin.session import Added, Enough, HandOn, Known, NotStored, StoreUnavailable

from .relays import client, serving

ALICE = Key()
NOW = int(time.time())


class Unavailable(MemoryStore):
    """A store that is out of reach."""

    async def add(self, event: FrozenEvent) -> Added:
        raise StoreUnavailable("it is elsewhere")

    async def page(self, wanted: Filter, before: Position | None, most: int) -> Any:
        raise StoreUnavailable("it is elsewhere")


@asynchronous
async def test_a_store_out_of_reach_is_told_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """In its words, and it is no fault of the relay's in the log."""
    async with serving(tmp_path, store=Unavailable()) as server, client(server) as speaker:
        assert await speaker.publish(ALICE.event(1)) == (False, "error: it is elsewhere")
        with pytest.raises(Closed, match=r"^error: it is elsewhere$"):
            await speaker.subscribe({"kinds": [1]})
        assert await speaker.count({"kinds": [1]}) == "error: it is elsewhere"
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


class Relay(MemoryStore):
    """A store that hands on ephemeral events, or refuses to."""

    def __init__(self) -> None:
        super().__init__()
        self.relayed: list[str] = []

    async def relay(self, event: FrozenEvent) -> Added:
        if event.content == "no":
            return NotStored("blocked: not here")
        self.relayed.append(event.id)
        return Known.STORED


@asynchronous
async def test_ephemeral_events_are_handed_on(tmp_path: Path) -> None:
    """Whoever has subscribed gets those that were taken, and no other."""
    store = Relay()
    taken, refused, last = ALICE.event(20001), ALICE.event(20001, "no"), ALICE.event(1)
    async with serving(tmp_path, store=store) as server, client(server) as speaker:
        subscription = await speaker.subscribe({"kinds": [1, 20001]})
        assert await speaker.publish(taken) == (True, "")
        assert await speaker.publish(refused) == (False, "blocked: not here")
        assert await speaker.publish(last) == (True, "")
        await speaker.until(lambda: last in subscription.events)
        assert subscription.events == [taken, last]
    assert store.relayed == [taken["id"]]


class Noting(MemoryStore):
    """A store that notes how much it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[int] = []

    async def page(self, wanted: Filter, before: Position | None, most: int) -> Any:
        if wanted.kinds == frozenset({1}) and not wanted.authors:
            self.asked.append(most)
        return await super().page(wanted, before, most)


@asynchronous
async def test_a_distant_store_is_asked_for_much_at_once(tmp_path: Path) -> None:
    """The first page is as large as the settings say, where so much is wanted."""
    store = Noting()
    async with (
        serving(tmp_path, store=store, first_page_events=400) as server,
        client(server) as speaker,
    ):
        await speaker.stored({"kinds": [1]})
        await speaker.stored({"kinds": [1], "limit": 30})
    assert store.asked == [400, 30]


class Slow(MemoryStore):
    """A store whose pages come one event at a time, as it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.lets = asyncio.Semaphore(0)
        self.reads = 0
        """Pages that are being read."""
        self.reads_other = asyncio.Event()

    async def is_read_by(self, count: int) -> None:
        """Wait until so many pages are being read."""
        while self.reads != count:
            self.reads_other.clear()
            await self.reads_other.wait()

    async def stream(
        self, wanted: Filter, before: Position | None, most: int, hand_on: HandOn
    ) -> None:
        self.reads += 1
        self.reads_other.set()
        try:
            for event in await super().page(wanted, before, most):
                await self.lets.acquire()
                if event.content == "gone":
                    raise StoreUnavailable("it is gone")
                hand_on([event])
            await self.lets.acquire()
        finally:
            self.reads -= 1
            self.reads_other.set()


@asynchronous
async def test_the_first_events_do_not_wait_for_the_last(tmp_path: Path) -> None:
    """They are sent as they come; EOSE comes when the page is over."""
    store = Slow()
    events = [ALICE.event(1, f"{age}", created_at=NOW - age) for age in range(3)]
    async with serving(tmp_path, store=store) as server, client(server) as speaker:
        await speaker.publish_all(*events)
        await speaker.send("REQ", "slow", {"kinds": [1]})
        for count in (1, 2, 3):
            store.lets.release()
            await speaker.until(lambda count=count: len(speaker.said("EVENT")) == count)
        assert [event for _, event in speaker.said("EVENT")] == events
        assert speaker.said("EOSE") == []
        store.lets.release()
        await speaker.until(lambda: speaker.said("EOSE") == [["slow"]])


@asynchronous
async def test_a_store_that_goes_in_the_middle_is_told_of(tmp_path: Path) -> None:
    """The events that have come stay; there is no EOSE, and no count."""
    store = Slow()
    events = [ALICE.event(1, text, created_at=NOW - age) for age, text in enumerate(("a", "gone"))]
    async with serving(tmp_path, store=store) as server, client(server) as speaker:
        await speaker.publish_all(*events)
        for _ in range(4):
            store.lets.release()
        await speaker.send("REQ", "slow", {"kinds": [1]})
        await speaker.until(lambda: speaker.said("CLOSED") == [["slow", "error: it is gone"]])
        assert speaker.said("EOSE") == []
        assert await speaker.count({"kinds": [1]}) == "error: it is gone"


@asynchronous
async def test_who_closes_a_subscription_reads_no_further(tmp_path: Path) -> None:
    """The store is let go, or it would read for nobody."""
    store = Slow()
    async with serving(tmp_path, store=store) as server, client(server) as speaker:
        await speaker.publish(ALICE.event(1))
        for name in ("closed", "replaced", "replaced"):
            await speaker.send("REQ", name, {"kinds": [1]})
        await store.is_read_by(2)
        await speaker.send("CLOSE", "closed")
        await store.is_read_by(1)
    assert store.reads == 0


class Hasty(MemoryStore):
    """A store that hands a page on without waiting, some events at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.pages = 0
        self.cut = 0

    async def stream(
        self, wanted: Filter, before: Position | None, most: int, hand_on: HandOn
    ) -> None:
        self.pages += 1
        events = await super().page(wanted, before, most)
        for begin in range(0, len(events), 30):
            try:
                hand_on(events[begin : begin + 30])
            except Enough:
                self.cut += 1
                raise


@asynchronous
async def test_a_page_that_comes_too_fast_is_cut(tmp_path: Path) -> None:
    """What nobody has taken is bounded, and nothing is lost by it or comes twice."""
    store = Hasty()
    large = [
        ALICE.event(1, f"{age}" + "x" * 60_000, created_at=NOW - age // 3) for age in range(100)
    ]
    async with (
        serving(tmp_path, store=store, first_page_events=500) as server,
        client(server) as speaker,
    ):
        await speaker.publish_all(*large)
        found = await speaker.stored({"kinds": [1]})
        assert found == sorted(large, key=lambda event: (-event["created_at"], event["id"]))
        assert store.cut == 1  # large events are asked for a few at a time from then on
        assert store.pages > 2
        store.pages = 0
        assert len(await speaker.stored({"kinds": [1], "limit": 20})) == 20
        assert store.pages == 1
