"""The policy before relays that know nothing of it: what the kit, which says of the proxy what it
says of every host, cannot see of the upstream.
"""

import asyncio
import contextlib
import json
import time
import urllib.error
import urllib.request
from typing import Any

import pytest
from depth import times
from relay.client import Closed, asynchronous, connected
from relay.policies import MEMBER, OUTCAST, OWNER
from relay.signing import Key

from .conftest import Behind
from .processes import NodeRelay, RustRelay


async def on_the_upstream(behind: Behind, event_id: str, kind: int = 1) -> set[str]:
    async with connected(behind.upstream.url) as direct:
        with contextlib.suppress(Closed):  # some close what cannot match any more after EOSE
            await direct.subscribe({"ids": [event_id], "kinds": sorted({1, kind})}, name="there")
        return direct.subscriptions["there"].ids


@asynchronous
async def test_a_write_is_stored_by_the_upstream(behind: Behind) -> None:
    """Its OK is the client's; a duplicate is accepted."""
    event = Key().event(1, "hello")
    async with connected(behind.proxy.url) as client:
        assert await client.publish(event) == (True, "")
        accepted, message = await client.publish(event)
        assert accepted
        assert message.startswith("duplicate:")
        assert await client.stored({"ids": [event["id"]]}) == [event]
    assert await on_the_upstream(behind, event["id"]) == {event["id"]}


@asynchronous
async def test_what_is_refused_does_not_get_there(behind: Behind) -> None:
    """The client is told the policy's reason."""
    refused = Key().event(666, "no")
    forged = {**Key().event(1, "mine"), "content": "not mine"}
    async with connected(behind.proxy.url) as client:
        accepted, message = await client.publish(refused)
        assert (accepted, message[:8]) == (False, "blocked:")
        accepted, message = await client.publish(forged)
        assert (accepted, message[:8]) == (False, "invalid:")
    assert await on_the_upstream(behind, refused["id"], 666) == set()
    assert await on_the_upstream(behind, forged["id"]) == set()


@asynchronous
async def test_stored_events_are_read_by_whom_they_are_for(behind: Behind) -> None:
    """Nobody else, and after AUTH who asks again."""
    author, reader = Key(), Key()
    message = author.event(4, "secret", [["p", reader.pubkey]])
    wanted = {"kinds": [4, 1], "authors": [author.pubkey]}
    async with connected(behind.proxy.url) as client:
        await client.publish_all(message)
        assert await client.stored(wanted) == []
        with pytest.raises(Closed, match="auth-required:"):
            await client.subscribe({"kinds": [4]})
        assert (await client.authenticate(reader))[0]
        assert await client.stored(wanted) == [message]
    async with connected(behind.proxy.url, OUTCAST) as client:
        with pytest.raises(Closed, match="restricted:"):
            await client.subscribe(wanted)
    assert await on_the_upstream(behind, message["id"], 4) == {message["id"]}


@asynchronous
async def test_live_events_of_others_at_the_upstream(behind: Behind) -> None:
    """Each reaches its readers once, and nobody else."""
    author, reader = Key(), Key()
    note = author.event(1, "live")
    message = author.event(4, "secret", [["p", reader.pubkey]])
    last = author.event(1, "last")
    wanted = {"kinds": [1, 4], "authors": [author.pubkey]}
    async with (
        connected(behind.proxy.url, reader) as theirs,
        connected(behind.proxy.url) as others,
        connected(behind.upstream.url) as direct,
    ):
        for_reader, for_others = await theirs.subscribe(wanted), await others.subscribe(wanted)
        await direct.publish_all(note, message, last)
        await theirs.until(lambda: last in for_reader.events)
        await others.until(lambda: last in for_others.events)
        assert for_reader.events == [note, message, last]
        assert for_others.events == [note, last]


@asynchronous
async def test_what_is_published_here_comes_live_once(behind: Behind) -> None:
    """Although the upstream tells of it, too."""
    author = Key()
    notes = [author.event(1, str(number)) for number in range(20)]
    async with connected(behind.proxy.url) as client, connected(behind.upstream.url) as direct:
        subscription = await client.subscribe({"authors": [author.pubkey], "kinds": [1]})
        await client.publish_all(*notes)
        last = author.event(1, "last")
        await direct.publish_all(last)
        await client.until(lambda: last in subscription.events)
        assert subscription.events == [*notes, last]


@asynchronous
async def test_ephemeral_events_go_both_ways(behind: Behind) -> None:
    """Readers of the upstream get them, and its writers' come here."""
    author = Key()
    up, down = author.event(20001, "up"), author.event(20001, "down")
    wanted = {"kinds": [20001], "authors": [author.pubkey]}
    async with connected(behind.proxy.url) as client, connected(behind.upstream.url) as direct:
        here, there = await client.subscribe(wanted), await direct.subscribe(wanted)
        assert (await client.publish(up))[0]
        await direct.until(lambda: up in there.events)
        await direct.send("EVENT", down)
        await client.until(lambda: down in here.events)
        assert here.events == [up, down]


@asynchronous
async def test_what_the_session_keeps_to_itself(behind: Behind) -> None:
    """A policy event and an AUTH are nothing to the upstream."""
    policy_event = OWNER.event(12345, json.dumps({"not": "a policy"}), [])
    auth = Key().event(22242, "", [])
    async with connected(behind.proxy.url, MEMBER) as client:
        assert not (await client.publish(policy_event))[0]
        assert not (await client.publish(auth))[0]
    assert await on_the_upstream(behind, policy_event["id"], 12345) == set()
    assert await on_the_upstream(behind, auth["id"], 22242) == set()


@asynchronous
async def test_many_events_in_their_order(behind: Behind) -> None:
    """All of them, newest first, of one second the lowest id first, though some are hidden."""
    author, now = Key(), int(time.time())
    count = times(130, 330)
    notes = [author.event(1, str(n), created_at=now - 100 - n // 7) for n in range(count)]
    hidden = [author.event(4, str(n), created_at=now - 100 - n // 9) for n in range(count)]
    async with connected(behind.proxy.url) as client:
        await asyncio.gather(*(client.publish(event) for event in [*notes, *hidden]))
        wanted: dict[str, Any] = {"authors": [author.pubkey], "kinds": [1, 4]}
        ordered = sorted(notes, key=lambda event: (-event["created_at"], event["id"]))
        assert await client.stored(wanted) == ordered
        assert await client.stored({**wanted, "limit": 50}) == ordered[:50]
        until = ordered[20]["created_at"]
        later = [event for event in ordered if event["created_at"] <= until]
        assert await client.stored({**wanted, "until": until, "limit": 100}) == later[:100]


def information(url: str) -> dict[str, Any]:
    request = urllib.request.Request(url, headers={"Accept": "application/nostr+json"})
    with urllib.request.urlopen(request, timeout=20) as response:
        document: dict[str, Any] = json.load(response)
    return document


def test_what_it_says_of_itself(behind: Behind) -> None:
    """NIP-11: the upstream's words, with what is true here."""
    document = information(behind.proxy.http)
    assert {1, 11, 42, 45, 70} <= set(document["supported_nips"])
    assert not {50, 77} & set(document["supported_nips"])
    assert document["limitation"]["max_limit"] == 500
    assert document["limitation"]["auth_required"] is False
    if not isinstance(behind.upstream, NodeRelay | RustRelay):  # which say nothing
        direct = information(behind.upstream.http)
        assert document.get("software") == direct.get("software")


def test_no_page_of_the_upstream_is_passed_on(behind: Behind) -> None:
    """They would tell what is hidden."""
    for path in ("/e/" + "0" * 64, "/stats/", "/metrics", "//", "/%2e%2e/stats/"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(behind.proxy.http + path, timeout=20)
