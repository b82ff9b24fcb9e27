"""What is no message, and what is too much: each bound, and what is said (section 11)."""

import json
from pathlib import Path
from typing import Any

import pytest
from relay.client import Closed, asynchronous
from relay.signing import Key

from .relays import client, serving

NO_MESSAGES = [
    "",
    "x",
    "{}",
    "[]",
    '["REQ"]',
    "[1, 2]",
    '["REQ", "x", NaN]',
    "[" * 2_000,
    '["NOSUCH", 1]',
    '["REQ",' + "[" * 20 + "]" * 20 + "]",
    b"\xff\xfe",
]


@pytest.mark.parametrize("text", NO_MESSAGES, ids=lambda text: str(text)[:20])
@asynchronous
async def test_what_is_no_message_gets_a_notice(tmp_path: Path, text: Any) -> None:
    """And the connection goes on."""
    async with serving(tmp_path) as server, client(server) as speaker:
        await speaker.send_text(text)
        await speaker.until(lambda: speaker.said("NOTICE"))
        assert speaker.said("NOTICE")[0][0].startswith("invalid: ")
        assert await speaker.stored({}) == []


UNREADABLE_EVENTS = {
    '{"id": "half", "content": "\\ud800"}': "half",
    '{"id": "\\ud800"}': "",
    '{"id": "deep", "x": ' + "[" * 20 + "]" * 20 + "}": "deep",
    '{"id": "' + "x" * 70 + '"}': "x" * 70,
    '{"id": 1}': "",
    '"\\ud800"': "",
}


@pytest.mark.parametrize(("text", "event_id"), UNREADABLE_EVENTS.items(), ids=str)
@asynchronous
async def test_an_event_is_always_answered_with_its_id(
    tmp_path: Path, text: str, event_id: str
) -> None:
    """Whatever is wrong with it, as long as it is JSON."""
    async with serving(tmp_path) as server, client(server) as speaker:
        await speaker.send_text(f'["EVENT", {text}]')
        await speaker.until(lambda: speaker.said("OK"))
        ((answered, accepted, message),) = speaker.said("OK")
        assert (answered, accepted) == (event_id, False)
        assert message.startswith("invalid: ")


def nested(depth: int) -> str:
    """A message with brackets in texts, and so many lists and objects in one another."""
    inside = '{"]}[{": ["\\\\", "\\"[{"], "[": '
    return '["REQ", "x", ' + inside * (depth - 1) + "{}" + "}" * (depth - 1) + "]"


@asynchronous
async def test_a_message_is_nested_as_deep_as_it_may_be(tmp_path: Path) -> None:
    """And no deeper; brackets in texts do not count."""
    async with serving(tmp_path, nesting=5) as server, client(server) as speaker:
        await speaker.send_text(nested(4))
        await speaker.until(lambda: speaker.said("CLOSED"))
        await speaker.send_text(nested(5))
        await speaker.until(lambda: speaker.said("NOTICE"))
        assert "nested at most 5 deep" in speaker.said("NOTICE")[0][0]


@asynchronous
async def test_the_values_of_all_subscriptions_are_bounded(tmp_path: Path) -> None:
    """What a connection has open takes room and time; what it closes makes room."""
    async with serving(tmp_path, subscription_values=10) as server, client(server) as speaker:
        await speaker.subscribe({"kinds": list(range(6))}, name="a")
        with pytest.raises(Closed) as error:
            await speaker.subscribe({"#t": list("abc")}, {"kinds": [1, 2]}, name="b")
        assert str(error.value) == "error: the filters of all subscriptions may have 10 values"
        await speaker.subscribe({"#t": list("abcd")}, name="b")
        await speaker.subscribe({"kinds": list(range(6))}, name="a")
        await speaker.send("CLOSE", "a")
        await speaker.subscribe({"#t": list("abcdef")}, name="c")


@asynchronous
async def test_tags_of_an_event_are_bounded(tmp_path: Path) -> None:
    """Before anybody looks at them."""
    event = Key().event(1, tags=[["t", f"{number}"] for number in range(11)])
    async with serving(tmp_path, event_tags=10) as server, client(server) as speaker:
        refused = await speaker.publish(event)
        assert refused == (False, "invalid: the event has 11 tags, at most 10 may be")


@asynchronous
async def test_a_message_is_bounded_before_it_is_parsed(tmp_path: Path) -> None:
    """In bytes, not in characters."""
    async with serving(tmp_path, message_bytes=100) as server, client(server) as speaker:
        await speaker.send_text(json.dumps(["REQ", "é" * 40], ensure_ascii=False))
        await speaker.send_text(json.dumps(["REQ", "x" * 85]))
        await speaker.send_text(json.dumps(["REQ", "x" * 120]))
        await speaker.until(lambda: len(speaker.messages) == 4)
        assert [message[0] for message in speaker.messages] == [
            "AUTH",
            "CLOSED",
            "CLOSED",
            "NOTICE",
        ]
        assert "131 bytes, at most 100" in speaker.said("NOTICE")[0][0]


@pytest.mark.parametrize("name", ["", "x" * 65, 1, None, ["x"]], ids=str)
@pytest.mark.parametrize("command", ["REQ", "COUNT"])
@asynchronous
async def test_a_subscription_id_is_a_text_of_1_to_64_characters(
    tmp_path: Path, command: str, name: Any
) -> None:
    """Another one is closed, under what is left of it."""
    async with serving(tmp_path) as server, client(server) as speaker:
        await speaker.send(command, name, {})
        await speaker.until(lambda: speaker.said("CLOSED"))
        assert speaker.said("CLOSED")[0][1].startswith("invalid: a subscription id")


@pytest.mark.parametrize("name", ['"', "\\", "\x00", "a\nb", "☺" * 64, '","EVENT'])
@asynchronous
async def test_any_text_is_a_subscription_id(tmp_path: Path, name: str) -> None:
    """It comes back as it was, and writes no message."""
    key = Key()
    async with serving(tmp_path) as server, client(server) as speaker:
        await speaker.publish_all(key.event(1))
        subscription = await speaker.subscribe({"kinds": [1]}, name=name)
        assert len(subscription.events) == 1
        assert {message[0] for message in speaker.messages} == {"AUTH", "OK", "EVENT", "EOSE"}


@pytest.mark.parametrize(
    ("filters", "says"),
    [
        ([], "invalid: there are 0 filters, 1 to 2 may be"),
        ([{}] * 3, "invalid: there are 3 filters, 1 to 2 may be"),
        ([{"#t": ["x", "y", "z"]}], "invalid: #t has 3 values, at most 2 may be"),
        ([{"#t": ["x" * 9]}], "invalid: a value of #t has 9 bytes, at most 8 may be"),
        ([{"search": "x"}], "invalid: there is no search here"),
        ([{"ids": ["x"]}], "invalid: a value of ids is not 64 lowercase hex characters"),
        (["x"], "invalid: a filter is a JSON object"),
    ],
)
@asynchronous
async def test_filters_are_bounded(tmp_path: Path, filters: list[Any], says: str) -> None:
    """In number, in values, in the values' length."""
    bounds = {"filters": 2, "filter_values": 2, "value_bytes": 8}
    async with serving(tmp_path, **bounds) as server, client(server) as speaker:
        with pytest.raises(Closed) as caught:
            await speaker.subscribe(*filters)
        assert str(caught.value) == says
        assert await speaker.count(*filters) == says


@asynchronous
async def test_subscriptions_are_bounded(tmp_path: Path) -> None:
    """One that is closed makes room; another of the same name takes no room of its own."""
    async with serving(tmp_path, subscriptions=2) as server, client(server) as speaker:
        await speaker.subscribe({}, name="a")
        await speaker.subscribe({}, name="b")
        await speaker.subscribe({"kinds": [1]}, name="a")
        with pytest.raises(Closed, match="error: at most 2 subscriptions"):
            await speaker.subscribe({}, name="c")
        await speaker.send("CLOSE", "a")
        await speaker.subscribe({}, name="c")
        assert len(server.live) == 2
    assert len(server.live) == 0


@asynchronous
async def test_connections_of_an_address_are_bounded(tmp_path: Path) -> None:
    """IPv6 addresses of one site are one; one who goes makes room."""
    first, second = "2001:db8::1", "2001:db8::2"
    async with serving(tmp_path, connections_an_address=1) as server:
        async with client(server, ip=first) as speaker:
            await speaker.until(lambda: speaker.challenge)
            async with client(server, ip=second) as refused:
                await refused.until_gone()
                assert refused.messages == [
                    ["NOTICE", "error: too many connections from this address"]
                ]
            async with client(server, ip="192.0.2.1") as other:
                await other.subscribe({})
            for _ in range(2):
                async with (
                    client(server, ip="127.0.0.1") as proxy,
                    client(server, ip="::1") as own,
                ):
                    await proxy.subscribe({})
                    await own.subscribe({})
            await speaker.subscribe({})
        async with client(server, ip=second) as speaker:
            await speaker.subscribe({})


@asynchronous
async def test_sets_are_not_reconciled(tmp_path: Path) -> None:
    """NEG-OPEN (NIP-77) is refused by its own message."""
    async with serving(tmp_path) as server, client(server) as speaker:
        await speaker.send("NEG-OPEN", "n", {}, "6100")
        await speaker.until(lambda: speaker.said("NEG-ERR"))
        ((name, reason),) = speaker.said("NEG-ERR")
        assert name == "n"
        assert reason.startswith("blocked:")
