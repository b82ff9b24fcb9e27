"""Who does not read, floods, goes or is slow: it is that client's matter alone."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from relay.client import asynchronous
from relay.signing import Key

from orly_policy_hookspecs import Context, Decision, Event, hookimpl
from orly_policy_hookspecs.nip01 import Filter, FrozenEvent, Position
from orly_policy_plugin.hosts.memory import MemoryStore
from orly_policy_plugin.session import Known, Server

from .relays import client, serving

BOB = Key("bob")


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what nobody tells of."""
    while not condition():  # noqa: ASYNC110 -- nobody tells of it
        await asyncio.sleep(0)


async def turns() -> None:
    """More turns of the loop than anything takes that waits for nothing."""
    for _ in range(1_000):
        await asyncio.sleep(0)


@asynchronous
async def test_a_subscription_of_who_does_not_read_is_closed(tmp_path: Path) -> None:
    """It is told so, once it reads, and is served again; nobody else waits."""
    bounds = {"unread_bytes": 20_000}
    async with serving(tmp_path, {}, **bounds) as server, client(server) as slow:
        subscription = await slow.subscribe({"kinds": [1]}, name="s")
        slow.socket.reads.clear()
        async with client(server) as writer:
            reading = await writer.subscribe({"kinds": [1]})
            events = [BOB.event(1, f"{i}" + "x" * 900) for i in range(50)]
            await writer.publish_all(*events)
            await writer.until(lambda: len(reading.events) == 50)
        assert len(server.live) == 0
        slow.socket.reads.set()
        await slow.until(lambda: subscription.closed)
        assert subscription.closed == "error: you read too slowly for what comes; ask again"
        assert 5 < len(subscription.events) < 25
        assert subscription.events == events[: len(subscription.events)]
        assert len(await slow.stored({"kinds": [1]})) == 50


@asynchronous
@pytest.mark.heavy
async def test_requests_that_nobody_reads_fill_nothing(tmp_path: Path) -> None:
    """The relay takes no more than it may answer."""
    bounds = {"unread_bytes": 2_000}
    async with serving(tmp_path, {}, **bounds) as server, client(server) as slow:
        slow.socket.reads.clear()
        for number in range(2_000):
            await slow.send("REQ", f"{number}", {"kinds": [number], "limit": 0})
        for _ in range(20_000):  # turns of the loop: more than all of them would take
            await asyncio.sleep(0)
        (session,) = server._sessions
        assert session.outbox._bytes <= 2_000
        assert slow.socket._to_relay.qsize() > 1_000
        slow.socket.reads.set()
        await slow.until(lambda: len(slow.said("EOSE")) + len(slow.said("CLOSED")) == 2_000)


@asynchronous
async def test_who_reads_nothing_at_all_is_sent_away(tmp_path: Path) -> None:
    """After the time that one message may take."""
    async with serving(tmp_path, {}, send_seconds=0.05) as server, client(server) as slow:
        slow.socket.reads.clear()
        await slow.until_gone()
        assert not server._sessions


@attrs.define(eq=False)
class Thinking:
    """A plugin that thinks about some events for as long as it is told to."""

    done: asyncio.Event = attrs.Factory(asyncio.Event)
    asked: int = 0

    @hookimpl
    async def on_write(self, event: Event, context: Context) -> Decision | None:
        if event.content.startswith("think"):
            self.asked += 1
            await self.done.wait()
        return None


@asynchronous
async def test_a_slow_decision_holds_up_its_event_alone(tmp_path: Path) -> None:
    """Not the connection's other messages."""
    plugin = Thinking()
    async with serving(tmp_path, {}, plugin) as server, client(server) as speaker:
        slow = BOB.event(1, "think")
        await speaker.send("EVENT", slow)
        await speaker.publish_all(BOB.event(1, "quick"))
        assert len(await speaker.stored({})) == 1
        assert (await speaker.authenticate(BOB))[0]
        assert slow["id"] not in speaker.answers
        plugin.done.set()
        await speaker.until(lambda: slow["id"] in speaker.answers)


@asynchronous
async def test_events_in_flight_are_bounded(tmp_path: Path) -> None:
    """What is beyond waits with the client; another's is taken."""
    plugin = Thinking()
    async with (
        serving(tmp_path, {}, plugin, events_in_flight=3) as server,
        client(server) as flood,
    ):
        events = [BOB.event(1, f"think {i}") for i in range(10)]
        for event in events:
            await flood.send("EVENT", event)
        async with client(server) as other:
            await other.publish_all(BOB.event(1))
        assert plugin.asked == 3
        plugin.done.set()
        await flood.until(lambda: all(event["id"] in flood.answers for event in events))


@asynchronous
async def test_large_events_are_taken_one_after_the_other(tmp_path: Path) -> None:
    """Small ones go beside them, as far as there is room."""
    plugin = Thinking()
    bounds = {"event_bytes_in_flight": 10_000}
    async with serving(tmp_path, {}, plugin, **bounds) as server, client(server) as flood:
        large = [BOB.event(1, f"think {i}" + "x" * 20_000) for i in range(3)]
        small = [BOB.event(1, f"think small {i}" + "x" * 4_000) for i in range(3)]
        for event in (*small, *large):
            await flood.send("EVENT", event)
        async with client(server) as other:
            await other.publish_all(BOB.event(1))
        assert plugin.asked == 2
        plugin.done.set()
        events = (*small, *large)
        await flood.until(lambda: all(event["id"] in flood.answers for event in events))


@asynchronous
async def test_what_was_sent_is_taken_although_the_client_has_gone(tmp_path: Path) -> None:
    """Whoever has gone hears of nothing more; it is announced to others, and heeded."""
    plugin = Thinking()
    async with serving(tmp_path, {}, plugin) as server, client(server) as reader:
        subscription = await reader.subscribe({"kinds": [1, 5]})
        note = BOB.event(1, "think")
        deletion = BOB.event(5, "think", [["e", note["id"]]])
        async with client(server) as sender:
            await sender.send("EVENT", note)
            await until(lambda: plugin.asked == 1)
            await sender.socket.close()
            await turns()
            plugin.done.set()
        assert len(server._sessions) == 1
        await reader.until(lambda: len(subscription.events) == 1)
        plugin.done.clear()
        async with client(server) as sender:
            await sender.send("EVENT", deletion)
            await until(lambda: plugin.asked == 2)
            await sender.socket.close()
            await turns()
            plugin.done.set()
        await reader.until(lambda: len(subscription.events) == 2)
        assert await reader.stored_ids({}) == {deletion["id"]}


@asynchronous
async def test_a_count_ends_with_close(tmp_path: Path) -> None:
    """And makes room for others."""
    store = Waiting()
    async with (
        serving(tmp_path, {}, store=store, subscriptions=1) as server,
        client(server) as speaker,
    ):
        await speaker.send("COUNT", "c", {"kinds": [1]})
        await until(lambda: store.running == 1)
        await speaker.send("CLOSE", "c")
        await until(lambda: store.running == 0)
        assert await speaker.count({"kinds": [2]}) == 0
        assert not speaker.said("COUNT")[:-1]


@asynchronous
async def test_readers_take_turns(tmp_path: Path) -> None:
    """One who asks much waits behind himself, however many connections he makes."""
    store = Stepping()
    async with (
        serving(tmp_path, {}, store=store, reads_at_a_time=1) as server,
        client(server) as one,
        client(server) as two,
        client(server, ip="::2") as other,
    ):
        for number in range(5):
            await one.send("REQ", f"{number}", {"kinds": [1]})
            await two.send("REQ", f"{number}", {"kinds": [2]})
        await other.send("REQ", "mine", {"kinds": [3]})
        await turns()
        store.step.set()
        await one.until(lambda: len(one.said("EOSE")) == 5)
        await two.until(lambda: len(two.said("EOSE")) == 5)
        await other.until(lambda: other.said("EOSE"))
    assert store.asked.index(3) <= 2
    assert {1, 2} <= set(store.asked[:4])


class Stepping(MemoryStore):
    """A store that begins to answer when it is told to, and says who was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.step = asyncio.Event()
        self.asked: list[int] = []

    async def page(self, wanted: Filter, before: Position | None, most: int) -> Any:
        if wanted.kinds is not None and len(wanted.kinds) == 1:
            self.asked += wanted.kinds
            await self.step.wait()
        return await super().page(wanted, before, most)


@asynchronous
async def test_live_events_that_wait_are_bounded_in_bytes(tmp_path: Path) -> None:
    """For all subscriptions of a connection that are still sent what is stored."""
    store = Waiting()
    bounds = {"unread_bytes": 20_000}
    async with serving(tmp_path, {}, store=store, **bounds) as server, client(server) as slow:
        for name in ("a", "b"):
            await slow.send("REQ", name, {"kinds": [1]})
        await until(lambda: store.running == 2)
        async with client(server) as writer:
            for number in range(30):
                await writer.publish_all(BOB.event(1, f"{number}" + "x" * 900))
        await slow.until(lambda: len(slow.said("CLOSED")) == 2)
        assert {reason for _, reason in slow.said("CLOSED")} == {
            "error: you read too slowly for what comes; ask again"
        }
        await until(lambda: store.running == 0)
        (session,) = server._sessions
        assert session.outbox._held_bytes == 0


class Waiting(MemoryStore):
    """A store in which queries hang."""

    def __init__(self) -> None:
        super().__init__()
        self.running = 0
        self.most = 0

    async def page(self, wanted: Filter, before: Position | None, most: int) -> Any:
        if wanted.kinds != frozenset({1}):
            return await super().page(wanted, before, most)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.Event().wait()
        finally:
            self.running -= 1


@asynchronous
async def test_queries_are_bounded_and_end_with_their_client(tmp_path: Path) -> None:
    """And with their subscription."""
    store = Waiting()
    async with serving(tmp_path, {}, store=store, requests_in_flight=3) as server:
        async with client(server) as speaker:
            for number in range(10):
                await speaker.send("REQ", f"{number}", {"kinds": [1]})
            await speaker.publish_all(BOB.event(1))
            assert store.running == 3
            for number in range(9):
                await speaker.send("CLOSE", f"{number}")
            await speaker.publish_all(BOB.event(2))
            assert store.running == 1
        assert (store.running, store.most) == (0, 3)
        assert len(server.live) == 0


async def unheard(text: str) -> None:
    """The client reads, and says nothing of it."""


async def broken(text: str) -> None:
    raise ConnectionResetError("the client has gone")


@asynchronous
async def test_a_connection_that_breaks_ends_its_session_alone(tmp_path: Path) -> None:
    """Wherever the relay's author has got to."""
    async with serving(tmp_path, {}) as server:
        async with server.connect(broken) as session:
            await asyncio.Event().wait()  # until the session ends it
        assert not server._sessions
        async with server.connect(broken) as session:
            while True:
                await session.incoming('["REQ", "s", {}]')
        assert not server._sessions


class Late(MemoryStore):
    """A store that takes its time to add."""

    def __init__(self) -> None:
        super().__init__()
        self.is_asked, self.go_on = asyncio.Event(), asyncio.Event()

    async def add(self, new: FrozenEvent) -> Known:
        self.is_asked.set()
        await self.go_on.wait()
        return await super().add(new)


@asynchronous
async def test_what_has_left_is_not_ended_while_it_finishes(tmp_path: Path) -> None:
    """The client has gone, its event is being stored, and the connection breaks or the relay
    closes: the event is stored, and the task that served the client is not cancelled.
    """
    store, note = Late(), BOB.event(1)
    async with serving(tmp_path, {}, store=store) as server:

        async def connection() -> str:
            async with server.connect(unheard) as session:
                await session.incoming(json.dumps(["EVENT", note]))
                await store.is_asked.wait()
            return "as it should"

        leaving = asyncio.create_task(connection())
        await store.is_asked.wait()
        await turns()
        (session,) = server._sessions
        session.end("it has gone")
        await turns()
        store.go_on.set()
        assert await leaving == "as it should"
        assert await store.add(FrozenEvent.of_json(note)) is Known.DUPLICATE


async def silent(server: Server) -> "asyncio.Task[None]":
    """The task that serves a client who is connected and sends nothing."""

    async def serve() -> None:
        async with server.connect(unheard):
            await asyncio.Event().wait()

    task = asyncio.create_task(serve())
    await until(lambda: bool(server._sessions))
    return task


@asynchronous
async def test_a_cancellation_from_outside_goes_on(tmp_path: Path) -> None:
    """A session swallows none but its own."""
    async with serving(tmp_path, {}) as server:
        task = await silent(server)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert not server._sessions


@asynchronous
async def test_the_relay_closing_ends_its_sessions(tmp_path: Path) -> None:
    """Each knows why, and its task goes on."""
    async with serving(tmp_path, {}) as server:
        task = await silent(server)
        (session,) = server._sessions
    await task
    assert session._why_ended == "the relay is closing"


@asynchronous
async def test_naive_use_blocks_nobody(tmp_path: Path) -> None:
    """A client that sends without end: others are answered in between."""
    async with serving(tmp_path, {}) as server:
        sent: list[str] = []

        async def send(text: str) -> None:
            sent.append(text)

        async def flood() -> None:
            async with server.connect(send) as session:
                while True:
                    await session.incoming('["REQ", "s", {"kinds": [1]}]')

        task = asyncio.create_task(flood())
        async with client(server) as speaker:
            began = time.monotonic()
            for number in range(20):
                await speaker.publish_all(BOB.event(1, f"{number}"))
            assert time.monotonic() - began < 5
        task.cancel()
        await asyncio.wait([task])
