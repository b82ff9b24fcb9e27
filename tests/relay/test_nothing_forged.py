"""What clients send forges nothing in the relay's output, nor in its log."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest
from hostile import HOSTILE, assert_harmless

from .client import asynchronous, connected
from .process import Relay
from .signing import Key
from .test_signed_updates import ADMIN, OWNER, POLICY, UpdatableRelay, update

AT_LEVEL_INFO = (
    sys.executable,
    "-c",
    "import logging; logging.getLogger('nostr_relay').setLevel(logging.INFO)\n"
    "import example_relay.__main__ as relay; relay.OURS = (); relay.main()",
)


@asynchronous
async def test_a_contribution_forges_no_line_of_the_output(tmp_path: Path) -> None:
    """An admin's description, with terminal escapes and a line as the relay prints it."""
    contribution = {"rules_add": {"1984": {"description": HOSTILE, "must_have_tags": [HOSTILE]}}}
    with UpdatableRelay(tmp_path, POLICY) as relay:
        before = relay.stdout
        async with connected(relay.url) as client:
            accepted, message = await client.publish(update(ADMIN, contribution))
            assert accepted, message
            relay.wait_for(lambda: "1984" in relay.stdout.removeprefix(before))
            refused, message = await client.publish(update(ADMIN, {HOSTILE: HOSTILE}))
            assert not refused
            assert_harmless(message)
        shown = relay.stdout.removeprefix(before)
        assert_harmless(relay.stdout)
        assert_harmless(relay.stderr)
        assert r"\x1b[2J" in shown
        assert shown.count("policy:  version ") == shown.count(r"\npolicy:  version ") + 1 + (
            shown.count(r"\u2028policy:  version ")
        )


@asynchronous
async def test_an_owners_policy_forges_no_line_of_the_output(tmp_path: Path) -> None:
    """Descriptions and names of tags, in a signed policy and in the file."""
    rules = {"1": {"description": HOSTILE, "tag_validation": {HOSTILE: "^a"}}}
    with UpdatableRelay(tmp_path, POLICY) as relay:
        async with connected(relay.url) as client:
            accepted, message = await client.publish(update(OWNER, {**POLICY, "rules": rules}))
            assert accepted, message
            relay.wait_for(lambda: r"\x1b[2J" in relay.stdout)
        relay.save_policy({HOSTILE: HOSTILE})
        relay.wait_for(lambda: r"\x1b[2J" in relay.stderr)
        assert_harmless(relay.stdout)
        assert_harmless(relay.stderr)


@pytest.mark.parametrize("storage", ["sqlite", "lmdb"])
@asynchronous
@pytest.mark.heavy
async def test_an_event_forges_no_line_of_the_log(tmp_path: Path, storage: str) -> None:
    """An id with the end of a line, and whatever else is no event or no message."""
    event_id = "e\nERROR forged\x1b[2J\u2028"
    with Relay(tmp_path, {}, storage, command=AT_LEVEL_INFO) as relay:
        async with connected(relay.url) as client:
            refused, message = await client.publish({**Key().event(1), "id": event_id})
            assert not refused
            assert_harmless(message)
            relay.wait_for(lambda: r"refused e\nERROR forged\x1b[2J\u2028: " in relay.stderr)
            for broken in ({"kind": HOSTILE}, {"pubkey": HOSTILE}, {"tags": [[1, HOSTILE]]}):
                await client.send("EVENT", {**Key().event(1), **broken})
            await client.send("REQ", "s", {HOSTILE: [HOSTILE], "ids": [HOSTILE]})
            await client.send("AUTH", {HOSTILE: HOSTILE})
            await client.publish_all(Key().event(1, HOSTILE, [[HOSTILE]]))
        assert_harmless(relay.stderr)
        assert_harmless(relay.stdout)
        assert "\nERROR forged" not in relay.stderr


@asynchronous
@pytest.mark.heavy
async def test_a_header_forges_no_line_of_the_log(tmp_path: Path) -> None:
    """Who connects from where is what the socket says, and its origin is escaped."""
    headers = {"X-Forwarded-For": "6.6.6.6", "X-Real-IP": "6.6.6.6", "Forwarded": "for=6.6.6.6"}
    with Relay(tmp_path, {}, command=AT_LEVEL_INFO) as relay:
        async with connected(relay.url, additional_headers=headers) as client:
            await client.authenticate(Key())
            relay.wait_for(lambda: "authenticated" in relay.stderr)
        assert "6.6.6.6" not in relay.stderr
        await connect_from(relay, b"https://a\x9b2J\xad")
        relay.wait_for(lambda: r"https://a\x9b2j\xad" in relay.stderr)
        assert_harmless(relay.stderr)


async def connect_from(relay: Any, origin: bytes) -> None:
    """Open a websocket by hand: no library sends such a header."""
    host, port = relay.url.removeprefix("ws://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"
        b"Origin: " + origin + b"\r\n\r\n"
    )
    assert b" 101 " in await reader.readline()
    writer.close()
    await writer.wait_closed()
