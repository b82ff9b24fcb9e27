"""Stores that are elsewhere: they may be out of reach, and have readers of their own."""

import logging
from pathlib import Path
from typing import Any

import pytest
from relay.client import Closed, asynchronous
from relay.signing import Key

from orly_policy_hookspecs.nip01 import Filter, FrozenEvent, Position
from orly_policy_plugin.hosts.memory import MemoryStore
from orly_policy_plugin.session import Added, Known, NotStored, StoreUnavailable

from .relays import client, serving

ALICE = Key()


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
