"""Whatever the upstream sends, or does not: nothing false is shown or accepted, nothing hangs."""

import asyncio
import contextlib
import json
import signal
import time
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from relay.client import Client, Closed, asynchronous, connected
from relay.signing import Event, Key

from .processes import OPEN, Proxy
from .scripted import Answer, Say, Scripted, scripted

KEY = Key()
GONE = "error: the relay's store cannot be asked: "


@contextlib.asynccontextmanager
async def proxy_before(
    upstream: Scripted, folder: Path, *options: str, policy: Any = OPEN
) -> AsyncIterator[Proxy]:
    """The proxy's start is waited for on a thread: the upstream is on this one's loop."""
    proxy = Proxy(folder, policy, upstream.url, *options)
    await asyncio.to_thread(proxy.__enter__)
    try:
        yield proxy
    finally:
        proxy.kill()
    assert "Traceback" not in proxy.stderr, proxy.stderr


@contextlib.asynccontextmanager
async def client_before(
    answer: Answer, folder: Path, *options: str
) -> AsyncIterator[tuple[Client, Proxy, Scripted]]:
    async with (
        scripted(answer) as upstream,
        proxy_before(upstream, folder, *options) as proxy,
        connected(proxy.url) as client,
    ):
        yield client, proxy, upstream


def answering_reqs(*messages: Any, eose: bool = True) -> Answer:
    """To each REQ these, with ``NAME`` for its subscription, and EOSE."""

    async def answer(message: list[Any], say: Say) -> None:
        if message[0] == "REQ":
            for each in messages:
                said = each if isinstance(each, str) else json.dumps(each)
                await say(said.replace("NAME", message[1]))
            if eose:
                await say(["EOSE", message[1]])
        elif message[0] == "EVENT":
            await say(["OK", message[1]["id"], True, ""])

    return answer


def stored(*events: Any) -> Answer:
    return answering_reqs(*(["EVENT", "NAME", event] for event in events))


def altered(**members: Any) -> Event:
    return {**KEY.event(1, "genuine"), **members}


HASTY = ("--upstream-timeout", "1")
GOOD = KEY.event(1, "good")
WRONG: dict[str, Any] = {
    "another content": altered(content="forged"),
    "another id": altered(id="00" * 32),
    "another signature": altered(sig=KEY.sign("00" * 32)),
    "no signature": altered(sig=""),
    "unasked": Key().event(2, "of a kind that nobody asked for"),
    "expired": KEY.event(1, "", [["expiration", "1000000000"]]),
    "a kind that is text": altered(kind="1"),
    "a tag that is no list": altered(tags=["p"]),
    "a tag with a number": altered(tags=[["p", 1]]),
    "a fraction of a second": altered(created_at=1.5),
    "nothing": {},
    "a list": [],
    "no value": None,
}


@asynchronous
async def test_what_is_wrong_is_not_shown(tmp_path: Path) -> None:
    """Stored or live, and what is good beside it is."""
    async with client_before(stored(), tmp_path) as (client, _, upstream):
        for what, wrong in WRONG.items():
            upstream.answer = stored(wrong, GOOD)
            subscription = await client.subscribe(
                {"kinds": [1], "authors": [KEY.pubkey]}, name=what
            )
            assert subscription.events == [GOOD], what
            last = KEY.event(1, f"after {what}")
            await upstream.tell_live(wrong)
            await upstream.tell_live(last)
            await client.until(lambda last=last, of=subscription: last in of.events)
            assert subscription.events == [GOOD, last], what
            await client.send("CLOSE", what)


GARBAGE: dict[str, Any] = {
    "no JSON": "{",
    "a number": 1,
    "an empty list": [],
    "an unknown command": ["HELLO", "NAME"],
    "a name that is none": ["EVENT", 7, GOOD],
    "another's subscription": ["EVENT", "other", GOOD],
    "an EOSE of nothing": ["EOSE"],
    "a CLOSED of nothing": ["CLOSED"],
    "an OK of nothing": ["OK"],
    "an OK for nobody": ["OK", "00" * 32, True, ""],
    "an OK that says neither": ["OK", "00" * 32, "true", ""],
    "a challenge": ["AUTH", "challenge"],
    "a notice": ["NOTICE", {"no": "text"}],
    "levels": "[" * 100_000,
    "closed levels": "[" * 100_000 + "]" * 100_000,
}


@asynchronous
async def test_garbage_is_dropped(tmp_path: Path) -> None:
    """What belongs to the question is heard nevertheless."""
    async with client_before(stored(), tmp_path) as (client, _, upstream):
        for what, garbage in GARBAGE.items():
            upstream.answer = answering_reqs(garbage, ["EVENT", "NAME", GOOD], garbage)
            assert await client.stored({"kinds": [1]}) == [GOOD], what
            accepted, message = await client.publish(KEY.event(1, f"after {what}"))
            assert accepted, (what, message)
        assert not any(message[0] == "AUTH" for message in upstream.said)


@asynchronous
async def test_hints_after_eose_are_not_passed_on(tmp_path: Path) -> None:
    """They would tell how much there is."""
    answer = answering_reqs(["EVENT", "NAME", GOOD], ["EOSE", "NAME", "finish"], eose=False)
    async with client_before(answer, tmp_path) as (client, _, _):
        assert await client.stored({"kinds": [1]}) == [GOOD]
        assert [message for message in client.messages if message[0] == "EOSE"] == [["EOSE", "s0"]]


@asynchronous
async def test_a_huge_frame_ends_its_connection_alone(tmp_path: Path) -> None:
    """The next question goes over another."""
    is_first = True

    async def answer(message: list[Any], say: Say) -> None:
        nonlocal is_first
        if message[0] == "REQ":
            was_first, is_first = is_first, False
            if was_first:
                await say(json.dumps(["NOTICE", "x" * 20_000_000]))
            await say(["EVENT", message[1], GOOD])
            await say(["EOSE", message[1]])

    async with client_before(answer, tmp_path) as (client, proxy, _):
        with pytest.raises(Closed, match="error:"):
            await client.subscribe({"kinds": [1]})
        assert await client.stored({"kinds": [1]}) == [GOOD]
        assert proxy.memory_bytes < 200_000_000


@asynchronous
@pytest.mark.heavy
async def test_a_flood_ends_with_its_answer(tmp_path: Path) -> None:
    """Of more events than were asked for, no more is kept."""
    many = [KEY.event(1, f"{number}" + "x" * 1000) for number in range(300)]

    async def answer(message: list[Any], say: Say) -> None:
        if message[0] == "REQ":
            for _ in range(40):
                for event in many:
                    await say(["EVENT", message[1], event])

    async with client_before(answer, tmp_path) as (client, proxy, _):
        before = proxy.memory_bytes
        assert len(await client.stored({"kinds": [1], "limit": 10})) == 10
        assert proxy.memory_bytes < before + 50_000_000


@asynchronous
async def test_an_answer_that_never_ends(tmp_path: Path) -> None:
    """The client is told so, and may ask again."""
    unfinished = answering_reqs(eose=False)
    async with client_before(unfinished, tmp_path, *HASTY) as (client, _, _):
        with pytest.raises(Closed, match=f"{GONE}no answer within 1 s"):
            await client.subscribe({"kinds": [1]})


@asynchronous
async def test_no_ok_is_no_acceptance(tmp_path: Path) -> None:
    """An event that the upstream does not answer is not accepted, and nobody gets it."""

    async def answer(message: list[Any], say: Say) -> None:
        if message[0] == "REQ":
            await say(["EOSE", message[1]])

    async with client_before(answer, tmp_path, *HASTY) as (client, _, upstream):
        subscription = await client.subscribe({"kinds": [1]})
        for kind in (1, 20001):
            accepted, message = await client.publish(KEY.event(kind, "unanswered"))
            assert (accepted, message) == (False, f"{GONE}no answer within 1 s")
        await upstream.tell_live(GOOD)
        await client.until(lambda: GOOD in subscription.events)
        assert subscription.events == [GOOD]


@asynchronous
async def test_a_notice_instead_of_an_answer(tmp_path: Path) -> None:
    """Where it can be about nothing else, its words are told, and it accepts nothing. An answer
    that comes after a notice counts.
    """
    fine, too_long = KEY.event(1, "fine"), KEY.event(1, "too long")

    async def answer(message: list[Any], say: Say) -> None:
        if message[0] in ("EVENT", "REQ"):
            await say(["NOTICE", "ERROR: bad " + message[0]])
        if message[0] == "EVENT" and message[1] == fine:
            await say(["OK", fine["id"], True, ""])

    async with client_before(answer, tmp_path) as (client, _, _upstream):
        assert await client.publish(fine) == (True, "")
        assert await client.publish(too_long) == (False, f"{GONE}it only says: ERROR: bad EVENT")
        with pytest.raises(Closed, match=f"{GONE}it only says: ERROR: bad REQ"):
            await client.subscribe({"kinds": [1]})


REFUSALS: dict[str, tuple[str, str]] = {
    "a reason": ("blocked: not here", "blocked: not here"),
    "no prefix": ("go away", "error: go away"),
    "nothing": ("", "error: the store refuses it"),
    "authentication": (
        "auth-required: who are you",
        "error: the relay's store refuses it: auth-required: who are you",
    ),
}


@pytest.mark.parametrize(("reason", "told"), REFUSALS.values(), ids=REFUSALS)
@pytest.mark.parametrize("names_it", [True, False])
@asynchronous
async def test_a_refusal_keeps_its_reason(
    reason: str, told: str, names_it: bool, tmp_path: Path
) -> None:
    """Although some do not name the event. AUTH, which cannot help, is not asked for."""

    async def answer(message: list[Any], say: Say) -> None:
        if message[0] == "EVENT":
            await say(["OK", message[1]["id"] if names_it else "", False, reason])

    async with client_before(answer, tmp_path) as (client, proxy, _):
        assert await client.publish(GOOD) == (False, told)
        assert ("insists on authentication" in proxy.stderr) == reason.startswith("auth-required")


@asynchronous
async def test_an_upstream_that_insists_on_authentication(tmp_path: Path) -> None:
    """It is an error in the log, and the client is not asked to authenticate."""
    answer = answering_reqs(["CLOSED", "NAME", "auth-required: no"], eose=False)
    async with client_before(answer, tmp_path) as (client, proxy, _):
        with pytest.raises(Closed, match=f"{GONE}it refuses: auth-required: no"):
            await client.subscribe({"kinds": [1]})
        assert "ERROR the upstream insists on authentication" in proxy.stderr


@asynchronous
async def test_a_refused_event_that_comes_live_nevertheless(tmp_path: Path) -> None:
    """Others can read it at the upstream: so can readers here, once."""
    event, last = KEY.event(1, "refused"), KEY.event(1, "last")

    async def answer(message: list[Any], say: Say) -> None:
        if message[0] == "REQ":
            await say(["EOSE", message[1]])
        elif message[0] == "EVENT":
            await upstream.tell_live(message[1])
            await asyncio.sleep(0.2)  # so that it comes first: on another connection
            await say(["OK", message[1]["id"], message[1] == last, "blocked: no"])

    async with client_before(answer, tmp_path) as (client, _, upstream):
        subscription = await client.subscribe({"kinds": [1]})
        assert await client.publish(event) == (False, "blocked: no")
        assert (await client.publish(last))[0]
        await client.until(lambda: last in subscription.events)
        assert subscription.events == [event, last]


@asynchronous
async def test_an_event_that_comes_live_again_and_again(tmp_path: Path) -> None:
    """Before its OK and after it: readers get it once."""

    async def answer(message: list[Any], say: Say) -> None:
        if message[0] == "REQ":
            await say(["EOSE", message[1]])
        elif message[0] == "EVENT":
            await upstream.tell_live(message[1])
            await say(["OK", message[1]["id"], True, ""])
            await upstream.tell_live(message[1])

    async with client_before(answer, tmp_path) as (client, _, upstream):
        subscription = await client.subscribe({"kinds": [1]})
        events = [KEY.event(1, str(number)) for number in range(5)]
        await client.publish_all(*events)
        await upstream.tell_live(events[0])
        await upstream.tell_live(GOOD)
        await client.until(lambda: GOOD in subscription.events)
        assert subscription.events == [*events, GOOD]


@asynchronous
async def test_an_event_that_is_accepted_again(tmp_path: Path) -> None:
    """The upstream does not say that it has it: it is a duplicate, and readers get it once."""
    event, last = KEY.event(1, "again"), KEY.event(1, "last")
    async with client_before(stored(), tmp_path) as (client, _, _upstream):
        subscription = await client.subscribe({"kinds": [1]})
        assert await client.publish(event) == (True, "")
        accepted, message = await client.publish(event)
        assert (accepted, message[:10]) == (True, "duplicate:")
        await client.publish_all(last)
        await client.until(lambda: last in subscription.events)
        assert subscription.events == [event, last]


@asynchronous
async def test_an_upstream_that_goes_and_comes_back(tmp_path: Path) -> None:
    """Meanwhile clients are told; afterwards what came live in between is made good."""
    async with scripted() as upstream, proxy_before(upstream, tmp_path) as proxy:
        port = upstream.port
        async with connected(proxy.url) as client:
            subscription = await client.subscribe({"kinds": [1]})
            await upstream.close()
            began = time.monotonic()
            for kind in (1, 20001):
                accepted, message = await client.publish(KEY.event(kind, "lost"))
                assert not accepted
                assert message.startswith("error: ")
            with pytest.raises(Closed, match="error: "):
                await client.subscribe({"kinds": [1]})
            assert str(await client.count({"kinds": [1]})).startswith("error: ")
            assert time.monotonic() - began < 5
            assert subscription.events == []
            missed = KEY.event(1, "missed")
            upstream.answer = stored(missed)
            await upstream.open(port)
            await client.until(lambda: subscription.events == [missed])
            assert (await client.publish(KEY.event(1, "found")))[0]
            assert proxy.stderr.count("cannot be reached:") < 5


@asynchronous
async def test_an_upstream_that_goes_in_the_middle(tmp_path: Path) -> None:
    """A question that it has not answered is answered all the same."""

    async def answer(message: list[Any], say: Say) -> None:
        if message[0] == "REQ":
            await say(["EVENT", message[1], GOOD])
        raise ConnectionResetError

    async with client_before(answer, tmp_path) as (client, _, _):
        with pytest.raises(Closed, match="error: "):
            await client.subscribe({"kinds": [1]})
        accepted, message = await client.publish(KEY.event(1))
        assert (accepted, message[:6]) == (False, "error:")


@asynchronous
async def test_it_does_not_start_before_its_upstream(tmp_path: Path) -> None:
    """Nobody connects to wait; it can be ended, and it starts once the upstream is there."""
    async with scripted() as upstream:
        port = upstream.port
        await upstream.close()
        proxy = Proxy(tmp_path, OPEN, upstream.url)
        proxy.launch()
        await asyncio.to_thread(proxy.wait_for, lambda: "cannot be reached:" in proxy.stderr)
        url = proxy._url_of_the_greeting
        assert url
        await asyncio.to_thread(proxy.wait_for, lambda: "cannot connect before" in proxy.stderr)
        assert f"{upstream.url} cannot be reached: connection refused\n" in proxy.stderr
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        assert await asyncio.to_thread(proxy.stop) == 0
        proxy.forget_output()
        proxy.launch()
        await asyncio.to_thread(proxy.wait_for, lambda: "cannot be reached:" in proxy.stderr)
        await upstream.open(port)
        await upstream.until(lambda: upstream.said)
        assert await asyncio.to_thread(proxy.stop, signal.SIGINT) == 0


@asynchronous
async def test_a_message_that_is_too_long_for_it(tmp_path: Path) -> None:
    """It is not sent where NIP-11 says so: the connection would be closed for all."""
    async with scripted() as upstream:
        upstream.information = {"limitation": {"max_message_length": 1000}}
        async with proxy_before(upstream, tmp_path) as proxy, connected(proxy.url) as client:
            with pytest.raises(Closed, match=rf"{GONE}this makes a message of .* it takes 1000"):
                await client.subscribe({"#t": ["x" * 1000]})
            accepted, message = await client.publish(KEY.event(1, "x" * 1000))
            assert not accepted
            assert message.startswith(f"{GONE}this makes a message of")
            assert (await client.publish(KEY.event(1)))[0]


INFORMATION: dict[str, Any] = {
    "nothing": None,
    "a list": [],
    "wrong types": {"supported_nips": "1", "limitation": [], "name": 7},
    "wrong members": {"supported_nips": [[], "x", True], "limitation": {"max_limit": "500"}},
    "no limit": {"limitation": {"max_limit": 0, "max_message_length": -1}},
}


@pytest.mark.parametrize("information", INFORMATION.values(), ids=INFORMATION)
@asynchronous
async def test_what_it_says_of_itself_may_be_anything(information: Any, tmp_path: Path) -> None:
    """The proxy says what it can do itself."""
    async with scripted(stored(GOOD)) as upstream:
        upstream.information = information
        async with proxy_before(upstream, tmp_path) as proxy, connected(proxy.url) as client:
            assert await client.stored({"kinds": [1]}) == [GOOD]
            document = await asyncio.to_thread(information_of, proxy)
            assert set(document["supported_nips"]) == {1, 9, 11, 40, 42, 45, 70}
            assert document["limitation"]["max_limit"] == 500


def information_of(proxy: Proxy) -> dict[str, Any]:
    request = urllib.request.Request(proxy.http, headers={"Accept": "application/nostr+json"})
    with urllib.request.urlopen(request, timeout=20) as response:
        document: dict[str, Any] = json.load(response)
    return document


@asynchronous
async def test_its_words_are_corrected(tmp_path: Path) -> None:
    """What the policy changes, and what cannot be done through the proxy, is not as it says."""
    async with scripted() as upstream:
        upstream.information = {
            "name": "theirs",
            "supported_nips": [1, 4, 42, 50, 62, 77],
            "limitation": {
                "auth_required": True,
                "max_subscriptions": 7,
                "max_limit": 100,
                "max_message_length": 65536,
                "min_pow_difficulty": 10,
                "created_at_upper_limit": 900,
            },
        }
        async with proxy_before(upstream, tmp_path) as proxy:
            document = await asyncio.to_thread(information_of, proxy)
            assert document["name"] == "theirs"
            assert document["supported_nips"] == [1, 4, 11, 40, 42, 45, 62, 70]
            limitation = document["limitation"]
            assert limitation["auth_required"] is False
            assert limitation["max_subscriptions"] == 100
            assert limitation["max_limit"] == 500
            assert limitation["max_message_length"] == 65536
            assert limitation["min_pow_difficulty"] == 10
            assert limitation["created_at_upper_limit"] == 900
            assert "insists on authentication" in proxy.stderr


@asynchronous
async def test_follow_lists_are_asked_for_upstream(tmp_path: Path) -> None:
    """At the start, and what comes live counts."""
    owner, friend, other = Key(), Key(), Key()
    policy = {
        "owners": [owner.pubkey],
        "policy_admins": [owner.pubkey],
        "policy_follow_whitelist_enabled": True,
        "rules": {"1": {"write_allow": [owner.pubkey], "write_allow_follows": True}},
    }
    follows = owner.event(3, "", [["p", friend.pubkey]], int(time.time()) - 10)
    both = owner.event(3, "", [["p", friend.pubkey], ["p", other.pubkey]])
    async with (
        scripted(stored(follows)) as upstream,
        proxy_before(upstream, tmp_path, policy=policy) as proxy,
    ):
        async with connected(proxy.url, friend) as client:
            assert (await client.publish(friend.event(1)))[0]
        async with connected(proxy.url, other) as client:
            assert not (await client.publish(other.event(1)))[0]
            subscription = await client.subscribe({"kinds": [3]})
            await upstream.tell_live(both)
            await client.until(lambda: both in subscription.events)
            async with asyncio.timeout(20):
                while True:
                    accepted, _ = await client.publish(other.event(1, str(time.monotonic())))
                    if accepted:
                        break
