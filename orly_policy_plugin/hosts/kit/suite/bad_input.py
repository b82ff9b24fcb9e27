"""Hostile and clumsy clients: what they send is answered, and others are served."""

import contextlib
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import websockets

from ..policy import NOTE
from ..raising import DETAIL, ON_READ, ON_WRITE
from ..running import Ability, RunningHost, check
from ..signing import Key
from .reading import has_come, is_closed
from .writing import is_refused

WRONG_FIELDS: list[dict[str, Any]] = [
    {"tags": [["p", 1]]},
    {"tags": [["p", None]]},
    {"tags": [["p", ["a"]]]},
    {"tags": ["p"]},
    {"tags": {"p": "x"}},
    {"tags": None},
    {"content": 1},
    {"content": None},
    {"content": ["a"]},
    {"kind": 1.5},
    {"kind": "1"},
    {"kind": True},
    {"kind": None},
    {"kind": -1},
    {"kind": 65_536},
    {"kind": 10**300},
    {"created_at": 10**300},
    {"created_at": 2**63},
    {"created_at": -1},
    {"created_at": 1.5},
    {"created_at": "1700000000"},
]
WRONG_HEX: list[dict[str, Any]] = [
    {"id": 1},
    {"id": None},
    {"id": []},
    {"id": ""},
    {"pubkey": 1},
    {"pubkey": "AB" * 32},
    {"pubkey": "ab" * 33},
    {"sig": None},
    {"sig": "ab" * 63},
    {"sig": "AB" * 64},
]
NO_EVENTS: list[Any] = [None, 1, "event", [], [1], {}, {"id": {"a": 1}}, True]
WRONG_FILTERS: list[Any] = [
    None,
    "kinds",
    [],
    {"kinds": 4},
    {"kinds": ["4"]},
    {"kinds": [True]},
    {"kinds": [-1]},
    {"kinds": [10**30]},
    {"ids": ["ab"]},
    {"ids": [1]},
    {"ids": "ab" * 32},
    {"authors": ["' OR 1=1 --"]},
    {"kinds": [1], "limit": -1},
    {"kinds": [1], "limit": "1"},
    {"kinds": [1], "since": "now"},
    {"kinds": [1], "until": [1]},
    {"#p": "x"},
    {"#p": [1]},
    {"#'": ["x"]},
]
NO_MESSAGES: list[str | bytes] = [
    "",
    "no json",
    "[",
    "{}",
    "null",
    "\x00",
    '["EVENT",',
    '["EVENT"]',
    '["REQ"]',
    '["CLOSE"]',
    '["AUTH"]',
    '["WHAT","is","this"]',
    '["CLOSE",{"a":[]}]',
    '["EVENT",{"id":"\\ud800"}]',
    '["REQ","\\ud800",{"kinds":[1]}]',
    '["EVENT",{"kind":1e999}]',
    '["EVENT",NaN]',
    '["EVENT",{"kind":' + "9" * 5_000 + "}]",
    '["EVENT",' + "[" * 900 + "]" * 900 + "]",
    "[" * 100_000,
    "[" * 100_000 + "]" * 100_000,
    '["REQ","deep",' + '{"a":' * 100_000 + "1" + "}" * 100_000 + "]",
    b"\xff\xfe",
    b'["REQ","a",{"kinds":[1]}]',
]


@contextlib.asynccontextmanager
async def others_served(host: RunningHost) -> AsyncIterator[None]:
    """Whatever is done meanwhile, others write and read, then and afterwards."""
    key = Key()
    async with host.connected() as before:
        yield
        async with host.connected() as after:
            for client in (before, after):
                note = key.event(NOTE, f"unharmed {time.monotonic_ns()}")
                await client.publish_all(note)
                assert await client.stored({"ids": [note["id"]]}) == [note]


class BadInput:
    """What no good client sends."""

    @check()
    async def test_wrong_types_in_an_event(self, host: RunningHost) -> None:
        """Each is OK false with the event's id, and the connection lives."""
        key = Key()
        plain = {"pubkey": key.pubkey, "created_at": int(time.time()), "kind": NOTE, "tags": []}
        events = [key.finish({**plain, "content": "", **wrong}) for wrong in WRONG_FIELDS]
        event = key.event(NOTE, "right")
        events += [{**event, **wrong} for wrong in WRONG_HEX]
        events += [{name: event[name] for name in event if name != left} for left in event]
        async with others_served(host), host.connected() as client:
            for wrong in events:
                given = wrong.get("id", "")
                event_id = given if isinstance(given, str) else ""
                answer = await client.answer_to(event_id, client.send("EVENT", wrong))
                assert (answer[0], answer[1][:8]) == (False, "invalid:"), wrong
            assert await client.stored({"authors": [key.pubkey]}) == []
            await client.publish_all(event)

    @check()
    async def test_what_is_no_event(self, host: RunningHost) -> None:
        """Any other JSON value is answered with an empty id."""
        async with others_served(host), host.connected() as client:
            for value in NO_EVENTS:
                answer = await client.answer_to("", client.send("EVENT", value))
                assert (answer[0], answer[1][:8]) == (False, "invalid:"), value

    @check()
    async def test_wrong_types_in_a_filter(self, host: RunningHost) -> None:
        """Each is CLOSED with ``invalid:``, alone and beside one that is right."""
        async with others_served(host), host.connected() as client:
            for wrong in WRONG_FILTERS:
                for filters in ([wrong], [{"kinds": [NOTE], "limit": 1}, wrong]):
                    await is_closed(client, "invalid:", *filters)

    @check()
    async def test_what_is_no_message(self, host: RunningHost) -> None:
        """Nonsense, a hundred thousand levels of JSON, no text: the connection lives on."""
        key = Key()
        async with others_served(host), host.connected() as client:
            for number, text in enumerate(NO_MESSAGES):
                await client.socket.send(text)
                await client.publish_all(key.event(NOTE, f"{number}"))

    @check()
    async def test_a_text_that_is_not_in_utf_8(self, host: RunningHost) -> None:
        """Websockets allow none: the connection may end, and nothing else."""
        async with others_served(host), host.connected() as client:
            with contextlib.suppress(websockets.ConnectionClosed):
                await client.socket.send(b'["REQ","\xff\xfe",{}]', text=True)
                await client.socket.send(json.dumps(["CLOSE", "x"]))
            async with host.connected() as other:
                await other.stored({"limit": 1})

    @check()
    async def test_a_megabyte_of_tags(self, host: RunningHost) -> None:
        """It is answered; what is accepted is there, and what is refused is not."""
        key = Key()
        many = key.event(NOTE, "many", [["t", "x" * 40]] * 20_000)
        large = key.event(NOTE, "large", [["t", "x" * 1_000_000]])
        async with others_served(host), host.connected() as client:
            for event in (many, large):
                accepted, message = await client.publish(event)
                assert accepted or message
                stored = await client.stored({"ids": [event["id"]]})
                assert stored == ([event] if accepted else [])

    @check()
    async def test_a_message_that_is_too_large(self, host: RunningHost) -> None:
        """The connection may end, others' do not."""
        async with others_served(host):
            with contextlib.suppress(websockets.ConnectionClosed):
                async with websockets.connect(host.url, max_size=None) as socket:
                    await socket.send(json.dumps(["REQ", "x", {"#t": ["x" * 8_000_000]}]))
                    while json.loads(await socket.recv())[0] == "AUTH":
                        pass

    @check()
    async def test_a_client_that_goes_in_the_middle(self, host: RunningHost) -> None:
        """Of what it asks and of what it sends; what it has sent is stored or is not."""
        key = Key()
        async with others_served(host), host.connected() as reader:
            live = await reader.subscribe({"authors": [key.pubkey]})
            for number in range(8):
                events = [key.event(NOTE, f"{number} {each}") for each in range(3)]
                async with host.connected() as client:
                    await client.send("REQ", "all", {"limit": 500})
                    for event in events:
                        await client.send("EVENT", event)
                    await client.socket.send(['["EVENT",', '{"id":'])
                    client.socket.transport.abort()
            fence = key.event(NOTE, "fence")
            await reader.publish_all(fence)
            await has_come(reader, live, fence)
            assert len(live.events) == len(live.ids)
            wanted = {"authors": [key.pubkey], "kinds": [NOTE]}
            assert live.ids <= await reader.stored_ids(wanted)

    @check()
    async def test_a_reader_who_does_not_read(self, host: RunningHost) -> None:
        """Others write and read as ever; it gets what it has asked for, or is cut off."""
        author = Key()
        large = [author.event(NOTE, f"{n}" * 50_000) for n in range(10)]
        ids = {"ids": [event["id"] for event in large]}
        async with (
            others_served(host),
            websockets.connect(host.url, max_size=None, max_queue=1) as idle,
        ):
            async with host.connected() as writer:
                await writer.publish_all(*large)
                for number in range(20):
                    await idle.send(json.dumps(["REQ", f"{number}", ids]))
                for number in range(5):
                    async with host.connected() as reader:
                        await writer.publish_all(author.event(NOTE, f"meanwhile {number}"))
                        assert len(await reader.stored(ids)) == len(large)
            ended = 0
            with contextlib.suppress(websockets.ConnectionClosed):
                while ended < 20:
                    ended += json.loads(await idle.recv())[0] in ("EOSE", "CLOSED")

    @check(Ability.RAISING_PLUGINS)
    async def test_a_plugin_that_raises_on_a_write(self, host: RunningHost) -> None:
        """``error:``, which tells nothing; the event is not stored, others' are."""
        async with others_served(host), host.connected() as client:
            event = Key().event(NOTE, ON_WRITE)
            await is_refused(client, event, "error:")
            assert DETAIL not in client.answers[event["id"]][0][1]

    @check(Ability.RAISING_PLUGINS, Ability.READS)
    async def test_a_plugin_that_raises_on_a_read(self, host: RunningHost) -> None:
        """The event is given to nobody, stored or live."""
        key = Key()
        hidden, fence = key.event(NOTE, ON_READ), key.event(NOTE, "fence")
        async with others_served(host), host.connected() as client, host.connected() as reader:
            live = await reader.subscribe({"authors": [key.pubkey]})
            await client.publish_all(hidden, fence)
            await has_come(reader, live, fence)
            assert live.events == [fence]
            assert await reader.stored({"authors": [key.pubkey]}) == [fence]
