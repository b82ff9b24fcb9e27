"""Saving the policy file changes the relay's mind."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest

from .client import Client, Closed, asynchronous, connected
from .process import Relay
from .signing import Key

OPEN: dict[str, Any] = {"rules": {"1": {"content_limit": 100}}}
STRICT: dict[str, Any] = {"rules": {"1": {"content_limit": 5}, "7": {"privileged": True}}}


@pytest.fixture(scope="module", params=["sqlite", "lmdb"])
def mine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Relay]:
    """A relay whose policy these tests may change."""
    with Relay(tmp_path_factory.mktemp("saved"), OPEN, request.param) as running:
        yield running
    assert "Traceback" not in running.stderr


async def until_in_force(relay: Relay, client: Client, longest: int) -> float:
    """Save nothing, wait until texts of this length are the longest; how long it took."""
    key, began = Key(), time.monotonic()
    while time.monotonic() - began < 20:
        right, _ = await client.publish(key.event(1, f"{time.time():020.9f}"[:5]))
        fits, _ = await client.publish(
            key.event(1, f"{time.time_ns()}".rjust(longest, "x")[-longest:])
        )
        over, _ = await client.publish(key.event(1, f"{time.time_ns()}".rjust(longest + 1, "x")))
        if (right, fits, over) == (True, True, False):
            return time.monotonic() - began
        await asyncio.sleep(0.01)
    raise AssertionError(relay.stdout + relay.stderr)


@asynchronous
async def test_saving_changes_answers_within_a_second(mine: Relay) -> None:
    """And prints what changed. Subscriptions that are open read by the new policy."""
    key = Key()
    async with connected(mine.url) as client:
        mine.save_policy(OPEN)
        await until_in_force(mine, client, 100)
        subscription = await client.subscribe({"authors": [key.pubkey]})
        seen = key.event(7, "seen")
        await client.publish_all(seen)
        await client.until(lambda: seen["id"] in subscription.ids)
        seconds = []
        for policy, longest in ((STRICT, 5), (OPEN, 100), (STRICT, 5)):
            mine.save_policy(policy)
            seconds.append(await until_in_force(mine, client, longest))
        assert min(seconds) < 1  # of three, since this machine may be busy
        assert "rules.1.content_limit: 100 -> 5" in mine.stdout
        unseen, marker = key.event(7, "unseen"), key.event(1, "end")
        await client.publish_all(unseen, marker)
        await client.until(lambda: marker["id"] in subscription.ids)
        assert unseen["id"] not in subscription.ids
        assert await client.stored_ids({"authors": [key.pubkey]}) == {marker["id"]}
        with pytest.raises(Closed, match=r"^auth-required: "):
            await client.subscribe({"kinds": [7]})
        mine.save_policy(OPEN)
        await until_in_force(mine, client, 100)
        assert len(await client.stored_ids({"authors": [key.pubkey]})) == 3


@pytest.mark.parametrize("broken", ["", "{", '{"rules": {"1": {"content_limit": -1}}}', "\0\1"])
@asynchronous
async def test_broken_file_keeps_the_policy_and_is_logged_once(mine: Relay, broken: str) -> None:
    """The last good policy stays in force until the file is good again."""
    async with connected(mine.url) as client:
        mine.save_policy(STRICT)
        await until_in_force(mine, client, 5)
        before = mine.stderr.count("the stored policy cannot be used")
        mine.save_policy(broken)
        mine.wait_for(lambda: mine.stderr.count("the stored policy cannot be used") > before)
        await until_in_force(mine, client, 5)
        mine.save_policy(OPEN)
        await until_in_force(mine, client, 100)
        assert mine.stderr.count("the stored policy cannot be used") == before + 1


@asynchronous
async def test_deleted_file_keeps_the_policy(mine: Relay) -> None:
    """And a restored one is in force again."""
    async with connected(mine.url) as client:
        mine.save_policy(STRICT)
        await until_in_force(mine, client, 5)
        before = mine.stderr.count("is not there")
        mine.policy.unlink()
        mine.wait_for(lambda: mine.stderr.count("is not there") > before)
        await until_in_force(mine, client, 5)
        mine.save_policy(OPEN)
        await until_in_force(mine, client, 100)
        assert mine.stderr.count("is not there") == before + 1


@asynchronous
async def test_directory_in_its_place_keeps_the_policy(mine: Relay) -> None:
    """Whatever stands where the file was."""
    async with connected(mine.url) as client:
        mine.save_policy(STRICT)
        await until_in_force(mine, client, 5)
        before = mine.stderr.count("is a directory")
        mine.policy.unlink()
        mine.policy.mkdir()
        mine.wait_for(lambda: mine.stderr.count("is a directory") > before)
        await until_in_force(mine, client, 5)
        mine.policy.rmdir()
        mine.save_policy(OPEN)
        await until_in_force(mine, client, 100)
