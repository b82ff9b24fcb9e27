"""What the relay has stored of the lists that plugins need: sections 7 and 14 of the spec."""

from pathlib import Path
from typing import Any

import attrs
from relay.client import asynchronous
from relay.signing import Key

from orly_policy_hookspecs import Context, Event, Origin, hookimpl
from orly_policy_hookspecs.nip01 import Address, FrozenEvent
from orly_policy_plugin.hosts.memory import MemoryStore

from .relays import serving

ALICE, BOB = Key("alice"), Key("bob")


@attrs.define(eq=False)
class Needing:
    """A plugin that needs lists, and more once it has been told of these."""

    needed: list[set[Address]]
    told: list[str] = attrs.Factory(list)

    @hookimpl
    def needed_lists(self) -> set[Address]:
        return set().union(*self.needed[: len(self.told) + 1])

    @hookimpl
    def on_kind3(self, event: Event, context: Context) -> None:
        self.told.append(f"{event.content} {context.origin is Origin.IMPORT}")

    @hookimpl
    async def on_list_event(self, event: Event, context: Context) -> None:
        self.told.append(f"{event.content} {context.origin is Origin.IMPORT}")

    @hookimpl
    def on_open(self) -> None:
        self.told.append("open")


def set_of(key: Key, name: str | None, content: str) -> dict[str, Any]:
    return key.event(30_000, content, [] if name is None else [["d", name]])


async def holding(*events: dict[str, Any]) -> MemoryStore:
    store = MemoryStore()
    for event in events:
        await store.add(FrozenEvent.of_json(event))
    return store


@asynchronous
async def test_a_list_may_say_which_others_are_needed(tmp_path: Path) -> None:
    """All of them are handed over before the relay opens, each once."""
    follow_list, mutes = ALICE.event(3, "follows"), BOB.event(10_000, "mutes")
    plugin = Needing(
        [
            {Address(3, ALICE.pubkey, "")},
            {Address(10_000, BOB.pubkey, ""), Address(3, BOB.pubkey, "")},
            {Address(30_000, BOB.pubkey, "a")},
        ]
    )
    store = await holding(follow_list, mutes, set_of(BOB, "a", "a"), set_of(BOB, "b", "b"))
    async with serving(tmp_path, None, plugin, store=store):
        assert plugin.told == ["follows True", "mutes True", "a True", "open"]


@asynchronous
async def test_each_set_is_found_by_its_d_tag(tmp_path: Path) -> None:
    """One without a ``d`` tag as well; nothing else of their authors is handed over."""
    plugin = Needing([{Address(30_000, ALICE.pubkey, "a"), Address(30_000, BOB.pubkey, "")}])
    store = await holding(
        set_of(ALICE, "a", "alice's a"),
        set_of(ALICE, None, "alice's"),
        set_of(BOB, "a", "bob's a"),
        set_of(BOB, None, "bob's"),
        BOB.event(3, "bob follows"),
    )
    async with serving(tmp_path, None, plugin, store=store):
        assert sorted(plugin.told) == ["alice's a True", "bob's True", "open"]


@asynchronous
async def test_lists_that_other_processes_take_are_awaited(tmp_path: Path) -> None:
    """Of every other kind there is nobody to be told."""
    async with serving(tmp_path) as server:
        assert {kind for kind in range(40_000) if server.awaits(kind)} == {3, 10_000, 30_000}
