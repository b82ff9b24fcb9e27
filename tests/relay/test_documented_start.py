"""The commands of docs/relays.md, with a YAML file that says no more than it must."""

import asyncio
import contextlib
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import attrs
import pytest

from .client import asynchronous, connected
from .process import ROOT
from .signing import Key
from .test_nothing_forged import connect_from

RELAY = """
from orly_policy_plugin.hosts.nostr_relay import create_app

app = create_app("nostr-relay.yaml", policy="policy.json")
"""
PAGE = (ROOT / "docs" / "relays.md").read_text()
COMMANDS = {
    found[1]: shlex.split(found[0])
    for found in re.finditer(r"^(uvicorn|gunicorn) .*relay:app$", PAGE, re.MULTILINE)
}
SECONDS = 60


@attrs.define
class Started:
    """A relay that was started by hand."""

    url: str
    folder: Path

    def log(self) -> str:
        return (self.folder / "log.txt").read_text()

    async def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < deadline, self.log()
            await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def started(folder: Path, server: str) -> AsyncIterator[Started]:
    """Start one of the commands."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    where = ["--port", str(port)] if server == "uvicorn" else ["-b", f"127.0.0.1:{port}"]
    (folder / "relay.py").write_text(RELAY)
    (folder / "policy.json").write_text('{"rules": {"7": {"content_limit": 5}}}')
    (folder / "nostr-relay.yaml").write_text(
        f"storage:\n  sqlalchemy.url: sqlite+aiosqlite:///{folder / 'events.sqlite3'}\n"
        f"authentication:\n  relay_urls: ['ws://127.0.0.1:{port}']\n"
    )
    command = [sys.executable, "-m", *COMMANDS[server], *where]
    relay = Started(f"ws://127.0.0.1:{port}", folder)
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)  # noqa: ASYNC220
        try:
            await relay.until(lambda: listens(port))
            yield relay
        finally:
            process.terminate()
            await asyncio.to_thread(process.wait)


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def test_there_are_two_commands() -> None:
    """Of which these tests tell."""
    assert COMMANDS.keys() == {"uvicorn", "gunicorn"}


@pytest.mark.parametrize("server", COMMANDS)
@asynchronous
async def test_the_operator_is_told(tmp_path: Path, server: str) -> None:
    """Of a policy that cannot be used, in the log; and no header forges a line of it."""
    async with started(tmp_path, server) as relay:
        await connect_from(relay, b"https://a\x9b2J\x85forged")
        async with connected(relay.url) as client:
            accepted, message = await client.publish(Key().event(7, "123456"))
            assert not accepted
            assert message.startswith("blocked: content is 6 bytes")
        (tmp_path / "policy.json").write_text('{"rulez": {}}')
        await relay.until(lambda: "the policy file cannot be used" in relay.log())
        assert "did you mean 'rules'" in relay.log()
        assert r"https://a\x9b2j\x85forged" in relay.log()
        assert not re.search("[\x1b\x85\x9b]", relay.log())


@asynchronous
async def test_live_events_reach_the_readers_of_every_worker(tmp_path: Path) -> None:
    """Whichever process a client happens to be on."""
    key = Key()
    async with started(tmp_path, "gunicorn") as relay, contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(connected(relay.url)) for _ in range(12)]
        readers = [
            (client, await client.subscribe({"authors": [key.pubkey]})) for client in clients
        ]
        events = [key.event(1, f"{number}") for number in range(24)]
        for client, event in zip(clients * 2, events, strict=True):
            await client.publish_all(event)
        ids = {event["id"] for event in events}
        for client, subscription in readers:
            await client.until(lambda of=subscription: of.ids == ids)
            assert len(subscription.events) == len(ids)
        assert len(list((tmp_path / "events.sqlite3.workers").iterdir())) == 2
