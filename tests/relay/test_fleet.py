"""Several nodes on one PostgreSQL: what one stores reaches the readers of all, each decided by the
policy of the reader's own node.
"""

import asyncio
import contextlib
import json
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

import asyncpg
import attrs
import postgres
import pytest
import sqlalchemy as sa
from websockets.asyncio.client import connect

from .asked import pids
from .client import Client, Subscription, asynchronous, connected
from .signing import Event, Key, named_key
from .test_signed_updates import WARN, UpdatableRelay, accepts, soon

AUTHOR, PARTY, STRANGER = map(named_key, ("an author", "a party", "a stranger"))
ADMIN, BOB = map(named_key, ("an admin", "bob"))
NOTE, DIRECT, WITHHELD, CHANGING, FOLLOWERS, CALL = 1, 4, 6, 7, 9, 20_001

POLICY: dict[str, Any] = {
    "policy_admins": [ADMIN.pubkey],
    "policy_follow_whitelist_enabled": True,
    "rules": {
        "4": {"privileged": True},
        "9": {"write_allow": [AUTHOR.pubkey], "write_allow_follows": True},
    },
}
STRICTER = {**POLICY, "rules": {**POLICY["rules"], "6": {"read_allow": [AUTHOR.pubkey]}}}
NODES = ((POLICY, 1), (STRICTER, 1), (POLICY, 2))
"""The policy of each, and its number of workers."""


def without(policy: dict[str, Any], kind: int) -> dict[str, Any]:
    """The policy, with a kind that nobody may read but its author."""
    rule = {"read_allow": [AUTHOR.pubkey]}
    return {**policy, "rules": {**policy["rules"], str(kind): rule}}


@attrs.frozen
class Fleet:
    """The nodes, and their database."""

    server: postgres.Server
    nodes: Sequence[UpdatableRelay]


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    server = postgres.started()
    with contextlib.ExitStack() as stack:
        nodes = []
        for policy, workers in NODES:
            options = ("--database", server.url, "--workers", str(workers), *WARN)
            folder = tmp_path_factory.mktemp("node")
            nodes.append(UpdatableRelay(folder, policy, options=options))
        for node in nodes:  # all at once: they make the database's tables
            stack.callback(node.kill)
            node.launch()
        for node, (_, workers) in zip(nodes, NODES, strict=True):
            node.wait_until_it_serves()
            node.wait_for(lambda node=node, workers=workers: len(pids(node)) == workers)
        yield Fleet(server, nodes)
        for node in nodes:
            assert node.alive
            assert "Traceback" not in node.stderr
    server.stop()


class Readers:
    """Clients of all nodes, each with a subscription to all that comes."""

    def __init__(self, stack: contextlib.AsyncExitStack, *wanted: dict[str, Any]) -> None:
        self._stack = stack
        self._wanted = wanted or ({},)
        self.clients: list[Client] = []
        self.nodes: list[int] = []
        self.keys: list[Key | None] = []
        self.subscriptions: list[Subscription] = []

    async def add(self, fleet: Fleet, node: int, key: Key | None = None) -> None:
        """Connect to a node, and subscribe."""
        keys = () if key is None else (key,)
        client = await self._stack.enter_async_context(connected(fleet.nodes[node].url, *keys))
        wanted = [{"limit": 0, **each} for each in self._wanted]
        self.subscriptions.append(await client.subscribe(*wanted))
        self.clients.append(client)
        self.nodes.append(node)
        self.keys.append(key)

    def of_node(self, node: int) -> Client:
        """A client of a node, to write with."""
        return self.clients[self.nodes.index(node)]

    async def settled(self) -> None:
        """Wait until everybody has been told of all that has been written so far."""
        lasts = [AUTHOR.event(NOTE, f"last {random.random()}") for _ in range(2)]
        for node, last in enumerate(lasts):  # what another node writes comes after all the rest
            await self.of_node(node).publish_all(last)
        ids = {last["id"] for last in lasts}
        for client, subscription in zip(self.clients, self.subscriptions, strict=True):
            await client.until(lambda of=subscription: ids <= of.ids)

    def told(self, number: int) -> list[str]:
        """The contents that a reader was given, without those that :meth:`settled` has written."""
        contents = (event["content"] for event in self.subscriptions[number].events)
        return sorted(content for content in contents if not content.startswith("last "))


@contextlib.asynccontextmanager
async def readers(fleet: Fleet, *wanted: dict[str, Any]) -> AsyncIterator[Readers]:
    """Of each node somebody unknown and two who have authenticated; of the node with two workers
    several of each, so that both workers have some.
    """
    async with contextlib.AsyncExitStack() as stack:
        made = Readers(stack, *wanted)
        for node, (_, workers) in enumerate(NODES):
            for key in (None, PARTY, STRANGER) * (1 if workers == 1 else 3):
                await made.add(fleet, node, key)
        yield made


async def write(client: Client, events: Sequence[Event]) -> None:
    """Send events without waiting in between; all must be accepted."""
    for event in events:
        await client.send("EVENT", event)
    await client.until(lambda: all(event["id"] in client.answers for event in events))
    assert all(client.answers[event["id"]][-1][0] for event in events)


def some_events(name: str, count: int) -> list[Event]:
    """Events of all kinds, in any order, each with a content of its own."""
    kinds = [random.choice((NOTE, DIRECT, WITHHELD, CHANGING, CALL)) for _ in range(count)]
    tags = [["p", PARTY.pubkey]]
    return [AUTHOR.event(kind, f"{name} {number}", tags) for number, kind in enumerate(kinds)]


async def write_anywhere(fleet: Fleet, all_readers: Readers, events: Sequence[Event]) -> None:
    """Write events at random nodes; one in ten at two of them, at the same time."""
    of_nodes: list[list[Event]] = [[] for _ in NODES]
    for event in events:
        stored = event["kind"] < 20_000
        for node in random.sample(range(len(NODES)), 2 if stored and random.random() < 0.1 else 1):
            of_nodes[node].append(event)
    await asyncio.gather(
        *(write(all_readers.of_node(node), some) for node, some in enumerate(of_nodes))
    )


MayRead = Callable[[Event, int, Key | None], bool]


def at_first(event: Event, node: int, key: Key | None) -> bool:
    """Whether a reader may be given an event under :data:`NODES`."""
    match event["kind"]:
        case 4:
            return key is PARTY
        case 6:
            return NODES[node][0] is POLICY
        case _:
            return True


def later(event: Event, node: int, key: Key | None) -> bool:
    """The same when nobody may read kind 7 any more."""
    return event["kind"] != CHANGING and at_first(event, node, key)


@asynchronous
@pytest.mark.heavy
async def test_every_reader_is_given_what_he_may_read_once(fleet: Fleet) -> None:
    """2,000 events written at random nodes, and every policy changes in the middle."""
    before, meanwhile, after = (
        some_events(*each) for each in (("before", 900), ("meanwhile", 200), ("after", 900))
    )
    async with readers(fleet) as all_readers:
        await write_anywhere(fleet, all_readers, before)
        await all_readers.settled()
        said = [node.stdout.count("policy:  version") for node in fleet.nodes]
        writing = asyncio.create_task(write_anywhere(fleet, all_readers, meanwhile))
        for node, (policy, _) in zip(fleet.nodes, NODES, strict=True):
            node.save_policy(without(policy, CHANGING))
        await writing
        for node, (_, workers), count in zip(fleet.nodes, NODES, said, strict=True):
            await soon_said(node, "policy:  version", count + workers)
        await write_anywhere(fleet, all_readers, after)
        await all_readers.settled()
        for number, (node, key) in enumerate(
            zip(all_readers.nodes, all_readers.keys, strict=True)
        ):
            may = [each for each in before if at_first(each, node, key)]
            may += [each for each in after if later(each, node, key)]
            must = [each for each in meanwhile if later(each, node, key)]
            perhaps = [each for each in meanwhile if each["kind"] == CHANGING]
            told = all_readers.told(number)
            assert len(set(told)) == len(told)
            in_doubt = {each["content"] for each in perhaps}
            expected = sorted(each["content"] for each in may + must)
            assert [content for content in told if content not in in_doubt] == expected


async def soon_said(node: UpdatableRelay, text: str, count: int) -> None:
    """Wait until a node has printed something so often."""

    async def has_said() -> bool:
        return node.stdout.count(text) >= count

    await soon(has_said)


@asynchronous
@pytest.mark.heavy
async def test_what_was_stored_while_a_node_heard_nothing_comes_later(fleet: Fleet) -> None:
    """The database restarts, and one node notices it only after another has stored events."""
    deaf = fleet.nodes[1]
    events = [AUTHOR.event(NOTE, f"{number:02}") for number in range(20)]
    async with readers(fleet) as all_readers:
        await all_readers.settled()
        assert deaf._process is not None
        os.killpg(deaf._process.pid, signal.SIGSTOP)
        try:
            await asyncio.to_thread(fleet.server.restart)
            writer = all_readers.of_node(0)
            for event in events:

                async def is_stored(stored: Event = event) -> bool:
                    return await accepts(writer, stored)

                await soon(is_stored)
        finally:
            os.killpg(deaf._process.pid, signal.SIGCONT)
        contents = [event["content"] for event in events]
        for client, subscription in zip(
            all_readers.clients, all_readers.subscriptions, strict=True
        ):
            ids = {event["id"] for event in events}
            await client.until(lambda of=subscription, ids=ids: ids <= of.ids)
        await all_readers.settled()
        for number in range(len(all_readers.clients)):
            assert all_readers.told(number) == contents
    assert "what other processes store is heard of again" in deaf.stderr


@asynchronous
async def test_a_follow_list_counts_at_every_node(fleet: Fleet) -> None:
    """Whichever node it was sent to, and although nobody there subscribes to it."""
    here, there = (node.url for node in fleet.nodes[:2])
    async with connected(here) as admin, connected(there, BOB) as bob:
        assert not await accepts(bob, BOB.event(FOLLOWERS, "before"))
        await admin.publish_all(ADMIN.event(3, "", [["p", BOB.pubkey]]))

        async def follows() -> bool:
            return await accepts(bob, BOB.event(FOLLOWERS, f"{random.random()}"))

        await soon(follows)


@asynchronous
async def test_a_large_ephemeral_event_stays_where_it_was_written(fleet: Fleet) -> None:
    """And the log says so."""
    large = AUTHOR.event(CALL, "x" * 8_000)
    async with readers(fleet) as all_readers:
        await all_readers.of_node(0).publish_all(large)
        await all_readers.settled()
        for number, node in enumerate(all_readers.nodes):
            assert all_readers.told(number) == ([large["content"]] if node == 0 else [])
    assert "reaches the readers of this process alone" in fleet.nodes[0].stderr


def garbage() -> Iterator[Any]:
    """What somebody might send who can do so: JSON values, and a text."""
    genuine = AUTHOR.event(CALL, "not the author's")
    yield "no JSON"
    yield {"from": "x", "stored": [[NOTE, "00" * 32]]}
    yield {"from": "x", "stored": [[NOTE, "00" * 32, "more"], 1]}
    yield {"from": "x", "event": {**genuine, "content": "changed"}}
    yield {"from": "x", "event": {**genuine, "sig": "00" * 64}}
    yield {"from": "x", "event": AUTHOR.event(NOTE, "never stored")}
    yield {"from": "x", "event": AUTHOR.event(22_242, "an AUTH")}


@asynchronous
async def test_garbage_on_the_channel_is_shown_to_nobody(fleet: Fleet) -> None:
    """Nor what somebody has put into the table that its author has not signed."""
    forged = {**AUTHOR.event(NOTE, "forged"), "sig": "00" * 64}
    async with readers(fleet) as all_readers, database(fleet) as connection:
        await connection.execute(
            "INSERT INTO events (id, pubkey, created_at, kind, tags, content, sig) "
            "VALUES ($1, $2, $3, $4, '[]', $5, $6), ($7, NULL, 1, 1, $8, NULL, NULL)",
            bytes.fromhex(forged["id"]),
            bytes.fromhex(forged["pubkey"]),
            forged["created_at"],
            forged["kind"],
            forged["content"],
            bytes.fromhex(forged["sig"]),
            b"\1" * 32,
            "[" * 2_000 + "]" * 2_000,
        )
        entries = [[NOTE, forged["id"]], [NOTE, "01" * 32]]
        oid = await connection.fetchval("SELECT CAST(CAST('events' AS regclass) AS oid)")
        for payload in (*garbage(), {"from": "x", "stored": entries}):
            text = payload if isinstance(payload, str) else json.dumps(payload)
            await connection.execute("SELECT pg_notify($1, $2)", f"orly_policy_{oid}", text)
        await all_readers.settled()
        for number in range(len(all_readers.clients)):
            assert all_readers.told(number) == []
        await connection.execute("DELETE FROM events WHERE sig = $1 OR sig IS NULL", b"\0" * 64)
    assert "what was announced is not understood" in fleet.nodes[0].stderr


@contextlib.asynccontextmanager
async def database(fleet: Fleet) -> AsyncIterator[Any]:
    """A connection of somebody who has the database's password."""
    url = sa.make_url(fleet.server.url).set(drivername="postgresql")
    connection = await asyncpg.connect(url.render_as_string(hide_password=False))
    try:
        yield connection
    finally:
        await connection.close()


@asynchronous
@pytest.mark.heavy
async def test_who_does_not_read_delays_nobody(fleet: Fleet) -> None:
    """A reader of one node takes nothing from the socket, and is sent megabytes."""
    events = [AUTHOR.event(NOTE, f"{number:04}" + "x" * 60_000) for number in range(150)]
    async with contextlib.AsyncExitStack() as stack:
        all_readers = Readers(stack)
        slow = await stack.enter_async_context(connect(fleet.nodes[1].url, max_queue=1))
        await slow.send(json.dumps(["REQ", "slow", {"limit": 0}]))
        for node in (0, 1):
            await all_readers.add(fleet, node)
        began = time.monotonic()
        await write(all_readers.of_node(0), events)
        await all_readers.settled()
        assert time.monotonic() - began < 15
        for number in (0, 1):
            assert len(all_readers.told(number)) == len(events)
        slow.transport.abort()  # it would wait for what it has not read
