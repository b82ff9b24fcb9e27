"""Live events: to whom, in which order, and what they cost."""

import asyncio
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import attrs
import pytest
from relay.client import asynchronous
from relay.signing import Key

from orly_policy_hookspecs import Context, Decision, Event, hookimpl
from orly_policy_hookspecs.nip01 import Filter, FrozenEvent, Position
from orly_policy_hookspecs.reading import ReadScope, SameForAllKinds, Sizes
from orly_policy_plugin.event_size import event_size
from orly_policy_plugin.hosts.memory import MemoryStore

from .relays import Speaker, client, serving

ALICE, BOB, CAROL = Key("alice"), Key("bob"), Key("carol")
POLICY = {"rules": {"4": {"privileged": True}, "7": {"read_allow": [ALICE.pubkey]}}}


@attrs.define(eq=False)
class Asked:
    """A plugin that notes whom it was asked about."""

    scope: ReadScope = attrs.Factory(ReadScope)
    readers: list[Context] = attrs.Factory(list)
    until: asyncio.Event | None = None
    is_asked: asyncio.Event = attrs.Factory(asyncio.Event)

    @hookimpl
    async def on_read(self, event: Event, context: Context) -> Decision | None:
        self.readers.append(context)
        self.is_asked.set()
        if self.until is not None:
            await self.until.wait()
        return None

    @hookimpl
    def read_scopes(self, context: Context) -> Any:
        return SameForAllKinds(self.scope)


@asynchronous
async def test_a_live_event_goes_to_whom_it_may(tmp_path: Path) -> None:
    """As stored ones do; to each subscription that asks for it, once."""
    async with serving(tmp_path, POLICY) as server, AsyncExitStack() as stack:
        readers = {}
        for name, keys in {"nobody": (), "alice": (ALICE,), "carol": (CAROL,)}.items():
            speaker = await stack.enter_async_context(client(server, *keys))
            readers[name] = await speaker.subscribe({}, {"kinds": [4]}), speaker
        writer = await stack.enter_async_context(client(server))
        private, members = BOB.event(4, tags=[["p", CAROL.pubkey]]), BOB.event(7)
        last = BOB.event(1)
        await writer.publish_all(private, members, last)
        expected = {"nobody": [last], "alice": [members, last], "carol": [private, last]}
        for name, (subscription, speaker) in readers.items():
            await speaker.until(lambda of=subscription: last["id"] in of.ids)
            assert subscription.events == expected[name]


@asynchronous
async def test_who_has_authenticated_by_then_counts(tmp_path: Path) -> None:
    """On a subscription that stays open, also while an answer is awaited."""
    plugin = Asked(until=asyncio.Event())
    async with serving(tmp_path, POLICY, plugin) as server, client(server) as speaker:
        subscription = await speaker.subscribe({"kinds": [7]}, {"kinds": [1]})
        note, members = BOB.event(1), BOB.event(7)
        async with client(server) as writer:
            await writer.publish_all(note)
            await plugin.is_asked.wait()
            assert (await speaker.authenticate(ALICE))[0]
            assert plugin.until is not None
            plugin.until.set()
            await speaker.until(lambda: note["id"] in subscription.ids)
            assert [context.authenticated for context in plugin.readers] == [(), (ALICE.pubkey,)]
            await writer.publish_all(members)
            await speaker.until(lambda: members["id"] in subscription.ids)


@asynchronous
async def test_one_decision_for_readers_whom_nobody_can_tell_apart(tmp_path: Path) -> None:
    """By who authenticated; by address only where a plugin may look at it."""
    for apart, expected in ((False, 2), (True, 4)):
        plugin = Asked(ReadScope(tells_addresses_apart=apart))
        async with serving(tmp_path, {}, plugin) as server, AsyncExitStack() as stack:
            subscriptions = []
            for ip in ("192.0.2.1", "192.0.2.2"):
                for keys in ((), (), (ALICE,)):
                    speaker = await stack.enter_async_context(client(server, *keys, ip=ip))
                    subscriptions += [(speaker, await speaker.subscribe({})) for _ in range(2)]
            await speaker.publish_all(BOB.event(1))
            for speaker, subscription in subscriptions:
                await speaker.until(lambda of=subscription: len(of.events) == 1)
            assert len(plugin.readers) == expected


@asynchronous
async def test_what_is_granted_as_a_kind_is_asked_of_nobody(tmp_path: Path) -> None:
    """Everybody may read it: it is handed on as it is."""
    plugin = Asked(ReadScope(grants_rest=True, tells_addresses_apart=False))
    async with serving(tmp_path, {}, plugin) as server, client(server) as speaker:
        subscription = await speaker.subscribe({})
        await speaker.publish_all(note := BOB.event(1))
        await speaker.until(lambda: subscription.events == [note])
        assert await speaker.stored({}) == [note]
        assert plugin.readers == []


SHORT = BOB.event(1, "a" * 5)
_SIZE = event_size(FrozenEvent.of_json(SHORT))


@pytest.mark.parametrize("most", [Sizes(_SIZE), Sizes(content=5), Sizes(_SIZE, 5)])
@asynchronous
async def test_what_is_small_enough_is_asked_of_nobody(most: Sizes, tmp_path: Path) -> None:
    """Live or stored; of what is larger, in bytes, the plugin is asked."""
    plugin = Asked(ReadScope(grants_up_to=most))
    async with serving(tmp_path, {}, plugin) as server, client(server) as speaker:
        subscription = await speaker.subscribe({})
        await speaker.publish_all(SHORT)
        await speaker.until(lambda: subscription.events == [SHORT])
        assert await speaker.stored({}) == [SHORT]
        assert plugin.readers == []
        for number, content in enumerate(("a" * 6, "\u00e9" * 3), 1):
            await speaker.publish_all(large := BOB.event(1, content))
            assert await speaker.stored({"ids": [large["id"]]}) == [large]
            await speaker.until(lambda of=large: of in subscription.events)
            assert len(plugin.readers) == 2 * number


class Slow(MemoryStore):
    """A store that waits with what it has found."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = asyncio.Event()
        self.is_asked = asyncio.Event()

    async def page(self, wanted: Filter, before: Position | None, most: int) -> Any:
        found = await super().page(wanted, before, most)
        if wanted.kinds == frozenset({1}):
            self.is_asked.set()
            await self.go_on.wait()
        return found


@asynchronous
async def test_what_comes_while_stored_events_are_sent_comes_once_and_later(
    tmp_path: Path,
) -> None:
    """EOSE stands between both."""
    store = Slow()
    before, meanwhile = BOB.event(1, "before"), BOB.event(1, "meanwhile")
    async with serving(tmp_path, {}, store=store) as server, client(server) as speaker:
        await store.add(FrozenEvent.of_json(before))
        await speaker.send("REQ", "s", {"kinds": [1]})
        await store.is_asked.wait()
        await speaker.publish_all(meanwhile)
        await server.announced(FrozenEvent.of_json(before))
        store.go_on.set()
        await speaker.until(lambda: len(speaker.said("EVENT")) == 2)
        commands = [message[0] for message in speaker.messages]
        assert commands == ["AUTH", "OK", "EVENT", "EOSE", "EVENT"]
        assert [event["content"] for _, event in speaker.said("EVENT")] == ["before", "meanwhile"]


class Announcing(MemoryStore):
    """The store of a relay of several processes."""

    async def announce(self, event: FrozenEvent) -> None:
        """The others are not there."""


@asynchronous
async def test_what_was_found_is_not_given_again_when_it_is_announced(tmp_path: Path) -> None:
    """What another process stores can be found before it is announced."""
    store = Announcing()
    found, other = BOB.event(1, "found"), BOB.event(1, "other")
    async with serving(tmp_path, {}, store=store) as server, client(server) as speaker:
        await store.add(FrozenEvent.of_json(found))
        subscription = await speaker.subscribe({"kinds": [1]})
        for event in (found, other):
            await server.announced(FrozenEvent.of_json(event))
        await speaker.until(lambda: other in subscription.events)
        assert subscription.events == [found, other]


@asynchronous
async def test_idle_subscriptions_cost_a_write_nothing(tmp_path: Path) -> None:
    """A thousand of another kind: counted in calls, which no other process blurs."""
    bounds = {"subscriptions": 2_000}
    async with serving(tmp_path, {}, **bounds) as server, client(server) as speaker:

        async def fewest_calls() -> int:
            return min([await calls(speaker, f"{time.time_ns()}") for _ in range(5)])

        alone = await fewest_calls()
        for number in range(1_000):
            await speaker.send("REQ", f"s{number}", {"kinds": [7], "authors": [ALICE.pubkey]})
        await speaker.subscribe({"kinds": [7]}, name="last")
        assert len(server.live) == 1_001
        assert await fewest_calls() < alone + 100


async def calls(speaker: Speaker, content: str) -> int:
    """How many functions are called while an event is written."""
    event, count = BOB.event(1, content), 0

    def called(_frame: object, kind: str, _argument: object) -> None:
        nonlocal count
        count += kind in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        await speaker.publish_all(event)
    finally:
        sys.setprofile(before)
    return count


@asynchronous
async def test_what_was_asked_of_a_subscription_that_is_closed_goes_to_nobody(
    tmp_path: Path,
) -> None:
    """Nor to another one of its name."""
    asked = Asked(until=asyncio.Event())
    async with serving(tmp_path, {}, asked) as server, client(server) as speaker:
        await speaker.subscribe({"kinds": [1]}, name="closed")
        await speaker.subscribe({"kinds": [1]}, name="replaced")
        async with client(server) as writer:
            await writer.publish_all(BOB.event(1))
            await asked.is_asked.wait()
            await speaker.send("CLOSE", "closed")
            again = await speaker.subscribe({"kinds": [2]}, name="replaced")
            assert asked.until is not None
            asked.until.set()
            await writer.publish_all(last := BOB.event(2))
        await speaker.until(lambda: again.events == [last])
        assert [message[1]["id"] for message in speaker.said("EVENT")] == [last["id"]]
