"""What a client is answered to an EVENT."""

import asyncio
import json
import time
from typing import Any

import pytest

from .client import asynchronous, connected
from .policies import BANNED, MEMBER, OWNER
from .process import Relay
from .signing import Event, Key


def changed(event: Event, **fields: Any) -> Event:
    """The event with other fields, its id and signature left as they were."""
    return {**event, **fields}


def resigned(key: Key, **fields: Any) -> Event:
    """An event with these fields and the id and signature that belong to them."""
    plain = {"pubkey": key.pubkey, "created_at": int(time.time()), "kind": 1, "tags": []}
    return key.finish({**plain, "content": "", **fields})


@asynchronous
async def test_accepted_event_is_answered_with_its_id_and_found(relay: Relay) -> None:
    """An accepted event gets OK true, and is there for a REQ from then on."""
    event = Key().event(1, "hello")
    async with connected(relay.url) as client:
        assert await client.publish(event) == (True, "")
        assert await client.stored({"ids": [event["id"]]}) == [event]


@asynchronous
async def test_refused_events_are_answered_with_id_and_prefix(relay: Relay) -> None:
    """Each rule's refusal has the event's id, its prefix, and the limit."""
    key = Key()
    cases = [
        (key.event(666), "blocked: "),
        (key.event(5003), "auth-required: "),
        (key.event(5004), "invalid: "),
        (key.event(5005, "x" * 11), "blocked: content is 11 bytes, the limit for kind 5005 is 10"),
        (key.event(5006), "invalid: "),
        (key.event(5007, created_at=int(time.time()) - 9000), "invalid: "),
        (BANNED.event(7), "restricted: "),
    ]
    async with connected(relay.url) as client:
        for event, prefix in cases:
            accepted, message = await client.publish(event)
            assert not accepted
            assert message.startswith(prefix)
        assert await client.stored_ids({"ids": [event["id"] for event, _ in cases]}) == set()
    async with connected(relay.url, key) as client:
        accepted, message = await client.publish(key.event(5003, "now known"))
        assert (accepted, message.split()[0]) == (False, "restricted:")
    async with connected(relay.url, MEMBER) as client:
        await client.publish_all(key.event(5003, "by a member"))


@asynchronous
async def test_duplicate_is_true_and_announced_once(relay: Relay) -> None:
    """NIP-01: a duplicate is OK true with ``duplicate:``, also at once and over another
    connection, and nobody hears of it again.
    """
    key = Key()
    event, marker = key.event(1, "twice"), key.event(1, "marker")
    async with connected(relay.url) as client, connected(relay.url) as other:
        subscription = await client.subscribe({"authors": [key.pubkey]})
        answers = [await client.publish(event), await client.publish(event)]
        answers.append(await other.publish(event))
        assert [accepted for accepted, _ in answers] == [True] * 3
        assert [message.startswith("duplicate:") for _, message in answers] == [False, True, True]
        await other.publish_all(marker)
        await client.until(lambda: marker["id"] in subscription.ids)
        assert [e["id"] for e in subscription.events] == [event["id"], marker["id"]]


@asynchronous
async def test_concurrent_duplicates_are_stored_and_announced_once(relay: Relay) -> None:
    """Twenty connections send the same event at the same time: one of them is the first."""
    key = Key()
    event, marker = key.event(1, "at once"), key.event(1, "marker")
    async with connected(relay.url) as reader:
        subscription = await reader.subscribe({"authors": [key.pubkey]})

        async def send() -> tuple[bool, str]:
            async with connected(relay.url) as client:
                return await client.publish(event)

        answers = await asyncio.gather(*(send() for _ in range(20)))
        assert all(accepted for accepted, _ in answers)
        assert sum(message == "" for _, message in answers) == 1
        await reader.publish_all(marker)
        await reader.until(lambda: marker["id"] in subscription.ids)
        assert [e["id"] for e in subscription.events] == [event["id"], marker["id"]]


@asynchronous
async def test_forged_events_are_refused(relay: Relay) -> None:
    """Neither a wrong id nor a wrong signature passes, nor does the id of another event."""
    key, thief = Key(), Key()
    event, other = key.event(1, "mine"), key.event(1, "other")
    private = key.event(4, "secret", [["p", thief.pubkey]])
    some_id = "ab" * 32
    forged = [
        changed(event, id=some_id, sig=key.sign(some_id)),
        changed(event, id=some_id),
        changed(event, id=other["id"]),
        changed(event, id=other["id"], sig=other["sig"]),
        changed(event, id=private["id"], sig=private["sig"]),
        changed(event, content="changed"),
        changed(event, tags=[["p", thief.pubkey]]),
        changed(event, kind=2),
        changed(event, created_at=event["created_at"] + 1),
        changed(event, pubkey=thief.pubkey),
        changed(event, sig=other["sig"]),
        changed(event, sig=thief.sign(event["id"])),
        changed(event, sig="00" * 64),
        changed(event, pubkey="00" * 32),
        changed(event, pubkey="ff" * 32),
    ]
    async with connected(relay.url) as client:
        await client.publish_all(other, private)
        for lie in forged:
            accepted, message = await client.publish(lie)
            assert not accepted
            assert message.startswith("invalid: the "), lie
        ids = [event["id"], some_id]
        assert await client.stored_ids({"ids": ids}) == set()
        assert await client.stored({"ids": [other["id"]]}) == [other]


@asynchronous
async def test_refusals_do_not_slow_the_connection_down(relay: Relay) -> None:
    """nostr-relay by itself would wait 2, 4, 8 … seconds after each."""
    key = Key()
    stored = key.event(1, "stored")
    async with connected(relay.url) as client:
        await client.publish_all(stored)
        began = time.monotonic()
        for i in range(50):
            lie = changed(key.event(1, str(i)), sig="00" * 64)
            broken = changed(key.event(1, f"{i}b"), tags=[["p", 1]])
            twin = changed(stored, sig="00" * 64)
            for event in (lie, broken, twin, key.event(666, str(i)), key.event(22242, str(i))):
                accepted, _ = await client.publish(event)
                assert not accepted
        await client.publish_all(key.event(1, "and on"))
        assert time.monotonic() - began < 30


MALFORMED: dict[str, dict[str, Any]] = {
    "tag item a number": {"tags": [["p", 1]]},
    "tag item null": {"tags": [["p", None]]},
    "tag item a list": {"tags": [["p", ["a"]]]},
    "tag name a number": {"tags": [[1, "p"]]},
    "tag empty": {"tags": [[]]},
    "tag a text": {"tags": ["p"]},
    "tag an object": {"tags": [{"0": "p"}]},
    "tags an object": {"tags": {"p": "x"}},
    "tags a text": {"tags": "p"},
    "tags null": {"tags": None},
    "content a number": {"content": 1},
    "content null": {"content": None},
    "content a list": {"content": ["a"]},
    "kind a fraction": {"kind": 1.5},
    "kind 1.0": {"kind": 1.0},
    "kind a text": {"kind": "1"},
    "kind true": {"kind": True},
    "kind null": {"kind": None},
    "kind negative": {"kind": -1},
    "kind 65536": {"kind": 65536},
    "kind huge": {"kind": 10**300},
    "created_at huge": {"created_at": 10**300},
    "created_at 2^63": {"created_at": 2**63},
    "created_at negative": {"created_at": -1},
    "created_at a fraction": {"created_at": 1.5},
    "created_at a text": {"created_at": "1700000000"},
    "created_at true": {"created_at": True},
}


@pytest.mark.parametrize("fields", MALFORMED.values(), ids=MALFORMED)
@asynchronous
async def test_malformed_event_is_invalid(relay: Relay, fields: dict[str, Any]) -> None:
    """A wrong type or value anywhere is OK false with the event's id, and the connection lives."""
    key = Key()
    event = resigned(key, **fields)
    async with connected(relay.url) as client:
        accepted, message = await client.publish(event)
        assert not accepted
        assert message.startswith("invalid: ")
        await client.publish_all(key.event(1, "still here"))


NOT_FOR_NOSTR_RELAY: dict[str, dict[str, Any]] = {
    "created_at 0": {"created_at": 0},
    "delegation without value": {"tags": [["delegation"]]},
    "delegation empty": {"tags": [["delegation", "", "", ""]]},
    "delegation not hex": {"tags": [["delegation", "zz", "kind=1", "é"]]},
    "delegation forged": {"tags": [["delegation", "02" * 32, "kind=1", "00" * 64]]},
    "delegation too long": {"tags": [["delegation", "02" * 32, "", "00" * 64, "", ""]]},
    "delegation short key": {"tags": [["delegation", "02" * 31, "", "00" * 64]]},
}


@pytest.mark.parametrize("fields", NOT_FOR_NOSTR_RELAY.values(), ids=NOT_FOR_NOSTR_RELAY)
@asynchronous
async def test_what_nostr_relay_cannot_take_is_invalid(
    nostr_relay: Relay, fields: dict[str, Any]
) -> None:
    """Its databases take 0 for now, and its validator looks at delegations."""
    key = Key()
    async with connected(nostr_relay.url) as client:
        accepted, message = await client.publish(resigned(key, **fields))
        assert not accepted
        assert message.startswith("invalid: ")
        await client.publish_all(key.event(1, "still here"))


@pytest.mark.parametrize("name", ["id", "pubkey", "created_at", "kind", "tags", "content", "sig"])
@asynchronous
async def test_missing_field_is_invalid(relay: Relay, name: str) -> None:
    """Without an id, the answer has an empty one: there is none to answer."""
    event = Key().event(1)
    del event[name]
    event_id = event.get("id", "")
    async with connected(relay.url) as client:
        accepted, message = await client.answer_to(event_id, client.send("EVENT", event))
        assert (accepted, message) == (False, f"invalid: the event has no {name}")


HEX = {
    "id a number": {"id": 1},
    "id null": {"id": None},
    "id a list": {"id": []},
    "id empty": {"id": ""},
    "pubkey a number": {"pubkey": 1},
    "pubkey in upper case": {"pubkey": "AB" * 32},
    "pubkey too long": {"pubkey": "ab" * 33},
    "sig null": {"sig": None},
    "sig short": {"sig": "ab" * 63},
    "sig in upper case": {"sig": "AB" * 64},
}


@pytest.mark.parametrize("fields", HEX.values(), ids=HEX)
@asynchronous
async def test_wrong_hex_is_invalid(relay: Relay, fields: dict[str, Any]) -> None:
    """Keys, ids and signatures are lowercase hex of their length."""
    event = changed(Key().event(1), **fields)
    event_id = event["id"] if isinstance(event["id"], str) else ""
    async with connected(relay.url) as client:
        accepted, message = await client.answer_to(event_id, client.send("EVENT", event))
        assert not accepted
        assert message.startswith("invalid: ")


@asynchronous
async def test_further_members_are_dropped(relay: Relay) -> None:
    """No id covers them: they are neither an error nor handed out."""
    event = Key().event(1)
    async with connected(relay.url) as client:
        sent = {**event, "extra": 1, "__class__": "x", "seen_on": ["wss://relay.example"]}
        assert await client.publish(sent) == (True, "")
        assert await client.stored({"ids": [event["id"]]}) == [event]


NO_EVENTS: list[Any] = [None, 1, "event", [], [1], {}, {"id": {"a": 1}}, True]


@asynchronous
async def test_what_is_no_event_is_invalid(relay: Relay) -> None:
    """EVENT with any other JSON value is answered, with an empty id."""
    async with connected(relay.url) as client:
        for value in NO_EVENTS:
            accepted, message = await client.answer_to("", client.send("EVENT", value))
            assert not accepted
            assert message.startswith("invalid: ")


UNPARSABLE = [
    "",
    "no json",
    "[",
    '["EVENT",',
    '["EVENT"]',
    '["REQ"]',
    '["CLOSE"]',
    '["AUTH"]',
    '["COUNT"]',
    '["COUNT","\\ud800",{}]',
    '["COUNT",' + "[" * 999 + "]" * 999 + "]",
    '["WHAT","is","this"]',
    "{}",
    "null",
    "\x00",
    '["EVENT",{"id":"\\ud800"}]',
    '["AUTH",{"id":"\\ud800"}]',
    '["AUTH",{"id":' + "[" * 950 + "]" * 950 + "}]",
    '["REQ","\\ud800",{"kinds":[1]}]',
    '["REQ",' + "[" * 900 + "]" * 900 + ',{"kinds":[1]}]',
    '["CLOSE",{"a":[]}]',
    '["EVENT",' + "[" * 900 + "]" * 900 + "]",
    '["EVENT",{"kind":1e999}]',
    '["EVENT",NaN]',
]


@asynchronous
async def test_nonsense_is_survived(relay: Relay) -> None:
    """Text that is no message of the protocol ends neither the relay nor the connection."""
    key = Key()
    async with connected(relay.url) as client:
        for i, text in enumerate(UNPARSABLE):
            await client.send_text(text)
            await client.publish_all(key.event(1, str(i)))


FRAMES: list[str | bytes] = [
    "[" * 100_000,
    '["EVENT",' + "[" * 5000 + "]" * 5000 + "]",
    '["EVENT",{"kind":' + "9" * 5000 + "}]",
    b'["REQ","a",{"kinds":[1]}]',
    b"\xff\xfe",
]


@pytest.mark.parametrize("frame", FRAMES, ids=["open", "deep", "huge number", "binary", "no text"])
@asynchronous
async def test_a_hostile_frame_is_answered(relay: Relay, frame: str | bytes) -> None:
    """What nostr-relay cannot parse would end its connection."""
    async with connected(relay.url) as client:
        await client.until(lambda: client.challenge)
        await client.socket.send(frame)
        await client.until(lambda: len(client.messages) > 1)
        await client.publish_all(Key().event(1, "unharmed"))


@asynchronous
async def test_fragmented_frames_are_one_message(relay: Relay) -> None:
    """A message may come in pieces (RFC 6455)."""
    event = Key().event(1, "in pieces")
    text = json.dumps(["EVENT", event])
    async with connected(relay.url) as client:
        pieces = [text[i : i + 50] for i in range(0, len(text), 50)]
        assert await client.answer_to(event["id"], client.socket.send(pieces)) == (True, "")


@asynchronous
async def test_unusual_events_come_back_as_they_were(relay: Relay) -> None:
    """Control characters, long contents and many tags survive storage and the check of the id."""
    key = Key()
    events = [
        resigned(key, content="a\x00b\x01\x1f\x7f \u2028 \\u0000 \U0001f600"),
        resigned(key, tags=[["t", "a\x00b"], ["x", ""], ["y"], ["ß", "ẞ"], ["two", "x" * 2000]]),
        resigned(key, tags=[["t", str(i)] for i in range(5_000)]),
        resigned(key, content="x" * 1_000_000),
        resigned(key, kind=65535),
        resigned(key, created_at=2**32 - 1),
        resigned(key, created_at=1),
    ]
    async with connected(relay.url) as client:
        for event in events:
            assert await client.publish(event) == (True, "")
            assert await client.stored({"ids": [event["id"]]}) == [event]


@asynchronous
async def test_accepted_means_stored_whatever_the_tags(relay: Relay) -> None:
    """A tag that is too long for LMDB's index is refused there: OK true is never a loss."""
    key = Key()
    async with connected(relay.url) as client:
        for length in (469, 470, 471, 600, 5000):
            event = key.event(1, tags=[["t", "x" * length]])
            accepted, message = await client.publish(event)
            assert await client.stored_ids({"ids": [event["id"]]}) == (
                {event["id"]} if accepted else set()
            )
            assert accepted == (relay.storage != "lmdb" or length < 471)
            assert accepted or "the limit is 471" in message


@asynchronous
async def test_auth_event_is_no_event(relay: Relay) -> None:
    """Kind 22242 sent as EVENT is refused and not stored."""
    event = Key().event(22242)
    async with connected(relay.url) as client:
        accepted, message = await client.publish(event)
        assert not accepted
        assert message.startswith("invalid: ")
        assert await client.stored_ids({"ids": [event["id"]]}) == set()


@asynchronous
async def test_policy_event_is_refused_and_not_stored(relay: Relay) -> None:
    """Kind 12345 goes to the engine alone: one that it refuses is not stored either."""
    event = OWNER.event(12345, "{}")
    async with connected(relay.url, OWNER) as client:
        subscription = await client.subscribe({"kinds": [12345, 1], "authors": [OWNER.pubkey]})
        accepted, message = await client.publish(event)
        assert not accepted
        assert message.startswith("invalid: owners: names nobody")
        assert await client.stored_ids({"ids": [event["id"]]}) == set()
        marker = OWNER.event(1, "marker")
        await client.publish_all(marker)
        await client.until(lambda: marker["id"] in subscription.ids)
        assert event["id"] not in subscription.ids


@asynchronous
async def test_deletion_removes_ones_own_events_alone(relay: Relay) -> None:
    """NIP-09 goes on working behind the gate."""
    key, other = Key(), Key()
    now = int(time.time())
    mine, yours = key.event(1, "mine", created_at=now - 9), other.event(1, "", created_at=now - 9)
    async with connected(relay.url) as client:
        await client.publish_all(mine, yours)
        ids = [mine["id"], yours["id"]]
        await client.publish_all(key.event(5, tags=[["e", event_id] for event_id in ids]))
        assert await client.stored_ids({"ids": ids}) == {yours["id"]}
