"""Several processes' parts, here in one, on one PostgreSQL: what each is told."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Collection
from typing import Any

import pytest
import sqlalchemy as sa
from relay.client import asynchronous
from relay.signing import Key
from sqlalchemy.ext.asyncio import create_async_engine

from orly_policy_hookspecs.nip01 import FrozenEvent, kinds
from orly_policy_plugin.hosts.nostr_relay import heard, nodes
from orly_policy_plugin.hosts.nostr_relay.announcements import of_stored
from orly_policy_plugin.hosts.nostr_relay.nodes import Nodes
from orly_policy_plugin.hosts.nostr_relay.sql import SharedSQLStore, listening
from orly_policy_plugin.hosts.nostr_relay.sql.listening import Hear, Listening, Lost
from orly_policy_plugin.session.deletions import Vanishing

from .making import URL, Place

pytestmark = pytest.mark.parametrize("flavour", ["postgres"], indirect=True)

KEY = Key()


def event(content: str = "", kind: int = 1, **fields: Any) -> FrozenEvent:
    return FrozenEvent.of_json(KEY.event(kind, content, **fields))


class Store(SharedSQLStore):
    """It keeps count of what is read because others have told of it, and of how it listens."""

    reads = 0

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.backends: list[int] = []

    @contextlib.asynccontextmanager
    async def listening(self, hear: Hear, lost: Lost) -> AsyncIterator[Listening]:
        async with super().listening(hear, lost) as made:
            self.backends.append(made._driver.get_server_pid())
            yield made

    async def read(self, ids: Collection[str]) -> list[FrozenEvent]:
        self.reads += 1
        return await super().read(ids)


class Node:
    """A process, and the relay in it as far as it matters."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.nodes = Nodes(store, self._server)
        self.has_opened = asyncio.Event()
        self.has_opened.set()
        self.awaited = {1, 20_001}
        self.told: list[str] = []
        self._came = asyncio.Condition()

    async def _server(self) -> Any:
        await self.has_opened.wait()
        return self

    def awaits(self, kind: int) -> bool:
        return kind in self.awaited

    async def announced(self, came: FrozenEvent) -> None:
        async with self._came:
            self.told.append(came.content)
            self._came.notify_all()

    async def add(self, *events: FrozenEvent) -> None:
        """Store events, one after the other, and tell as the session does."""
        for each in events:
            if each.kind < 20_000:
                await self.store.add(each)
            await self.nodes.announce(each)

    async def until(self, content: str) -> None:
        """Wait until it has been told of something."""
        async with asyncio.timeout(20), self._came:
            await self._came.wait_for(lambda: content in self.told)

    async def heard(self, count: int) -> None:
        """Wait until so many events wait for the relay."""
        async with asyncio.timeout(20):
            while len(self.nodes._heard) < count:  # noqa: ASYNC110 -- nobody tells
                await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def several(url: str, count: int, **options: Any) -> AsyncIterator[list[Node]]:
    async with contextlib.AsyncExitStack() as stack:
        made = []
        for _ in range(count):
            store = await Store.open(url, [URL], options)
            stack.push_async_callback(store.close)
            node = Node(store)
            await node.nodes.open()
            stack.push_async_callback(node.nodes.close)
            made.append(node)
        yield made


async def run(url: str, *statements: str) -> None:
    """Have somebody else work on the database."""
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        for each in statements:
            await connection.execute(sa.text(each))
    await engine.dispose()


@asynchronous
async def test_every_other_process_is_told_and_none_tells_itself(place: Place) -> None:
    """In the order of storing; of what is stored alone, and of ephemeral events."""
    async with several(place.url, 3) as (first, second, third):
        events = [event(f"{number:03}") for number in range(250)]
        await asyncio.gather(*(first.store.add(each) for each in events))
        await first.add(event("call", 20_001))
        await second.add(event("last"), events[0])
        for told in (second.told, third.told):
            await third.until("last")
            await second.until("call")
            assert sorted(told[:250]) == [each.content for each in events]
            assert told[250] == "call"
        await first.until("last")
        assert first.told == ["last"]


@asynchronous
async def test_a_request_to_vanish_is_told_of_where_it_is_announced(place: Place) -> None:
    """It is stored whatever the policy says of it, and told of only where that would take it."""
    async with several(place.url, 2) as (writer, other):
        other.awaited = {1, kinds.VANISH}
        for content in ("not told", "told"):
            request = event(content, kinds.VANISH)
            await writer.store.vanish(Vanishing(request.pubkey, request.created_at, request))
            if content == "told":
                await writer.nodes.announce(request)
        await writer.add(FrozenEvent.of_json(Key().event(1, "last")))
        await other.until("last")
        assert other.told == ["told", "last"]


@asynchronous
async def test_who_says_what_is_not_stored_keeps_nothing_from_readers(place: Place) -> None:
    """Nor who says that an event is of another kind."""
    async with several(place.url, 2) as (writer, other):
        coming = event("coming")
        for kind in (1, 7):
            stranger = coming._replace(kind=kind)
            await writer.store.notify(of_stored("a stranger", [stranger]))
        await writer.add(coming)
        await other.until("coming")
        await writer.store.notify(of_stored("a stranger", [coming]))
        await writer.add(event("last"))
        await other.until("last")
        assert other.told == ["coming", "last"]


@asynchronous
async def test_what_nobody_awaits_is_not_read(place: Place) -> None:
    """A node without a reader costs the database nothing."""
    async with several(place.url, 2) as (writer, other):
        other.awaited = {2, 20_001}
        await writer.add(*(event(f"{number}") for number in range(20)))
        await writer.add(event("of another kind", 2))
        await other.until("of another kind")
        assert (other.told, other.store.reads) == (["of another kind"], 1)
        await writer.add(event("call", 20_001))
        await other.until("call")
        assert other.store.reads == 1


@asynchronous
async def test_two_relays_in_one_database_do_not_hear_each_other(place: Place) -> None:
    """Each has its tables in a schema of its own."""
    copies = [f"CREATE TABLE other.{each} (LIKE public.{each} INCLUDING ALL)" for each in TABLES]
    await run(place.url, "DROP SCHEMA IF EXISTS other CASCADE", "CREATE SCHEMA other", *copies)
    settings = {"server_settings": {"search_path": "other"}}
    async with (
        several(place.url, 2) as (one, same),
        several(place.url, 2, connect_args=settings) as (another, its_same),
    ):
        await one.add(event("here"), event("call", 20_001))
        await another.add(event("there"), event("call there", 20_001))
        await same.until("here")
        await its_same.until("there")
        await one.add(event("later"))
        await another.add(event("later, too"))
        await same.until("later")
        await its_same.until("later, too")
        assert same.told == ["here", "call", "later"]
        assert its_same.told == ["there", "call there", "later, too"]
    await run(place.url, "DROP SCHEMA other CASCADE")


TABLES = ("events", "tags")
_CUT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE pid <> pg_backend_pid() AND datname = current_database()"
)


@asynchronous
async def test_after_a_lost_connection_what_was_missed_is_told(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each event once, in the order of storing, whatever their times; nothing that was there
    before; none that says that it is older than an hour.
    """
    now = int(time.time())
    missed = [event(f"{n}", created_at=now - 60 * n) for n in range(10)]
    async with several(place.url, 2) as (writer, other):
        other.awaited = {7}
        await writer.add(event("nobody awaited it"), event("first", 7))
        await other.until("first")
        other.awaited = {1}
        await writer.add(event("before"))
        await other.until("before")
        go_on = connecting_held(other, monkeypatch)
        await run(place.url, _CUT)
        for each in (*missed, event("old", created_at=now - 4_000)):
            await stored(writer, each)
        go_on.set()
        await other.until("9")
        await writer.add(event("after"))
        await other.until("after")
        assert other.told == ["first", "before", *(each.content for each in missed), "after"]


@pytest.mark.skipif("ORLY_POLICY_TEST_POSTGRES" in os.environ, reason="it may be elsewhere")
@asynchronous
async def test_a_connection_that_is_silent_is_given_up(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a cable is cut: nobody says so. Here the process at the other end is stopped."""
    monkeypatch.setattr(nodes, "_BETWEEN_SNAPSHOTS_SECONDS", 0.05)
    monkeypatch.setattr(listening, "_ANSWER_SECONDS", 0.5)
    async with several(place.url, 1) as (writer,), several(place.url, 1) as (other,):
        await writer.add(event("before"))
        await other.until("before")
        stopped = other.store.backends[-1]
        os.kill(stopped, signal.SIGSTOP)
        try:
            await writer.add(event("missed"))
            await other.until("missed")
            assert other.store.backends[-1] != stopped
        finally:
            os.kill(stopped, signal.SIGCONT)
        assert other.told == ["before", "missed"]


async def stored(node: Node, each: FrozenEvent) -> None:
    """Store an event, with the connections that there are after the old ones were cut."""
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(Exception):
                await node.add(each)
                return
            await asyncio.sleep(0)


def connecting_held(node: Node, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Have a process make no connection to listen before it is told to."""
    go_on = asyncio.Event()
    listening = node.store.listening

    @contextlib.asynccontextmanager
    async def later(*callbacks: Callable[..., None]) -> AsyncIterator[Any]:
        await go_on.wait()
        async with listening(*callbacks) as made:
            yield made

    monkeypatch.setattr(node.store, "listening", later)
    return go_on


@asynchronous
async def test_where_listen_has_no_effect_the_log_says_so(
    place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As behind a pooler that gives each transaction another connection."""
    async with several(place.url, 1) as (hearing,):
        await hearing.add(event("heard"))
        async with asyncio.timeout(20):
            while not hearing.nodes._hears_itself:  # noqa: ASYNC110 -- nobody tells
                await asyncio.sleep(0.01)
    monkeypatch.setattr(nodes, "_BETWEEN_SNAPSHOTS_SECONDS", 0.01)
    async with several(place.url, 1) as (deaf,):
        is_deaf = deafened(deaf, monkeypatch)
        await run(place.url, _CUT)
        async with asyncio.timeout(20):
            await is_deaf.wait()
            await stored(deaf, event("not heard"))
            while "LISTEN has no effect" not in caplog.text:  # noqa: ASYNC110 -- as above
                await asyncio.sleep(0.01)


def deafened(node: Node, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Have a process's next connection hear nothing; it is set when there is one."""
    is_deaf = asyncio.Event()
    listening = node.store.listening

    @contextlib.asynccontextmanager
    async def later(*callbacks: Callable[..., None]) -> AsyncIterator[Any]:
        async with listening(*callbacks) as made:
            await made._driver.execute("UNLISTEN *")
            is_deaf.set()
            yield made

    monkeypatch.setattr(node.store, "listening", later)
    return is_deaf


@asynchronous
@pytest.mark.heavy
async def test_who_falls_behind_looks_up_the_last(
    place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What waits is bounded, and what is looked up; the log says what that means."""
    monkeypatch.setattr(heard, "_WAITING", 300)
    monkeypatch.setattr(heard, "_LOOKED_UP", 250)
    async with several(place.url, 2) as (writer, other):
        other.has_opened.clear()
        events = [event(f"{number:03}") for number in range(400)]
        await writer.add(*events)
        await other.heard(300)
        other.has_opened.set()
        await other.until("399")
        assert other.told == [each.content for each in events[150:]]
    assert "more has come than can wait" in caplog.text
    assert "readers are told the last 250" in caplog.text
