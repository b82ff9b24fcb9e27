"""AUTH (NIP-42): who is who on a connection."""

import pytest

from .client import Client, asynchronous, connected
from .policies import MEMBER
from .process import Relay
from .signing import Event, Key, auth_event


async def try_auth(client: Client, event: Event) -> tuple[bool, str]:
    """Send an AUTH event, return the answer."""
    return await client.answer_to(event["id"], client.send("AUTH", event))


async def is_member(client: Client) -> bool:
    """Whether the relay takes what only MEMBER may write."""
    accepted, _ = await client.publish(Key().event(5003))
    return accepted


@asynchronous
async def test_auth_is_answered_true(relay: Relay) -> None:
    """OK true with the AUTH event's id; the key counts from then on."""
    async with connected(relay.url) as client:
        assert not await is_member(client)
        assert await client.authenticate(MEMBER) == (True, "")
        assert await is_member(client)


@pytest.mark.parametrize("spelling", ["{}", "{}/", "{}//", "localhost", "localhost/", "WS"])
@asynchronous
async def test_relay_url_may_be_spelt_in_several_ways(relay: Relay, spelling: str) -> None:
    """With and without the last slash, by name, in upper case."""
    port = relay.url.rsplit(":", 1)[1]
    url = {
        "localhost": f"ws://localhost:{port}",
        "localhost/": f"ws://localhost:{port}/",
        "WS": f"WS://LOCALHOST:{port}",
    }.get(spelling, spelling.format(relay.url))
    async with connected(relay.url) as client:
        assert await client.authenticate(MEMBER, url) == (True, "")


@asynchronous
async def test_wrong_auth_is_answered_false_and_changes_nothing(relay: Relay) -> None:
    """Each lie gets OK false with ``invalid:`` and the id, and authenticates nobody."""
    async with connected(relay.url) as other:
        await other.until(lambda: other.challenge)
        async with connected(relay.url) as client:
            await client.until(lambda: client.challenge)
            challenge, url = client.challenge, relay.url
            right = auth_event(MEMBER, url, challenge)
            thief = Key()
            lies = [
                auth_event(MEMBER, url, other.challenge),
                auth_event(MEMBER, url, ""),
                auth_event(MEMBER, url, challenge.upper() + "x"),
                auth_event(MEMBER, "ws://evil.example", challenge),
                auth_event(MEMBER, f"{url}/path", challenge),
                auth_event(MEMBER, f"{url}.evil.example", challenge),
                auth_event(MEMBER, "", challenge),
                auth_event(MEMBER, url, challenge, seconds_off=-700),
                auth_event(MEMBER, url, challenge, seconds_off=700),
                auth_event(MEMBER, url, challenge, kind=1),
                MEMBER.event(22242, tags=[["challenge", challenge]]),
                MEMBER.event(22242, tags=[["relay", url]]),
                MEMBER.event(22242, tags=[["relay"], ["challenge"]]),
                {**right, "sig": thief.sign(right["id"])},
                {**right, "sig": "00" * 64},
                {**right, "pubkey": thief.pubkey},
                {**right, "id": "ab" * 32, "sig": MEMBER.sign("ab" * 32)},
                {**auth_event(thief, url, challenge), "pubkey": MEMBER.pubkey},
                {**right, "created_at": 0},
                {**right, "tags": [["p", 1]]},
            ]
            for lie in lies:
                accepted, message = await try_auth(client, lie)
                assert not accepted, lie
                assert message.startswith("invalid: ")
                assert not await is_member(client), lie
            assert await try_auth(client, right) == (True, "")
            assert await is_member(client)


@asynchronous
async def test_auth_without_event_is_answered(relay: Relay) -> None:
    """Whatever is no event gets OK false."""
    async with connected(relay.url) as client:
        for value in (None, 1, "x", [], {}, {"id": 5}):
            accepted, message = await client.answer_to("", client.send("AUTH", value))
            assert not accepted
            assert message.startswith("invalid: ")
        assert await client.authenticate(MEMBER) == (True, "")


@asynchronous
async def test_several_keys_on_one_connection(relay: Relay) -> None:
    """NIP-42: each counts; a failed AUTH takes nobody away."""
    first, second = Key(), Key()
    author = Key()
    to_first = author.event(4, "1", [["p", first.pubkey]])
    to_second = author.event(4, "2", [["p", second.pubkey]])
    ids = {to_first["id"], to_second["id"]}
    async with connected(relay.url) as client:
        await client.publish_all(to_first, to_second)
        assert await client.stored_ids({"ids": [*ids]}) == set()
        await client.authenticate(first)
        assert await client.stored_ids({"ids": [*ids]}) == {to_first["id"]}
        await client.authenticate(second)
        assert await client.stored_ids({"ids": [*ids]}) == ids
        accepted, _ = await client.authenticate(Key(), "ws://evil.example")
        assert not accepted
        assert await client.stored_ids({"ids": [*ids]}) == ids


@asynchronous
async def test_challenges_differ_and_keys_stay_on_their_connection(relay: Relay) -> None:
    """An AUTH event of one connection is worth nothing on another, and neither is its key."""
    async with connected(relay.url) as client, connected(relay.url) as other:
        await client.until(lambda: client.challenge)
        await other.until(lambda: other.challenge)
        assert client.challenge != other.challenge
        assert len(client.challenge) >= 32
        event = auth_event(MEMBER, relay.url, client.challenge)
        assert await try_auth(client, event) == (True, "")
        accepted, _ = await try_auth(other, event)
        assert not accepted
        assert await is_member(client)
        assert not await is_member(other)
    async with connected(relay.url) as later:
        await later.until(lambda: later.challenge)
        accepted, _ = await try_auth(later, event)
        assert not accepted
        assert not await is_member(later)


@asynchronous
async def test_same_key_twice_is_one(relay: Relay) -> None:
    """Authenticating again is no harm."""
    async with connected(relay.url, MEMBER, MEMBER) as client:
        assert await is_member(client)


@asynchronous
async def test_a_connection_holds_so_many_keys_and_no_more(relay: Relay) -> None:
    """Each is looked at with every event. Those before stay, and may authenticate again."""
    keys = [MEMBER, *(Key() for _ in range(63))]
    async with connected(relay.url, *keys) as client:
        accepted, message = await client.authenticate(Key())
        assert not accepted
        assert message == "restricted: at most 64 keys may authenticate on a connection"
        assert await client.authenticate(keys[5]) == (True, "")
        assert await is_member(client)
