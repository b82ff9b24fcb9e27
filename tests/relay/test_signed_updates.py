"""Signed policy updates, contributions and follow lists, through the relay."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from .client import Client, asynchronous, connected
from .process import Relay
from .signing import Event, Key, named_key

OWNER, ADMIN, BOB, STRANGER = map(named_key, ("an owner", "an admin", "bob", "a stranger"))

POLICY: dict[str, Any] = {
    "owners": [OWNER.pubkey],
    "policy_admins": [ADMIN.pubkey],
    "policy_follow_whitelist_enabled": True,
    "rules": {
        "1": {"content_limit": 10},
        "7": {"write_allow": [OWNER.pubkey], "write_allow_follows": True},
        "4": {"privileged": True},
    },
}
WARN = ("--missing-follow-lists", "warn")


class UpdatableRelay(Relay):
    """A relay that starts without the admin's follow list."""

    def __init__(self, *args: Any, options: Sequence[str] = WARN, **kwargs: Any) -> None:
        super().__init__(*args, options=options, **kwargs)

    def again(self) -> None:
        """Stop and start again."""
        self.kill()
        self.forget_output()
        self.__enter__()


@pytest.fixture(params=["sqlite", "lmdb"])
def relay(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[UpdatableRelay]:
    """A relay of its own for each test: its policy changes."""
    with UpdatableRelay(tmp_path, POLICY, request.param) as running:
        yield running


_clock = int(time.time()) - 500


def update(key: Key, content: Any, tags: list[list[str]] | None = None) -> Event:
    """A policy event, each newer than the one before."""
    global _clock
    _clock += 1
    return key.event(12345, json.dumps(content), tags, created_at=_clock)


def note(key: Key, length: int = 20) -> Event:
    """A note of so many characters."""
    return key.event(1, "x" * length)


async def soon(check: Callable[[], Awaitable[bool]]) -> None:
    """Wait until it holds: within a second, and more on a machine that is busy."""
    deadline = time.monotonic() + 10
    while not await check():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def accepts(client: Client, event: Event) -> bool:
    """Whether an event is accepted."""
    accepted, _ = await client.publish(event)
    return accepted


@asynchronous
async def test_an_owners_update_takes_effect_and_survives_a_restart(
    relay: UpdatableRelay,
) -> None:
    """The answer has the new version; a replay of it changes nothing, now or later."""
    changed = {**POLICY, "rules": {**POLICY["rules"], "1": {"content_limit": 100}}}
    event = update(OWNER, changed)
    async with connected(relay.url) as client:
        assert not await accepts(client, note(BOB))
        accepted, message = await client.publish(event)
        assert accepted, message
        assert message.startswith("policy updated: version ")
        assert await accepts(client, note(BOB))
        accepted, message = await client.publish(event)
        assert not accepted
        assert message.startswith("invalid: the policy event is not new")
    assert json.loads(relay.policy.read_text())["_policy_event"]["id"] == event["id"]
    relay.again()
    async with connected(relay.url) as client:
        assert await accepts(client, note(BOB))
        assert not await accepts(client, event)


@asynchronous
async def test_a_policy_event_is_not_stored(relay: UpdatableRelay) -> None:
    """Not even for the owner who sent it."""
    event = update(OWNER, POLICY)
    async with connected(relay.url, OWNER) as client:
        await client.publish_all(event)
        assert await client.stored({"kinds": [12345]}) == []
        assert await client.stored({"ids": [event["id"]]}) == []


@asynchronous
async def test_a_strangers_update_is_refused(relay: UpdatableRelay) -> None:
    """A stranger's, a forged one and one for another relay change nothing on the disk."""
    before = relay.policy.read_bytes()
    opened = {**POLICY, "rules": {}}
    forged = {**update(OWNER, opened), "sig": "0" * 128}
    elsewhere = update(OWNER, opened, [["relay", "wss://elsewhere.example"]])
    async with connected(relay.url) as client:
        for event, prefix in (
            (update(STRANGER, opened), "restricted:"),
            (forged, "invalid:"),
            (elsewhere, "invalid:"),
        ):
            accepted, message = await client.publish(event)
            assert not accepted
            assert message.startswith(prefix), message
        assert not await accepts(client, note(BOB))
    assert relay.policy.read_bytes() == before


@asynchronous
async def test_an_update_for_this_relay_is_taken(relay: UpdatableRelay) -> None:
    """Its relay tag names the URL that the relay knows of itself."""
    async with connected(relay.url) as client:
        await client.publish_all(update(OWNER, POLICY, [["relay", relay.url + "/"]]))


@asynchronous
async def test_a_contribution_grants_denies_and_is_withdrawn(relay: UpdatableRelay) -> None:
    """And stays withdrawn, after a replay and a restart."""
    event = update(
        ADMIN,
        {
            "rules_extend": {
                "1": {"content_limit_override": 100, "write_deny_add": [STRANGER.pubkey]},
                "4": {"read_allow_add": [STRANGER.pubkey]},
            }
        },
    )
    private = OWNER.event(4, "secret", [["p", BOB.pubkey]])
    async with connected(relay.url) as client, connected(relay.url, STRANGER) as stranger:
        accepted, message = await client.publish(event)
        assert accepted, message
        assert message.startswith("contribution accepted: version ")
        assert await accepts(client, note(BOB))
        assert not await accepts(stranger, note(STRANGER, 5))
        await client.publish_all(private)
        assert await stranger.stored({"ids": [private["id"]]}) == []
        not_hers = STRANGER.event(5, "", [["e", event["id"]]])
        await client.publish(not_hers)
        assert await accepts(client, note(BOB))
        accepted, message = await client.publish(ADMIN.event(5, "", [["e", event["id"]]]))
        assert accepted
        assert message.startswith("contribution withdrawn: version ")
        assert not await accepts(client, note(BOB))
        assert await accepts(stranger, note(STRANGER, 5))
        assert not await accepts(client, event)
    relay.again()
    async with connected(relay.url) as client:
        assert not await accepts(client, event)
        assert not await accepts(client, note(BOB))


@asynchronous
async def test_a_follow_opens_the_door_and_an_unfollow_closes_it(relay: UpdatableRelay) -> None:
    """At once, and after a restart still."""
    now = int(time.time())
    follow = ADMIN.event(3, "", [["p", BOB.pubkey]], created_at=now - 10)
    async with connected(relay.url, BOB) as bob, connected(relay.url) as client:
        assert not await accepts(bob, BOB.event(7))
        await client.publish_all(follow)
        await soon(lambda: accepts(bob, BOB.event(7, created_at=int(time.time()))))
    relay.again()
    async with connected(relay.url, BOB) as bob, connected(relay.url) as client:
        assert await accepts(bob, BOB.event(7, "again"))
        await client.publish_all(ADMIN.event(3, "", [], created_at=now - 5))
        await soon(lambda: refuses(bob, BOB.event(7, "no more")))
        await client.publish(follow)
        assert not await accepts(bob, BOB.event(7, "still not"))


async def refuses(client: Client, event: Event) -> bool:
    """Whether an event is refused; each try is another event."""
    fields = {**event, "tags": [["t", str(time.monotonic_ns())]]}
    del fields["id"], fields["sig"]
    return not await accepts(client, BOB.finish(fields))


@asynchronous
async def test_what_the_relay_has_stored_is_fed_at_start(relay: UpdatableRelay) -> None:
    """A follow list that came before the policy needed it counts once it does."""
    await _needed_later(relay)


async def _needed_later(relay: UpdatableRelay) -> None:
    friend = named_key("a friend")
    follow = friend.event(3, "", [["p", BOB.pubkey]])
    needing = {**POLICY, "rules": {"7": {"follows_whitelist_admins": [friend.pubkey]}}}
    needing["default_policy"] = "deny"
    async with connected(relay.url, BOB) as bob, connected(relay.url) as client:
        await client.publish_all(follow)
        relay.save_policy(needing)
        await soon(lambda: accepts(bob, BOB.event(7, str(time.monotonic_ns()))))
    relay.again()
    async with connected(relay.url, BOB) as bob:
        assert await accepts(bob, BOB.event(7, "after a restart"))


def test_a_missing_follow_list_stops_the_start(tmp_path: Path) -> None:
    """With the author named, and what would help."""
    relay = UpdatableRelay(tmp_path, POLICY, options=())
    relay.launch()
    assert relay.wait() != 0
    assert ADMIN.pubkey in relay.stderr
    assert "orly-policy follows import" in relay.stderr
    assert "Traceback" not in relay.stderr


@asynchronous
async def test_every_worker_obeys(tmp_path: Path) -> None:
    """Three processes on one port: an update, a contribution and a follow list count in each."""
    options = (*WARN, "--workers", "3")
    with UpdatableRelay(tmp_path, POLICY, options=options) as relay:
        changed = {**POLICY, "rules": {**POLICY["rules"], "1": {"content_limit": 50}}}
        async with connected(relay.url) as client:
            await client.publish_all(update(OWNER, changed))
        await _in_every_worker(relay, lambda client: accepts(client, note(BOB, 40)))
        async with connected(relay.url) as client:
            extend = {"rules_extend": {"1": {"content_limit_override": 100}}}
            await client.publish_all(update(ADMIN, extend))
            await client.publish_all(ADMIN.event(3, "", [["p", BOB.pubkey]]))
        await _in_every_worker(relay, lambda client: accepts(client, note(BOB, 90)))
        await _in_every_worker(
            relay, lambda client: accepts(client, BOB.event(7, str(time.monotonic_ns()))), BOB
        )


async def _in_every_worker(
    relay: Relay, check: Callable[[Client], Awaitable[bool]], *keys: Key
) -> None:
    """New connections land on all workers: soon all agree, three dozen times running."""

    async def all_agree() -> bool:
        answers = []
        for _ in range(36):
            async with connected(relay.url, *keys) as client:
                answers.append(await check(client))
        return all(answers)

    await soon(all_agree)


@asynchronous
async def test_two_updates_at_once_end_in_one_order(tmp_path: Path) -> None:
    """In two workers: the newer stands in the end, wherever each was taken."""
    with UpdatableRelay(tmp_path, POLICY, options=(*WARN, "--workers", "2")) as relay:
        for round_ in range(5):
            events = [
                update(OWNER, {**POLICY, "rules": {"1": {"content_limit": 100 + 10 * round_ + i}}})
                for i in range(2)
            ]
            async with connected(relay.url) as one, connected(relay.url) as other:
                answers = await asyncio.gather(one.publish(events[0]), other.publish(events[1]))
            assert answers[1][0], answers
            standing = json.loads(relay.policy.read_text())
            assert standing["_policy_event"]["id"] == events[1]["id"]
            assert standing["rules"]["1"]["content_limit"] == 100 + 10 * round_ + 1


@asynchronous
async def test_an_admin_who_floods_holds_up_nobody(relay: UpdatableRelay) -> None:
    """Neither others' notes nor the owner's edit, which ends it; what is too much is refused."""
    kinds = [kind for kind in range(65_536) if kind not in (3, 5, 12345, 22242)]
    flood = [update(ADMIN, {"kind_blacklist_add": [*range(9000 + i, 10_000)]}) for i in range(120)]
    async with connected(relay.url) as admin, connected(relay.url) as other:
        accepted, message = await admin.publish(update(ADMIN, {"kind_blacklist_add": kinds}))
        assert not accepted
        assert "at most 2000 kinds" in message
        sent = asyncio.create_task(publish_all(admin, flood))
        for _ in range(20):
            began = time.monotonic()
            assert await accepts(other, note(BOB, 5))
            assert time.monotonic() - began < 5
        policy = {**POLICY, "policy_admins": [], "kind": {"blacklist": [11]}}
        save(relay.policy, policy)
        await soon(lambda: is_refused(other, BOB.event(11)))
        answers = await sent
    assert all(message.startswith(KNOWN_ANSWERS) for _, message in answers)


KNOWN_ANSWERS = (
    "contribution accepted: ",
    "restricted: only owners and policy admins",
    "invalid: an admin has at most 100",
    "invalid: the policy event is not new",
    "rate-limited: ",
)


async def publish_all(client: Client, events: list[Event]) -> list[tuple[bool, str]]:
    """Publish one after the other."""
    return [await client.publish(event) for event in events]


async def is_refused(client: Client, event: Event) -> bool:
    """Whether an event is refused."""
    return not await accepts(client, event)


@asynchronous
async def test_follow_lists_that_are_stored_are_found_together(relay: UpdatableRelay) -> None:
    """A policy that names a thousand authors finds those whose lists the relay has."""
    authors = [named_key(f"author {i}") for i in range(12)]
    others = [f"{i:064x}" for i in range(1000)]
    async with connected(relay.url, STRANGER) as client, connected(relay.url) as anybody:
        assert not await accepts(client, STRANGER.event(7))
        for author in authors[:-1]:
            assert await accepts(anybody, author.event(3, "", [["p", BOB.pubkey]]))
        assert await accepts(anybody, authors[-1].event(3, "", [["p", STRANGER.pubkey]]))
        named = [*others, *(author.pubkey for author in authors)]
        rule = {**POLICY["rules"]["7"], "follows_whitelist_admins": named}
        save(relay.policy, {**POLICY, "rules": {"7": rule}})
        await soon(lambda: accepts(client, STRANGER.event(7, str(time.monotonic_ns()))))


def save(path: Path, policy: Any) -> None:
    """Save a policy as an editor that renames."""
    new = path.with_suffix(".new")
    new.write_text(json.dumps(policy))
    new.replace(path)
