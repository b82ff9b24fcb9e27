"""Named lists through the running relay: section 14 of the spec."""

import asyncio
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .client import Client, asynchronous, connected
from .process import Relay
from .signing import Key, named_key

MEMBER, GUEST = named_key("a list's member"), named_key("a list's guest")
POLICY: dict[str, Any] = {
    "default_policy": "deny",
    "lists": {"members": {"file": "members.txt"}},
    "rules": {"1": {"write_allow": ["@members"], "read_allow": ["@members"]}},
}


def save_members(relay_folder: Path, *keys: Key | str) -> None:
    """Write and rename, as an editor does."""
    beside = relay_folder / "members.new"
    lines = [key if isinstance(key, str) else key.pubkey for key in keys]
    beside.write_text("".join(f"{line}\n" for line in lines))
    beside.replace(relay_folder / "members.txt")


@pytest.fixture
def mine(tmp_path: Path) -> Iterator[Relay]:
    """A relay with a list of one member."""
    save_members(tmp_path, MEMBER)
    with Relay(tmp_path, POLICY) as running:
        yield running
    assert "Traceback" not in running.stderr


async def may_write(client: Client, key: Key) -> bool:
    accepted, message = await client.publish(key.event(1, f"{time.time_ns()}"))
    assert accepted or message.startswith(
        ("restricted: not allowed to write events of kind 1", "error: a list of people")
    )
    return accepted


async def until_may_write(relay: Relay, client: Client, key: Key, *, may: bool) -> float:
    """How long that took."""
    began = time.monotonic()
    while await may_write(client, key) is not may:
        assert time.monotonic() - began < 20, relay.stdout + relay.stderr
        await asyncio.sleep(0.01)
    return time.monotonic() - began


@asynchronous
async def test_saving_a_list_changes_answers_within_a_second(mine: Relay) -> None:
    """Whoever is no longer in it is given nothing on a subscription that is open."""
    async with connected(mine.url, MEMBER) as member, connected(mine.url, GUEST) as guest:
        assert await may_write(member, MEMBER)
        assert not await may_write(guest, GUEST)
        subscription = await member.subscribe({"kinds": [1], "since": int(time.time()) - 5})
        seconds = []
        for _ in range(3):
            save_members(mine.folder, MEMBER, GUEST)
            seconds.append(await until_may_write(mine, guest, GUEST, may=True))
            save_members(mine.folder, MEMBER)
            seconds.append(await until_may_write(mine, guest, GUEST, may=False))
        assert min(seconds) < 1  # of six, since this machine may be busy
        seen = MEMBER.event(1, "seen")
        await member.publish_all(seen)
        await member.until(lambda: seen["id"] in subscription.ids)
        save_members(mine.folder, GUEST)
        await until_may_write(mine, member, MEMBER, may=False)
        unseen = GUEST.event(1, "unseen")
        await guest.publish_all(unseen)
        assert unseen["id"] in await guest.stored_ids({"kinds": [1], "authors": [GUEST.pubkey]})
        assert unseen["id"] not in subscription.ids
    assert "policy:  the list is now @members (2 keys)" in mine.stdout


@asynchronous
async def test_a_wrong_line_keeps_the_list_and_is_logged_once(mine: Relay) -> None:
    async with connected(mine.url, MEMBER) as member, connected(mine.url, GUEST) as guest:
        save_members(mine.folder, GUEST, "xyz")
        mine.wait_for(lambda: "members.txt:2: 'xyz' is not a public key" in mine.stderr)
        assert await may_write(member, MEMBER)
        assert not await may_write(guest, GUEST)
        save_members(mine.folder, MEMBER, GUEST)
        await until_may_write(mine, guest, GUEST, may=True)
        mine.wait_for(lambda: "the list @members (2 keys) can be read again" in mine.stderr)
        assert mine.stderr.count("the list @members (1 key) stays as it is") == 1


@pytest.mark.parametrize(
    ("keys", "told"),
    [(None, "members.txt is not there"), (["xyz"], "members.txt:1: 'xyz' is not a public key")],
)
def test_it_does_not_start_without_a_list(
    tmp_path: Path, keys: list[str] | None, told: str
) -> None:
    """It says which, and why, in one line."""
    if keys is not None:
        save_members(tmp_path, *keys)
    relay = Relay(tmp_path, POLICY)
    relay.launch()
    assert relay.wait() != 0
    assert f"lists.members: {told}" in relay.stdout + relay.stderr
    assert "Traceback" not in relay.stderr


# --- authors' lists

AUTHOR = named_key("a list's author")
OF_THE_AUTHOR: dict[str, Any] = {
    "default_policy": "allow",
    "lists": {
        "friends": {"author": AUTHOR.pubkey, "kind": 30_000, "d": "friends", "at_least": 2},
        "mutes": {"author": AUTHOR.pubkey, "kind": 10_000},
    },
    "rules": {"1": {"write_allow": ["@friends"], "write_deny": ["@mutes"]}},
}
OTHER = named_key("another")


def friends(*keys: Key, seconds: int) -> dict[str, Any]:
    """A version of the author's follow set, so many seconds ago."""
    tags = [["d", "friends"], *(["p", key.pubkey] for key in keys)]
    return AUTHOR.event(30_000, "", tags, int(time.time()) - seconds)


def mutes(*keys: Key) -> dict[str, Any]:
    return AUTHOR.event(10_000, "", [["p", key.pubkey] for key in keys], int(time.time()) - 60)


class ListeningRelay(Relay):
    """A relay that starts without the lists that its policy names."""

    def _arguments(self) -> list[str]:
        return [*super()._arguments(), "--missing-follow-lists", "warn"]


@pytest.mark.parametrize("storage", ["sqlite", "lmdb"])
@asynchronous
async def test_an_authors_list_counts_as_he_publishes_it(tmp_path: Path, storage: str) -> None:
    """Its newest version, whole; what wipes it is taken for an accident; it is there again after a
    restart.
    """
    with ListeningRelay(tmp_path, OF_THE_AUTHOR, storage) as relay:
        async with connected(relay.url, MEMBER) as member, connected(relay.url) as author:
            accepted, message = await member.publish(MEMBER.event(1))
            assert (accepted, message.partition(":")[0]) == (False, "error")
            await author.publish_all(friends(MEMBER, GUEST, seconds=50), mutes(OTHER))
            await until_may_write(relay, member, MEMBER, may=True)
            await author.publish_all(friends(GUEST, OTHER, seconds=40))
            await until_may_write(relay, member, MEMBER, may=False)
            await author.publish_all(friends(MEMBER, seconds=30))
            relay.wait_for(lambda: "the list @friends (2 keys) stays as it is" in relay.stderr)
            assert not await may_write(member, MEMBER)
            async with connected(relay.url, GUEST) as guest:
                assert await may_write(guest, GUEST)
            async with connected(relay.url, OTHER) as muted:
                assert not await may_write(muted, OTHER)
        assert "policy:  the list is now @friends (2 keys)" in relay.stdout
        relay.stop()
    relay.forget_output()
    with Relay(tmp_path, OF_THE_AUTHOR, storage) as relay:
        async with connected(relay.url, GUEST) as guest:
            assert await may_write(guest, GUEST)
        assert "Traceback" not in relay.stderr


@asynchronous
async def test_lists_that_the_relay_has_stored_are_found(tmp_path: Path) -> None:
    """When the policy names them later, each by its ``d`` tag; and at a start."""
    with ListeningRelay(tmp_path, {}) as relay:
        async with connected(relay.url, MEMBER) as member:
            others = AUTHOR.event(30_000, "", [["d", "foes"], ["p", OTHER.pubkey], ["p", "x"]])
            await member.publish_all(friends(MEMBER, GUEST, seconds=50), mutes(OTHER), others)
            relay.save_policy(OF_THE_AUTHOR)
            async with connected(relay.url, OTHER) as other:
                await until_may_write(relay, other, OTHER, may=False)
            await until_may_write(relay, member, MEMBER, may=True)
        relay.stop()
    shutil.rmtree(tmp_path / "policy-follows")
    relay.forget_output()
    with Relay(tmp_path, OF_THE_AUTHOR) as relay:
        async with connected(relay.url, MEMBER) as member:
            assert await may_write(member, MEMBER)


def test_it_does_not_start_without_an_authors_list(tmp_path: Path) -> None:
    """It says which, and what would help."""
    relay = Relay(tmp_path, OF_THE_AUTHOR)
    relay.launch()
    assert relay.wait() != 0
    assert f"lists.friends: no kind 30000 'friends' by {AUTHOR.pubkey} with 2 keys" in relay.stderr
    assert "orly-policy follows import" in relay.stderr
    assert "Traceback" not in relay.stderr


# --- two hops of follows


@asynchronous
async def test_two_hops_of_follows(tmp_path: Path) -> None:
    """Lists that the relay has stored are counted at a start, and others as they come."""
    source = {"follows_of": AUTHOR.pubkey, "hops": 2, "followers": 2}
    policy = {"lists": {"near": source}, "rules": {"1": {"write_allow": ["@near"]}}}
    followed = [named_key(f"followed {number}") for number in range(5)]
    with Relay(tmp_path, {}) as relay:
        async with connected(relay.url) as client:
            await client.publish_all(
                AUTHOR.event(3, "", [["p", key.pubkey] for key in followed]),
                *(key.event(3, "", [["p", MEMBER.pubkey]]) for key in followed[:2]),
                followed[2].event(3, "", [["p", GUEST.pubkey]]),
            )
        relay.stop()
    relay.forget_output()
    with Relay(tmp_path, policy) as relay:
        async with connected(relay.url, MEMBER) as member, connected(relay.url, GUEST) as guest:
            assert await may_write(member, MEMBER)
            assert not await may_write(guest, GUEST)
            await guest.publish_all(followed[3].event(3, "", [["p", GUEST.pubkey]]))
            await until_may_write(relay, guest, GUEST, may=True)
            await guest.publish_all(followed[3].event(3, "", [], int(time.time()) + 1))
            await until_may_write(relay, guest, GUEST, may=False)
            assert await may_write(member, MEMBER)
        assert "Traceback" not in relay.stderr
