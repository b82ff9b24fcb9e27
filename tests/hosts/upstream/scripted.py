"""A relay that says what a test has it say."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import attrs
import websockets
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

Say = Callable[[Any], Awaitable[None]]
"""Sends a message: a text as it is, anything else as JSON."""
Answer = Callable[[list[Any], Say], Awaitable[None]]


@attrs.define(eq=False)
class Scripted:
    """It answers a REQ with EOSE and an EVENT with OK, unless it is told what to do."""

    answer: Answer | None = None
    """What is done with a message that the proxy sends."""
    reqs: list[dict[str, Any]] = attrs.Factory(list)
    """The filters of all REQs that ask for stored events."""
    published: list[dict[str, Any]] = attrs.Factory(list)
    said: list[list[Any]] = attrs.Factory(list)
    """All that the proxy has sent."""
    headers: list[dict[str, str]] = attrs.Factory(list)
    """Of each connection."""
    information: Any = None
    """What it says of itself (NIP-11)."""
    url: str = ""
    _server: Server | None = None
    _live: dict[ServerConnection, str] = attrs.Factory(dict)
    _changed: asyncio.Condition = attrs.Factory(asyncio.Condition)

    async def open(self, port: int = 0) -> None:
        """Listen."""
        self._server = await serve(
            self._serve, "127.0.0.1", port, max_size=None, process_request=self._begin
        )
        self.url = f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        """Be gone."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    async def tell_live(self, event: Any) -> None:
        """Send an event on the subscription to live ones."""
        await self.until(lambda: self._live)
        for socket, name in list(self._live.items()):
            await _say(socket, ["EVENT", name, event])

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait for a condition on what the proxy has sent."""
        async with asyncio.timeout(20), self._changed:
            await self._changed.wait_for(condition)

    def _begin(self, connection: ServerConnection, request: Request) -> Response | None:
        if request.headers.get("Accept") == "application/nostr+json":
            return connection.respond(200, json.dumps(self.information))
        self.headers.append({name.lower(): value for name, value in request.headers.raw_items()})
        return None

    async def _serve(self, socket: ServerConnection) -> None:
        with contextlib.suppress(websockets.ConnectionClosed):
            async for text in socket:
                await self._take(socket, json.loads(text))
        self._live.pop(socket, None)

    async def _take(self, socket: ServerConnection, message: list[Any]) -> None:
        async with self._changed:
            self._note(socket, message)
            self._changed.notify_all()
        is_live = message[0] == "REQ" and self._live.get(socket) == message[1]
        if self.answer is not None and not is_live:
            await self.answer(message, lambda said: _say(socket, said))
        elif message[0] == "REQ":
            await _say(socket, ["EOSE", message[1]])
        elif message[0] == "EVENT":
            await _say(socket, ["OK", message[1]["id"], True, ""])

    def _note(self, socket: ServerConnection, message: list[Any]) -> None:
        self.said.append(message)
        match message:
            case ["REQ", str(name), {"since": 1, "limit": 1}]:
                self._live[socket] = name
            case ["REQ", _, dict(wanted)]:
                self.reqs.append(wanted)
            case ["EVENT", dict(event)]:
                self.published.append(event)


async def _say(socket: ServerConnection, message: Any) -> None:
    await socket.send(message if isinstance(message, str) else json.dumps(message))


@contextlib.asynccontextmanager
async def scripted(answer: Answer | None = None) -> AsyncIterator[Scripted]:
    """One that listens."""
    relay = Scripted(answer)
    await relay.open()
    try:
        yield relay
    finally:
        await relay.close()
