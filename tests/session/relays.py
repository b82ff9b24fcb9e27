"""A relay in this process: a session over a store in memory, and clients without sockets."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from relay.client import Client
from relay.signing import Key

from orly_policy_hookspecs import Gate
from orly_policy_plugin.hosts.memory import MemoryStore
from orly_policy_plugin.plugin import register
from orly_policy_plugin.session import Server, SessionSettings
from orly_policy_plugin.settings import Settings

URL = "wss://relay.example"


class Wire:
    """What a websocket is to a client: a session on the other end."""

    def __init__(self, server: Server, ip: str) -> None:
        self._server = server
        self._ip = ip
        self._to_client: asyncio.Queue[str | None] = asyncio.Queue()
        self._to_relay: asyncio.Queue[str | bytes | None] = asyncio.Queue()
        self.reads = asyncio.Event()
        """Whether the client reads what it is sent."""
        self.reads.set()
        self.unread: list[str] = []

    async def serve(self) -> None:
        """What a relay's author writes."""
        try:
            async with self._server.connect(self._to_them, ip=self._ip) as session:
                while (text := await self._to_relay.get()) is not None:
                    await session.incoming(text)
        finally:
            self._to_client.put_nowait(None)

    async def _to_them(self, text: str) -> None:
        await self.reads.wait()
        self._to_client.put_nowait(text)

    async def send(self, text: str | bytes) -> None:
        """To the relay."""
        self._to_relay.put_nowait(text)

    async def close(self) -> None:
        """The client goes."""
        self._to_relay.put_nowait(None)

    def __aiter__(self) -> AsyncIterator[str]:
        return self._texts()

    async def _texts(self) -> AsyncIterator[str]:
        while (text := await self._to_client.get()) is not None:
            yield text


class Speaker(Client):
    """A client without a socket."""

    socket: Any

    def said(self, command: str) -> list[list[Any]]:
        """What has come of one kind of message."""
        return [message[1:] for message in self.messages if message[0] == command]


@contextlib.asynccontextmanager
async def client(server: Server, *keys: Key, ip: str = "192.0.2.1") -> AsyncIterator[Speaker]:
    """Connect, and authenticate with each key."""
    wire = Wire(server, ip)
    made = Speaker(wire, URL)  # type: ignore[arg-type]
    serving, reading = asyncio.create_task(wire.serve()), asyncio.create_task(made.read())
    try:
        for key in keys:
            accepted, message = await made.authenticate(key)
            assert accepted, message
        yield made
    finally:
        await wire.close()
        await serving
        await reading


@contextlib.contextmanager
def policy_file(folder: Path, policy: Any) -> Iterator[Path]:
    """A policy in a file."""
    path = folder / "policy.json"
    path.write_text(json.dumps(policy))
    yield path


@contextlib.asynccontextmanager
async def serving(
    folder: Path, policy: Any = None, *plugins: object, store: Any = None, **settings: Any
) -> AsyncIterator[Server]:
    """A relay with a policy, and plugins beside the engine."""
    gate = Gate()
    if policy is not None:
        with policy_file(folder, policy) as path:
            register(gate, Settings(path=path, relay_urls=(URL,)))
    for plugin in plugins:
        gate.register(plugin)
    made = SessionSettings(relay_urls=(URL,), **settings)
    async with Server(gate, store or MemoryStore(), made) as server:
        yield server
