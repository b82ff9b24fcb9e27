"""The websocket to an upstream: what comes is told, and why it is gone."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import attrs
import pytest
from relay.client import asynchronous
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.server import ServerProtocol

from orly_policy_plugin.hosts.upstream import socket as sockets
from orly_policy_plugin.hosts.upstream.socket import Socket, SocketLost

LARGEST = 2 * 1024 * 1024


@attrs.define(eq=False)
class Told:
    """What a socket tells."""

    texts: list[bytes] = attrs.Factory(list)
    lost: list[str] = attrs.Factory(list)
    _changed: asyncio.Condition = attrs.Factory(asyncio.Condition)

    def come(self, text: bytes) -> None:
        self.texts.append(text)
        self._notify()

    def gone(self, why: str) -> None:
        self.lost.append(why)
        self._notify()

    def _notify(self) -> None:
        asyncio.get_running_loop().create_task(self._notified())

    async def _notified(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(20), self._changed:
            await self._changed.wait_for(condition)


def url_of(server: Server | asyncio.Server) -> str:
    return f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"


@contextlib.asynccontextmanager
async def connected(
    speak: Callable[[ServerConnection], Awaitable[None]],
) -> AsyncIterator[tuple[Socket, Told]]:
    """A socket to a server that speaks."""
    told = Told()
    socket = Socket(told.come, told.gone)
    async with serve(speak, "127.0.0.1", 0, max_size=None) as server:
        await socket.connect(url_of(server), {"X-Forwarded-For": "1.2.3.4"})
        try:
            yield socket, told
        finally:
            await socket.close()


@asynchronous
async def test_texts_come_in_their_order_whatever_their_frames() -> None:
    """One message may come in many frames, with pings in between."""

    async def speak(server: ServerConnection) -> None:
        assert server.request is not None
        await server.send(server.request.headers["X-Forwarded-For"])
        await server.send(["sev", "eral ", "", "frames"])
        await server.ping()
        await server.send(b"bytes")
        await server.send("")
        await server.send("x" * LARGEST)
        await server.wait_closed()

    async with connected(speak) as (_, told):
        await told.until(lambda: len(told.texts) == 5)
        assert told.texts == [b"1.2.3.4", b"several frames", b"bytes", b"", b"x" * LARGEST]
        assert told.lost == []
    assert len(told.lost) == 1


@asynchronous
async def test_a_name_and_a_password_in_the_url_are_sent() -> None:
    """As HTTP has it; they are no part of the host's name."""

    async def speak(server: ServerConnection) -> None:
        assert server.request is not None
        for name in ("Authorization", "Host"):
            await server.send(server.request.headers[name])
        await server.wait_closed()

    told = Told()
    socket = Socket(told.come, told.gone)
    async with serve(speak, "127.0.0.1", 0) as server:
        host = url_of(server).removeprefix("ws://")
        await socket.connect(f"ws://me:p%40ss@{host}", {})
        await told.until(lambda: len(told.texts) == 2)
        await socket.close()
    assert told.texts == [b"Basic bWU6cEBzcw==", host.encode()]


@pytest.mark.parametrize("text", ["x" * (LARGEST + 1), ["x" * LARGEST, "y"]], ids=["one", "two"])
@asynchronous
async def test_too_long_a_message_ends_it(text: str | list[str]) -> None:
    """In one frame or in several."""

    async def speak(server: ServerConnection) -> None:
        with contextlib.suppress(Exception):
            await server.send(text)
            await server.wait_closed()

    async with connected(speak) as (socket, told):
        await told.until(lambda: told.lost)
        assert told.texts == []
        assert str(LARGEST) in told.lost[0]
        await socket.send(b"nobody reads this")


@asynchronous
async def test_why_it_is_gone_is_told_once() -> None:
    """In the upstream's own words."""

    async def speak(server: ServerConnection) -> None:
        await server.recv()
        await server.close(1008, "too\nmuch")

    async with connected(speak) as (socket, told):
        await socket.send(b"hello")
        await told.until(lambda: told.lost)
    assert told.lost == ["it closes the connection with 1008: too\\nmuch"]


@asynchronous
async def test_one_that_is_cut_off_is_gone() -> None:
    """Without a word."""

    async def speak(server: ServerConnection) -> None:
        await server.send("first")
        server.transport.abort()

    async with connected(speak) as (_, told):
        await told.until(lambda: told.lost)
    assert (told.texts, told.lost) == ([b"first"], ["the connection was lost"])


@asynchronous
async def test_one_that_falls_silent_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked whether it is there."""
    monkeypatch.setattr(sockets, "_QUIET_SECONDS", 0.1)
    told = Told()
    socket = Socket(told.come, told.gone)

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        protocol = ServerProtocol()
        protocol.receive_data(await reader.readuntil(b"\r\n\r\n"))
        (request,) = protocol.events_received()
        protocol.send_response(protocol.accept(request))  # type: ignore[arg-type]
        writer.writelines(protocol.data_to_send())
        await reader.read()
        writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server:
        await socket.connect(url_of(server), {})
        await told.until(lambda: told.lost)
        await socket.close()
    assert len(told.lost) == 1


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"", "the connection was lost"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "404"),
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "ssh-2.0"),
    ],
    ids=["gone", "not found", "no HTTP"],
)
@asynchronous
async def test_what_is_no_relay_cannot_be_connected(answer: bytes, why: str) -> None:
    """It is said why."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(speak, "127.0.0.1", 0) as server:
        told = Told()
        with pytest.raises(SocketLost, match=why):
            await Socket(told.come, told.gone).connect(url_of(server), {})
    assert told.lost == []


@asynchronous
async def test_what_says_nothing_cannot_be_connected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for ever, and nothing is left open."""
    monkeypatch.setattr(sockets, "CONNECT_SECONDS", 0.2)
    ended = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        ended.set()

    async with await asyncio.start_server(listen, "127.0.0.1", 0) as server:
        told = Told()
        with pytest.raises(SocketLost, match=r"it did not answer within 0\.2 s"):
            await Socket(told.come, told.gone).connect(url_of(server), {})
        async with asyncio.timeout(20):
            await ended.wait()
