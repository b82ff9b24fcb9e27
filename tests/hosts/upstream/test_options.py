"""What the proxy is told on its command line."""

import asyncio
import json
import re
import signal
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import websockets
from click.testing import CliRunner
from relay.client import asynchronous, connected
from relay.signing import Key

from orly_policy_plugin.cli.command import orly_policy

from .processes import OPEN, MemoryRelay, Proxy
from .scripted import Say, scripted
from .test_hostile_upstream import KEY, client_before, proxy_before, stored


@asynchronous
async def test_a_clients_address_goes_up(tmp_path: Path) -> None:
    """In the header that was named: the one that a trusted proxy has told."""
    options = ["--ip-header", "X-Real-IP", "--trust-proxy", "127.0.0.0/8"]
    async with scripted() as upstream, proxy_before(upstream, tmp_path, *options) as proxy:
        for address in ("192.0.2.7", "2001:db8::7"):
            headers = {"X-Forwarded-For": f"198.51.100.1, {address}"}
            async with connected(proxy.url, additional_headers=headers) as client:
                assert (await client.publish(Key().event(1)))[0]
            assert [each.get("x-real-ip") for each in upstream.headers][-1] == address
        told = [each["x-real-ip"] for each in upstream.headers if "x-real-ip" in each]
        assert told == ["192.0.2.7", "2001:db8::7"]


@asynchronous
async def test_who_believes_anybody_is_warned(tmp_path: Path) -> None:
    """By a line at the start."""
    async with scripted() as upstream:
        for network, told in (("0.0.0.0/0", 1), ("127.0.0.0/8", 0)):
            (folder := tmp_path / str(told)).mkdir()
            async with proxy_before(upstream, folder, "--trust-proxy", network) as proxy:
                assert proxy.stderr.count("X-Forwarded-For is believed from anybody") == told


@asynchronous
async def test_nobody_is_believed_who_is_not_named(tmp_path: Path) -> None:
    """An address that a client makes up does not go up."""
    options = ["--ip-header", "X-Real-IP", "--trust-proxy", "192.0.2.0/24"]
    async with scripted() as upstream, proxy_before(upstream, tmp_path, *options) as proxy:
        headers = {"X-Forwarded-For": "192.0.2.7", "X-Real-IP": "192.0.2.7"}
        async with connected(proxy.url, additional_headers=headers) as client:
            assert (await client.publish(Key().event(1)))[0]
        assert upstream.headers[-1]["x-real-ip"] == "127.0.0.1"


@asynchronous
async def test_wires_are_shared(tmp_path: Path) -> None:
    """Many clients, one after the other, need one connection, and one for live events."""
    async with scripted() as upstream, proxy_before(upstream, tmp_path) as proxy:
        before = len(upstream.headers)
        for _ in range(10):
            async with connected(proxy.url) as client:
                assert (await client.publish(Key().event(1)))[0]
        assert len(upstream.headers) - before == 1


@asynchronous
async def test_a_trusted_upstreams_signatures_are_not_verified(tmp_path: Path) -> None:
    """Its ids are."""
    unsigned = {**KEY.event(1, "unsigned"), "sig": "00" * 64}
    forged = {**KEY.event(1, "forged"), "content": "another"}
    options = ["--trust-upstream"]
    async with client_before(stored(unsigned, forged), tmp_path, *options) as (client, _, _):
        assert await client.stored({"kinds": [1]}) == [unsigned]


SHADOWING = """\
import json, sys
for line in sys.stdin:
    event = json.loads(line)
    print(json.dumps({"id": event["id"], "action": "shadowReject", "msg": ""}), flush=True)
"""


@asynchronous
async def test_a_shadowed_event_does_not_get_up(tmp_path: Path) -> None:
    """Its author is told that it is stored."""
    script = tmp_path / "shadow.py"
    script.write_text(f"#!{sys.executable}\n{SHADOWING}")
    script.chmod(0o755)
    policy = {**OPEN, "rules": {"7": {"script": str(script)}}}
    async with (
        scripted() as upstream,
        proxy_before(upstream, tmp_path, policy=policy) as proxy,
        connected(proxy.url) as client,
    ):
        subscription = await client.subscribe({"kinds": [1, 7]})
        event, last = KEY.event(7, "+"), KEY.event(1, "last")
        assert await client.publish(event) == (True, "")
        assert (await client.publish(last))[0]
        await client.until(lambda: last in subscription.events)
        assert subscription.events == [last]
        assert upstream.published == [last]


def test_a_page_that_is_let_through(tmp_path: Path) -> None:
    """No other is, and not from under it."""
    upstream = tmp_path / "upstream"
    upstream.mkdir()
    with MemoryRelay(upstream, OPEN) as relay:
        with Proxy(tmp_path, OPEN, relay.url, "--pass", "/about") as proxy:
            direct = urllib.error.HTTPError
            with pytest.raises(direct) as answer:  # the relay that forgets has no such page
                urllib.request.urlopen(proxy.http + "/about?x=1", timeout=20)
            assert answer.value.read() != b"There is nothing here.\n"
            with pytest.raises(direct) as answer:
                urllib.request.urlopen(proxy.http + "/about/more", timeout=20)
            assert answer.value.read() == b"There is nothing here.\n"
        relay.stop()
        assert proxy.stderr.count("Traceback") == 0


@asynchronous
async def test_clients_connect_where_the_relay_is(tmp_path: Path) -> None:
    """At ``/`` and at the paths of its public URLs."""
    options = ["--public-url", "wss://relay.example/nostr"]
    async with scripted() as upstream, proxy_before(upstream, tmp_path, *options) as proxy:
        for path in ("/", "/nostr"):
            async with connected(proxy.url + path) as client:
                assert (await client.publish(Key().event(1)))[0]
        with pytest.raises(websockets.InvalidStatus, match="403"):
            await websockets.connect(proxy.url + "/other")
        async with connected(proxy.url) as client:
            assert (await client.authenticate(KEY, "wss://relay.example/nostr"))[0]
            assert not (await client.authenticate(KEY, proxy.url))[0]


@asynchronous
@pytest.mark.heavy
async def test_several_processes_are_one_relay(tmp_path: Path) -> None:
    """A live event reaches the readers of each once, and a saved policy holds in each."""
    async with scripted() as upstream:

        async def answer(message: list[Any], say: Say) -> None:
            if message[0] == "REQ":
                await say(["EOSE", message[1]])
            elif message[0] == "EVENT":
                await say(["OK", message[1]["id"], True, ""])
                await upstream.tell_live(message[1])

        upstream.answer = answer
        async with proxy_before(upstream, tmp_path, "--workers", "2") as proxy:
            clients = [connected(proxy.url) for _ in range(12)]
            opened = [await each.__aenter__() for each in clients]
            subscriptions = [await each.subscribe({"kinds": [1, 20001]}) for each in opened]
            events = [KEY.event(kind, str(n)) for n in range(6) for kind in (1, 20001)]
            for client, event in zip(opened, events, strict=True):
                assert (await client.publish(event))[0]
            for client, subscription in zip(opened, subscriptions, strict=True):
                await client.until(lambda each=subscription: len(each.events) >= len(events))
                ids = [event["id"] for event in subscription.events]
                assert sorted(ids) == sorted(event["id"] for event in events)
            proxy.save_policy({**OPEN, "kind": {"blacklist": [1]}})
            for client in opened:
                async with asyncio.timeout(20):
                    while (await client.publish(Key().event(1)))[0]:
                        pass
            for each in clients:
                await each.__aexit__(None, None, None)
            assert await asyncio.to_thread(proxy.stop) == 0


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
@asynchronous
async def test_it_ends_at_once(how: signal.Signals, tmp_path: Path) -> None:
    """Although clients are connected; they are told."""
    async with scripted() as upstream, proxy_before(upstream, tmp_path) as proxy:
        async with connected(proxy.url) as client:
            subscription = await client.subscribe({"kinds": [1]})
            async with asyncio.timeout(10):
                assert await asyncio.to_thread(proxy.stop, how) == 0
            await client.until_gone()
            assert subscription.events == []
        assert "ERROR" not in proxy.stderr


@asynchronous
async def test_the_log_has_no_line_for_each_connection(tmp_path: Path) -> None:
    """What is logged is what is refused, and who has authenticated."""
    async with scripted() as upstream, proxy_before(upstream, tmp_path) as proxy:
        urllib_page = f"{proxy.http}/nothing"
        for _ in range(3):
            async with connected(proxy.url) as client:
                assert (await client.publish(Key().event(1)))[0]
        with pytest.raises(urllib.error.HTTPError):
            await asyncio.to_thread(urllib.request.urlopen, urllib_page)
        # Two plugins, the version, two lines, and that this upstream says nothing of itself.
        greeting = 6
        assert len(proxy.stderr.splitlines()) <= greeting, proxy.stderr


@asynchronous
@pytest.mark.heavy
async def test_a_client_that_does_not_read(tmp_path: Path) -> None:
    """It costs little memory, and nobody else any time."""
    large = [KEY.event(1, f"{number}" + "x" * 50_000) for number in range(200)]
    async with client_before(stored(*large), tmp_path) as (client, proxy, _):
        before = proxy.memory_bytes
        _, writer = await asyncio.open_connection(
            "127.0.0.1", int(proxy.url.rpartition(":")[2]), limit=1024
        )
        writer.write(
            b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        for number in range(40):
            text = json.dumps(["REQ", str(number), {"kinds": [1]}]).encode()
            frame = bytes([0x81, 0x80 | len(text)]) + b"\0\0\0\0" + text
            writer.write(frame)
        await writer.drain()
        for number in range(3):
            assert len(await client.stored({"kinds": [1], "limit": 5 + number})) == 5 + number
        assert proxy.memory_bytes < before + 150_000_000
        writer.close()


BAD = {
    "no URL": (["--upstream", "http://x"], "is no relay's URL"),
    "a port that is none": (["--upstream", "ws://x:y"], "is no relay's URL"),
    "no address": (["--upstream", "ws://x", "--listen", "here"], "is no address"),
    "no network": (["--upstream", "ws://x", "--trust-proxy", "10.0.0.1/8"], "a network is such"),
    "no path": (["--upstream", "ws://x", "--pass", "about"], "is no path"),
    "no header": (["--upstream", "ws://x", "--ip-header", "a b"], "is no header's name"),
    "no policy": (["--upstream", "ws://x", "--policy", "absent.json"], "absent.json"),
}


@pytest.mark.parametrize(("options", "said"), BAD.values(), ids=BAD)
def test_bad_options(
    options: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit status 2, and what would be right."""
    monkeypatch.chdir(tmp_path)
    policy = tmp_path / "policy.json"
    policy.write_text("{}")
    named = [] if "--policy" in options else ["--policy", str(policy)]
    result = CliRunner().invoke(orly_policy, ["proxy", *named, *options])
    assert result.exit_code == 2
    assert said in re.sub(r"\s+", " ", result.output)


def test_a_policy_that_cannot_be_used(tmp_path: Path) -> None:
    """Exit status 1, with every problem, before anybody can connect."""
    proxy = Proxy(tmp_path, {"rules": {"x": {}}, "owners": "me"}, "ws://127.0.0.1:9")
    proxy.launch()
    assert proxy.wait() == 1
    assert "rules" in proxy.stderr
    assert "owners" in proxy.stderr
