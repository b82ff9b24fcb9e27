"""What the protocol asks of every relay: NIP-09, 40, 42, 45, 62, 70, and shadows (section 11)."""

import json
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from relay.client import asynchronous
from relay.signing import Key

from orly_policy_hookspecs import Decision, Event, hookimpl
from orly_policy_hookspecs.nip01 import FrozenEvent
from orly_policy_plugin.hosts.memory import MemoryStore
from orly_policy_plugin.session import Added, NotStored

from .relays import URL, client, serving

ALICE, BOB = Key("alice"), Key("bob")


def now(seconds: int = 0) -> int:
    return int(time.time()) + seconds


def deletion(key: Key, *tags: list[str], created_at: int | None = None) -> Any:
    return key.event(5, tags=list(tags), created_at=created_at)


def article(key: Key, identifier: str, seconds: int) -> Any:
    return key.event(30023, tags=[["d", identifier]], created_at=now(seconds))


@asynchronous
async def test_a_deletion_is_by_its_author_alone_and_remembered(tmp_path: Path) -> None:
    """By ``e`` and ``a`` tags; what it deletes does not come back, nor comes it later."""
    note, late, other = ALICE.event(1, "n"), ALICE.event(1, "later"), BOB.event(1)
    old, newer = article(ALICE, "x", -20), article(ALICE, "x", -5)
    address = f"30023:{ALICE.pubkey}:x"
    async with serving(tmp_path) as server, client(server) as speaker:
        await speaker.publish_all(note, other, old)
        tags = [["e", note["id"]], ["e", late["id"]], ["e", other["id"]], ["a", address]]
        tags += [["e", "nonsense"], ["a", "nonsense"], ["e"]]
        deleting = deletion(ALICE, *tags, created_at=now(-10))
        await speaker.publish_all(deleting)
        assert await speaker.stored_ids({}) == {other["id"], deleting["id"]}
        for gone in (note, late, old):
            assert await speaker.publish(gone) == (False, "blocked: deleted")
        await speaker.publish_all(newer)
        assert await speaker.stored_ids({}) == {other["id"], deleting["id"], newer["id"]}


@asynchronous
async def test_a_deletion_deletes_no_deletion(tmp_path: Path) -> None:
    """So that nothing comes back by deleting its deletion."""
    note = ALICE.event(1)
    async with serving(tmp_path) as server, client(server) as speaker:
        await speaker.publish_all(note, first := deletion(ALICE, ["e", note["id"]]))
        await speaker.publish_all(second := deletion(ALICE, ["e", first["id"]]))
        assert await speaker.stored_ids({}) == {first["id"], second["id"]}
        assert await speaker.publish(note) == (False, "blocked: deleted")


@asynchronous
async def test_a_deletion_is_bounded(tmp_path: Path) -> None:
    """In what it names."""
    async with serving(tmp_path, deletion_targets=3) as server, client(server) as speaker:
        tags = [["e", f"{i:064x}"] for i in range(4)]
        refused = await speaker.publish(deletion(ALICE, *tags))
        assert refused == (False, "invalid: a deletion names 4 events, at most 3 may be")
        await speaker.publish_all(deletion(ALICE, *tags[:3]))


@asynchronous
async def test_whoever_vanishes_is_gone(tmp_path: Path) -> None:
    """With what is sealed for them, whatever the policy says; and comes back only anew."""
    policy = {"default_policy": "deny", "rules": {"1": {"write_allow": []}, "1059": {}}}
    policy["rules"]["1059"] = {"write_allow": [], "read_allow": []}
    policy["rules"]["1"] = {"write_allow": [], "read_allow": []}
    mine, others = ALICE.event(1, created_at=now(-20)), BOB.event(1)
    sealed = Key().event(1059, tags=[["p", ALICE.pubkey]], created_at=now(-20))
    in_capitals = Key().event(1059, tags=[["p", ALICE.pubkey.upper()]], created_at=now(-20))
    sealed_for_bob = Key().event(1059, tags=[["p", BOB.pubkey]], created_at=now(-20))
    elsewhere = ALICE.event(62, tags=[["relay", "wss://other.example"]], created_at=now(-10))
    here = ALICE.event(62, tags=[["relay", URL + "/"]], created_at=now(-10))
    async with serving(tmp_path, policy) as server, client(server) as speaker:
        await speaker.publish_all(mine, others, sealed, in_capitals, sealed_for_bob)
        accepted, message = await speaker.publish(elsewhere)
        assert not accepted
        assert message.startswith(("blocked:", "auth-required:"))
        await speaker.publish_all(here)
        assert await speaker.publish(here) == (True, "duplicate: stored already")
        older = ALICE.event(20_001, created_at=now(-11))
        assert await speaker.publish(older) == (False, "blocked: deleted")
        ids = await speaker.stored_ids({"kinds": [1, 1059]})
        assert ids == {others["id"], sealed_for_bob["id"]}
        assert await speaker.publish(mine) == (False, "blocked: deleted")
        await speaker.publish_all(ALICE.event(1, "anew"))


@asynchronous
async def test_a_request_to_vanish_is_no_way_around_the_policy(tmp_path: Path) -> None:
    """It is obeyed, but neither large, nor dated in the future, nor told to anybody where the
    policy would not take it; and told once where it would.
    """
    for policy, told in ({"default_policy": "deny"}, 0), ({}, 1):
        async with serving(tmp_path, policy) as server, client(server) as speaker:
            subscription = await speaker.subscribe({"kinds": [62]})
            tags = [["relay", "ALL_RELAYS"]]
            large = ALICE.event(62, "x" * 20_000, tags)
            early = ALICE.event(62, "", tags, now(100_000))
            for event in large, early:
                accepted, message = await speaker.publish(event)
                assert (accepted, message.partition(":")[0]) == (False, "invalid")
            vanishing = ALICE.event(62, "", tags, now(-1))
            assert await speaker.publish(vanishing) == (True, "")
            assert await speaker.publish(vanishing) == (True, "duplicate: stored already")
            await speaker.stored({})
            assert len(subscription.events) == told


class Refusing(MemoryStore):
    """A store that has no room for deletions."""

    async def add(self, event: FrozenEvent) -> Added:
        return NotStored("error: no room") if event.kind == 5 else await super().add(event)


@asynchronous
async def test_a_deletion_that_is_not_stored_deletes_nothing(tmp_path: Path) -> None:
    """As nothing would remember it."""
    note = ALICE.event(1)
    async with serving(tmp_path, store=Refusing()) as server, client(server) as speaker:
        await speaker.publish_all(note)
        refused = await speaker.publish(deletion(ALICE, ["e", note["id"]]))
        assert refused == (False, "error: no room")
        assert await speaker.stored_ids({}) == {note["id"]}


UNREADABLE_REPOSTS = [
    '{"tags": [["-"]], "z": "\\ud800"}',
    ' {"tags": [["-"]], "z": ' + "[" * 2_000 + "]" * 2_000 + "}",
    '{"tags": [["-"]]',
]


@pytest.mark.parametrize("content", UNREADABLE_REPOSTS, ids=lambda text: text[:20])
@asynchronous
async def test_what_a_repost_embeds_can_be_told(tmp_path: Path, content: str) -> None:
    """Others may read what we cannot."""
    async with serving(tmp_path) as server, client(server) as speaker:
        accepted, message = await speaker.publish(ALICE.event(6, content))
        assert (accepted, message.partition(":")[0]) == (False, "invalid")
        await speaker.publish_all(ALICE.event(6), ALICE.event(16, "no JSON"))


class OnlyAdding:
    """A store that can do nothing but store."""

    def __init__(self) -> None:
        from orly_policy_plugin.hosts.memory import MemoryStore

        store = MemoryStore()
        self.add, self.page = store.add, store.page


@pytest.mark.parametrize(
    "event", [deletion(ALICE, ["e", "00" * 32]), ALICE.event(62, tags=[["relay", "ALL_RELAYS"]])]
)
@asynchronous
async def test_a_store_that_cannot_says_so(tmp_path: Path, event: Any) -> None:
    """Nobody is told that something is gone which is not."""
    async with serving(tmp_path, store=OnlyAdding()) as server, client(server) as speaker:
        accepted, message = await speaker.publish(event)
        assert (accepted, message.split()[0]) == (False, "error:")
        assert server.information({})["supported_nips"] == [1, 11, 40, 42, 45, 70]


@asynchronous
async def test_a_store_that_recalls_nothing_is_asked_by_pages(tmp_path: Path) -> None:
    """Duplicates, older versions, and what a stored kind 5 or 62 has made gone."""
    store = OnlyAdding()
    old, new = article(ALICE, "", -20), article(ALICE, "", -10)
    async with serving(tmp_path, store=store) as server, client(server) as speaker:
        await speaker.publish_all(new, *(article(ALICE, f"{i}", -5) for i in range(60)))
        assert (await speaker.publish(new))[1] == "duplicate: stored already"
        assert (await speaker.publish(old))[1] == "duplicate: a newer version is stored already"


@asynchronous
async def test_expired_events_are_neither_taken_nor_given(tmp_path: Path) -> None:
    """NIP-40; live neither."""
    clock = [time.time()]
    past = ALICE.event(1, tags=[["expiration", str(now(-1))]])
    soon = ALICE.event(1, tags=[["expiration", str(now(100))]])
    odd = ALICE.event(1, tags=[["expiration", "soon"], ["x", "1"]])
    async with serving(tmp_path) as server:
        object.__setattr__(server.reading, "_clock", lambda: clock[0])
        async with client(server) as speaker:
            refused = await speaker.publish(past)
            assert refused == (False, "invalid: the event has expired")
            await speaker.publish_all(soon, odd)
            assert await speaker.stored_ids({}) == {soon["id"], odd["id"]}
            assert await speaker.count({}) == 2
            clock[0] += 200
            assert await speaker.stored_ids({}) == {odd["id"]}
            assert await speaker.count({}) == 1


@asynchronous
async def test_a_protected_event_is_taken_from_its_author_alone(tmp_path: Path) -> None:
    """NIP-70; and no repost hands it on."""
    event = ALICE.event(1, tags=[["-"]])
    reposts = [BOB.event(kind, json.dumps(event)) for kind in (6, 16)]
    plain = BOB.event(6, json.dumps(ALICE.event(1)))
    async with serving(tmp_path) as server:
        async with client(server) as nobody, client(server, BOB) as bob:
            assert (await nobody.publish(event))[1].startswith("auth-required:")
            assert (await bob.publish(event))[1].startswith("restricted:")
            assert (await bob.publish(reposts[0]))[1].startswith("blocked:")
            assert (await bob.publish(reposts[1]))[1].startswith("blocked:")
            await bob.publish_all(plain, BOB.event(6, "not json"), BOB.event(6, "[1]"))
        async with client(server, BOB, ALICE) as both:
            await both.publish_all(event)


@asynchronous
async def test_ephemeral_events_are_announced_and_not_stored(tmp_path: Path) -> None:
    """NIP-01."""
    event = ALICE.event(20001)
    async with serving(tmp_path) as server, client(server) as speaker:
        subscription = await speaker.subscribe({"kinds": [20001]})
        await speaker.publish_all(event, event)
        await speaker.until(lambda: len(subscription.events) == 2)
        assert await speaker.stored({}) == []


class Shadowing:
    """Rejects in silence."""

    @hookimpl
    def on_write(self, event: Event) -> Decision | None:
        return Decision.shadow_reject() if event.content == "spam" else None


@asynchronous
async def test_a_shadow_reject_looks_like_an_accept(tmp_path: Path) -> None:
    """Also when it is sent twice, or an older version after it."""
    old, new = (ALICE.event(0, "spam", created_at=now(seconds)) for seconds in (-9, -5))
    older = ALICE.event(0, "fine", created_at=now(-20))
    async with serving(tmp_path, None, Shadowing()) as server, client(server) as speaker:
        for event in (BOB.event(1, "spam"), BOB.event(1, "fine")):
            assert await speaker.publish(event) == (True, "")
            assert await speaker.publish(event) == (True, "duplicate: stored already")
        assert await speaker.publish(new) == (True, "")
        for event in (old, older):
            assert await speaker.publish(event) == (
                True,
                "duplicate: a newer version is stored already",
            )
        assert [event["content"] for event in await speaker.stored({})] == ["fine"]


@asynchronous
async def test_what_is_remembered_of_shadows_is_short(tmp_path: Path) -> None:
    """However long an identifier is."""
    async with serving(tmp_path, None, Shadowing()) as server, client(server) as speaker:
        tracemalloc.start()
        for number in range(20):
            identifier = f"{number}" + "x" * 500_000
            await speaker.publish_all(ALICE.event(30_023, "spam", [["d", identifier]]))
        speaker.messages.clear()
        kept, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert kept < 5_000_000
        assert len(server.writing._shadows._newest) == 20


@asynchronous
async def test_several_keys_authenticate_each_answered(tmp_path: Path) -> None:
    """NIP-42; a wrong one leaves those who are there."""
    policy = {"rules": {"1": {"read_allow": [BOB.pubkey]}}}
    note = BOB.event(1)
    async with serving(tmp_path, policy, keys=2) as server, client(server, ALICE) as speaker:
        await speaker.publish_all(note)
        assert await speaker.stored({"#t": []}, {"authors": [BOB.pubkey]}) == []
        assert (await speaker.authenticate(BOB, "wss://other.example"))[0] is False
        assert (await speaker.authenticate(BOB))[0]
        assert (await speaker.authenticate(BOB))[0]
        assert await speaker.stored({"kinds": [1]}) == [note]
        accepted, message = await speaker.authenticate(Key())
        assert (accepted, message.split()[0]) == (False, "restricted:")
        assert await speaker.stored({"kinds": [1]}) == [note]


@asynchronous
async def test_nip_11_tells_the_truth(tmp_path: Path) -> None:
    """What is supported, the bounds, and what the policy asks."""
    async with serving(tmp_path, {"rules": {}}) as server:
        told = server.information({"name": "x", "limitation": {"min_pow_difficulty": 3}})
    assert told["name"] == "x"
    assert told["supported_nips"] == [1, 9, 11, 40, 42, 45, 62, 70]
    assert told["limitation"]["min_pow_difficulty"] == 3
    assert told["limitation"]["max_limit"] == 500
    assert told["limitation"]["restricted_writes"] is False
    assert told["limitation"]["auth_required"] is False
    members = {"default_policy": "deny", "rules": {"1": {"write_allow": [ALICE.pubkey]}}}
    async with serving(tmp_path, members) as server:
        limitation = server.information({})["limitation"]
        assert (limitation["restricted_writes"], limitation["auth_required"]) == (True, True)
    readable = {"rules": {"1": {"write_allow": [ALICE.pubkey]}}}
    async with serving(tmp_path, readable) as server:
        limitation = server.information({})["limitation"]
        assert (limitation["restricted_writes"], limitation["auth_required"]) == (True, False)
