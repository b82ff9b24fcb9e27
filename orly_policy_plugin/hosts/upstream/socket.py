"""A websocket to the upstream. Messages are taken as they come, without a task for each: a page is
hundreds of them. So it is picows: websockets takes a quarter of the proxy's time for a REQ.
"""

import asyncio
import logging
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import unquote, urlsplit

from picows import WSCloseCode, WSError, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from orly_policy_hookspecs.logs import get_log
from orly_policy_hookspecs.printing import printable

CONNECT_SECONDS: Final = 10.0
_MESSAGE_BYTES: Final = 2 * 1024 * 1024
"""Of one message of the upstream's. A session takes events of half of that."""
_QUIET_SECONDS: Final = 20.0
"""After so long without anything the upstream is pinged, and has as long to answer."""
_CLOSE_SECONDS: Final = 1.0
_SHOWN: Final = 500

log = get_log(__name__)
_of_the_library = get_log(f"{__name__}.library")
_of_the_library.setLevel(logging.CRITICAL)  # why a connection is lost is told once, by who used it


class SocketLost(Exception):
    """There is no connection; the text says why, for the log."""


class Socket:
    """A websocket. Used from :meth:`connect` to :meth:`close`."""

    def __init__(self, on_text: Callable[[bytes], None], on_lost: Callable[[str], None]) -> None:
        """:param on_text: told of each message. What it raises ends the connection.
        :param on_lost: told why the connection is gone.
        """
        self._listener = _Listener(on_text)
        self._on_lost = on_lost
        self._transport: WSTransport | None = None
        self._watch: asyncio.Task[None] | None = None

    async def connect(self, url: str, headers: Mapping[str, str]) -> None:
        """Connect.

        :param url: ``ws://`` or ``wss://``; what stands before an ``@`` in it is sent as the name
            and password of HTTP's Basic authentication.
        :raises SocketLost: it cannot be connected.
        """
        bare_url, credentials = _without_credentials(url)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                transport, _ = await ws_connect(
                    lambda: self._listener,
                    bare_url,
                    extra_headers={**headers, **credentials},
                    websocket_handshake_timeout=CONNECT_SECONDS,
                    enable_auto_ping=True,
                    auto_ping_idle_timeout=_QUIET_SECONDS,
                    auto_ping_reply_timeout=_QUIET_SECONDS,
                    max_frame_size=_MESSAGE_BYTES,
                    logger_name=_of_the_library,
                )
        except (WSError, OSError, TimeoutError) as error:
            raise SocketLost(_told(error)) from None
        if transport.is_disconnected:
            raise SocketLost(_why_closed(transport))
        self._transport = transport
        self._watch = asyncio.create_task(self._wait_until_lost(transport))

    async def send(self, text: bytes) -> None:
        """Send a text, and return when there is room for another. Where the connection is lost it
        goes nowhere.
        """
        self._connected.send(WSMsgType.TEXT, text)
        await self._listener.has_room.wait()

    def pause_reading(self) -> None:
        """Take no more than what has come."""
        if not (transport := self._connected.underlying_transport).is_closing():
            transport.pause_reading()

    def resume_reading(self) -> None:
        """Take messages again."""
        if not (transport := self._connected.underlying_transport).is_closing():
            transport.resume_reading()

    async def close(self) -> None:
        """Close it."""
        if self._watch is None:
            return
        self._connected.send_close(WSCloseCode.OK)
        self._connected.disconnect()
        await asyncio.wait([self._watch], timeout=_CLOSE_SECONDS)
        self._connected.disconnect(graceful=False)
        await self._watch

    @property
    def _connected(self) -> WSTransport:
        assert self._transport is not None
        return self._transport

    async def _wait_until_lost(self, transport: WSTransport) -> None:
        try:
            await transport.wait_disconnected()
            why = _why_closed(transport)
        except (WSError, OSError, TimeoutError) as error:
            why = _told(error)
        except Exception:
            log.exception("what the upstream sent could not be read")
            why = "what it sent could not be read"
        self._listener.has_room.set()
        self._on_lost(why)


class _Listener(WSListener):
    """What the library calls."""

    def __init__(self, on_text: Callable[[bytes], None]) -> None:
        super().__init__()
        self._on_text = on_text
        self._parts = bytearray()
        """Of a message that comes in several frames."""
        self.has_room = asyncio.Event()
        self.has_room.set()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if transport.is_close_frame_sent:  # what was too long comes nevertheless
            return
        kind = frame.msg_type
        if kind is WSMsgType.TEXT and frame.fin:
            self._on_text(frame.get_payload_as_bytes())
        elif kind is WSMsgType.CLOSE:
            transport.send_close(WSCloseCode.OK)
            transport.disconnect()
        elif kind is not WSMsgType.PONG:
            self._take_part(frame)

    def _take_part(self, frame: WSFrame) -> None:
        self._parts += frame.get_payload_as_memoryview()
        if len(self._parts) > _MESSAGE_BYTES:
            raise WSError(f"a message of more than {_MESSAGE_BYTES} bytes")
        if frame.fin:
            text, self._parts = self._parts, bytearray()
            self._on_text(bytes(text))

    def pause_writing(self) -> None:
        self.has_room.clear()

    def resume_writing(self) -> None:
        self.has_room.set()


def _without_credentials(url: str) -> tuple[str, Mapping[str, str]]:
    """A URL without the name and password in it, and the header that says them (RFC 7617)."""
    parts = urlsplit(url)
    if parts.username is None:
        return url, {}
    said = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return bare, {"Authorization": f"Basic {b64encode(said.encode()).decode()}"}


def _why_closed(transport: WSTransport) -> str:
    """Why a connection is gone that was closed by the upstream, or by nobody."""
    closing = transport.close_handshake
    if closing is None or closing.recv is None:
        return "the connection was lost"
    told = f"it closes the connection with {closing.recv.code.value}"
    return f"{told}: {printable(closing.recv.reason[:_SHOWN])}" if closing.recv.reason else told


def _told(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return f"it did not answer within {CONNECT_SECONDS:g} s"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"  # asyncio's own text has the address
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return printable(" ".join(str(error).split())[:_SHOWN]) or type(error).__name__
