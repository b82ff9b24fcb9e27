"""Replaceable and addressable events: the newest stays, whatever comes when."""

import asyncio
import random
import time

import pytest

from .client import asynchronous, connected
from .process import Relay
from .signing import Event, Key

KINDS = [0, 3, 10002, 30023]
LOW_KEY = next(key for key in map(Key, map(str, range(100_000))) if key.pubkey < "0040")
"""nostr-relay's LMDB storage takes the beginning of such a key for a time."""


NOW = int(time.time())
"""Once for all versions, so that those of one second are."""


def version(key: Key, kind: int, content: str, seconds_ago: int, d: str | None = "x") -> Event:
    """A version of a replaceable event."""
    tags = [["d", d]] if kind >= 30000 and d is not None else []
    return key.event(kind, content, tags, NOW - seconds_ago)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("key", [Key(), LOW_KEY], ids=["any", "low"])
@asynchronous
async def test_older_version_is_neither_stored_nor_announced(
    relay: Relay, kind: int, key: Key
) -> None:
    """What arrives late is answered true, as a duplicate, and that is all."""
    new, old = version(key, kind, "new", 10), version(key, kind, "old", 20)
    marker = key.event(1, "marker")
    async with connected(relay.url) as client:
        subscription = await client.subscribe({"authors": [key.pubkey]})
        await client.publish_all(new)
        accepted, message = await client.publish(old)
        assert (accepted, message.split()[0]) == (True, "duplicate:")
        await client.publish_all(marker)
        await client.until(lambda: marker["id"] in subscription.ids)
        assert old["id"] not in subscription.ids
        assert await client.stored({"authors": [key.pubkey], "kinds": [kind]}) == [new]


@pytest.mark.parametrize("kind", KINDS)
@asynchronous
async def test_newer_version_replaces(relay: Relay, kind: int) -> None:
    """The older one is gone, also one of the same second with a higher id."""
    key = Key()
    same_second = sorted((version(key, kind, str(i), 10) for i in range(5)), key=lambda e: e["id"])
    async with connected(relay.url) as client:
        await client.publish_all(version(key, kind, "old", 20))
        for event in reversed(same_second):
            await client.publish_all(event)
            assert await client.stored({"authors": [key.pubkey], "kinds": [kind]}) == [event]
        await client.publish_all(*same_second)
        stored = await client.stored({"authors": [key.pubkey], "kinds": [kind]})
        assert stored == same_second[:1]


@pytest.mark.parametrize("kind", KINDS)
@asynchronous
async def test_concurrent_versions_end_with_the_newest(relay: Relay, kind: int) -> None:
    """Over several connections in any order; the live ones come in rising order."""
    key = Key()
    versions = [version(key, kind, str(i), 100 - i) for i in range(40)]
    newest = versions[-1]
    random.Random(kind).shuffle(versions)
    marker = key.event(1, "marker")

    async def publish(some: list[Event]) -> None:
        async with connected(relay.url) as client:
            await client.publish_all(*some)

    async with connected(relay.url) as reader:
        subscription = await reader.subscribe({"authors": [key.pubkey]})
        await asyncio.gather(*(publish(versions[i::8]) for i in range(8)))
        await reader.publish_all(marker)
        await reader.until(lambda: marker["id"] in subscription.ids)
        assert await reader.stored({"authors": [key.pubkey], "kinds": [kind]}) == [newest]
        times = [event["created_at"] for event in subscription.events[:-1]]
        assert times == sorted(times)
        assert newest["id"] in subscription.ids


@asynchronous
async def test_addresses_are_told_apart(relay: Relay) -> None:
    """``d`` values that are part of one another, empty or missing; nostr-relay mixes some up."""
    key = Key()
    names = ["abc", "a", "", "bc", "ab", "abcd", "c"]
    async with connected(relay.url) as client:
        await client.publish_all(*(version(key, 30023, name, 20, name) for name in names))
        assert len(await client.stored({"authors": [key.pubkey]})) == len(names)
        newer = [version(key, 30023, "new", 10, name) for name in names]
        await client.publish_all(*newer)
        stored = await client.stored_ids({"authors": [key.pubkey]})
        assert stored == {event["id"] for event in newer}


@asynchronous
async def test_missing_identifier_is_the_empty_one(relay: Relay) -> None:
    """Without a ``d`` tag, with an empty one, with one without value: the same address. Another
    identifier can be published after it.
    """
    key = Key()
    spellings: list[list[list[str]]] = [[], [["d"]], [["d", ""]], [["t", "x"]]]
    async with connected(relay.url) as client:
        other = version(key, 30023, "other", 50, "other")
        await client.publish_all(other)
        for i, tags in enumerate(spellings):
            event = key.event(30023, str(i), tags, other["created_at"] + i + 1)
            await client.publish_all(event)
            stored = await client.stored_ids({"authors": [key.pubkey]})
            assert stored == {event["id"], other["id"]}
        another = version(key, 30023, "another", 10, "another")
        await client.publish_all(another)
        stored = await client.stored_ids({"authors": [key.pubkey]})
        assert stored == {event["id"], other["id"], another["id"]}
