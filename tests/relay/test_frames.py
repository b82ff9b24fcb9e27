"""Messages as websocket frames: of every length, compressed or not, and in their order."""

import asyncio
import json
from typing import Any

import pytest
import websockets

from .client import asynchronous, connected
from .process import Relay
from .signing import Key


@pytest.mark.parametrize("compression", [None, "deflate"])
@asynchronous
async def test_messages_of_every_length_come_as_they_were(
    nostr_relay: Relay, compression: Any
) -> None:
    """Whatever the frame's head has to say of it."""
    key = Key()
    event = key.event(1, "x")
    overhead = len(json.dumps(["EVENT", "s", event], separators=(",", ":"))) - 1
    lengths = [*range(overhead, overhead + 3), *range(65_530, 65_542), 200_000]
    events = [key.event(1, "x" * (length - overhead)) for length in lengths]
    async with websockets.connect(
        nostr_relay.url, compression=compression, max_size=None
    ) as socket:
        for event in events:
            await socket.send(json.dumps(["EVENT", event]))
        await socket.send(json.dumps(["REQ", "s", {"authors": [key.pubkey], "limit": 0}]))
        found: list[Any] = []
        while not found or found[-1][0] != "EOSE":
            found.append(json.loads(await asyncio.wait_for(socket.recv(), 20)))
        while len([message for message in found if message[0] == "OK"]) < len(events):
            found.append(json.loads(await asyncio.wait_for(socket.recv(), 20)))
        await socket.send(json.dumps(["REQ", "s", {"authors": [key.pubkey]}]))
        texts = [await asyncio.wait_for(socket.recv(), 20) for _ in events]
        stored = sorted(map(len, texts))
        assert stored == lengths
        contents = [json.loads(text)[2]["content"] for text in texts]
        assert sorted(contents) == sorted(event["content"] for event in events)


@asynchronous
async def test_names_of_every_length_come_back(nostr_relay: Relay) -> None:
    """In an EOSE each, of which some are of 125 to 127 bytes: a name may have quotes."""
    names = ['"' * quotes + "x" * letters for quotes in range(40, 64, 5) for letters in (0, 1)]
    async with websockets.connect(nostr_relay.url, compression=None) as socket:
        await socket.recv()
        for name in names:
            await socket.send(json.dumps(["REQ", name, {"limit": 0}]))
            answer = json.loads(await asyncio.wait_for(socket.recv(), 20))
            assert answer == ["EOSE", name]
            await socket.send(json.dumps(["CLOSE", name]))


@asynchronous
async def test_a_client_that_sends_ahead_is_answered_in_order(nostr_relay: Relay) -> None:
    """More than is read ahead, in one go, of small and of large messages."""
    async with websockets.connect(nostr_relay.url, compression=None) as socket:
        await socket.recv()
        names = [f"{number}" for number in range(3_000)]
        values = ["y" * 100] * 300

        async def send() -> None:
            for name in names:
                large = {"#t": values} if name.endswith("00") else {}
                await socket.send(json.dumps(["REQ", name, {"limit": 0, **large}]))
                await socket.send(json.dumps(["CLOSE", name]))

        sending = asyncio.create_task(send())
        for name in names:
            assert json.loads(await asyncio.wait_for(socket.recv(), 20))[:2] == ["EOSE", name]
        await sending


@asynchronous
async def test_a_text_that_is_not_in_utf_8_ends_its_connection(nostr_relay: Relay) -> None:
    """After what was to be sent before it, and without a traceback in the log."""
    event = Key().event(1, "before it")
    async with connected(nostr_relay.url) as client:
        await client.publish_all(event)
        await client.socket.send([b'["REQ","\xff', b'\xfe",{}]'], text=True)
        await client.until_gone()
        assert client.socket.close_code == 1007
    assert "utf-8" not in nostr_relay.stderr
