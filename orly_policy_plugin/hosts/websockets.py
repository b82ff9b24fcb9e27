"""uvicorn's websockets, for many small messages: what is sent at one time is written at once.

uvicorn writes each message by itself, and stops and starts reading for each that comes. Either is
a call of the system, which costs more than all that a relay does with a small event.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode

from orly_policy_hookspecs.logs import get_log

from .asgi import SEND_MANY

_WRITTEN_AT_ONCE_BYTES: Final = 65_536
_READ_AHEAD_BYTES: Final = 65_536
"""Of a client's messages that were not taken yet; then it is read no further."""
_MESSAGE_BYTES: Final = 200
"""What a message takes besides its text."""


log = get_log(__name__)


class WebSockets(WebSocketsSansIOProtocol):
    """A protocol for ``ws=`` of uvicorn's configuration."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._unwritten: list[bytes] = []
        self._unwritten_bytes = 0
        self._ahead_bytes = 0

    # --- to the client

    async def send(self, message: Any) -> None:
        """ASGI's ``send``. A message is written soon, together with others."""
        texts = _texts_of(message)
        if not texts or not self.handshake_complete or self.close_sent or self.conn.extensions:
            self._write()
            for each in _one_by_one(message):
                await super().send(each)
            return
        if not self.writable.is_set():
            await self.writable.wait()
        if self.disconnected or self.transport.is_closing():
            raise ClientDisconnected
        self._put(texts)

    def _put(self, texts: Sequence[bytes]) -> None:
        if not self._unwritten:
            self.loop.call_soon(self._write)
        for text in texts:
            self._unwritten += (_head(len(text)), text)
        self._unwritten_bytes += sum(map(len, texts))
        if self._unwritten_bytes >= _WRITTEN_AT_ONCE_BYTES:
            self._write()

    def _write(self) -> None:
        if self._unwritten:
            unwritten, self._unwritten, self._unwritten_bytes = self._unwritten, [], 0
            self.transport.write(b"".join(unwritten))

    def shutdown(self) -> None:
        """Handle the end of the server."""
        self._write()
        super().shutdown()

    def handle_close(self, event: Any) -> None:
        """Handle the client's close."""
        self._write()
        super().handle_close(event)

    # --- from the client

    async def run_asgi(self) -> None:
        """Run the app for a client, telling it of :data:`SEND_MANY`."""
        self.scope.setdefault("extensions", {})[SEND_MANY] = {}
        await super().run_asgi()

    def send_receive_event_to_app(self) -> None:
        """Hand on a message that has come."""
        if self.curr_msg_data_type == "text" and not _is_text(self.frames):
            self._end_for_no_text()
            return
        self._ahead_bytes += sum(map(len, self.frames)) + _MESSAGE_BYTES
        was_paused, self.read_paused = self.read_paused, True  # or it would pause for each
        super().send_receive_event_to_app()
        self.read_paused = was_paused
        if not was_paused and self._ahead_bytes > _READ_AHEAD_BYTES and not self.close_sent:
            self.read_paused = True
            self.transport.pause_reading()

    def _end_for_no_text(self) -> None:
        """End the connection of a client whose text is none (section 8.1 of RFC 6455).

        uvicorn does so, too, but has a traceback for the log each time.
        """
        self.frames = []
        if not self.close_sent:
            log.info("a client's text is not UTF-8")
            self._write()
            self.conn.send_close(CloseCode.INVALID_DATA)
            self.handle_parser_exception()

    async def receive(self) -> Any:
        """ASGI's ``receive``."""
        message: Mapping[str, Any] = await super().receive()
        if self.queue.empty():
            self._ahead_bytes = 0
        return message


def _is_text(frames: Sequence[bytes]) -> bool:
    """Whether the frames of a message are UTF-8 together."""
    if all(frame.isascii() for frame in frames):
        return True
    try:
        b"".join(frames).decode()
    except UnicodeDecodeError:
        return False
    return True


def _texts_of(message: Mapping[str, Any]) -> Sequence[bytes]:
    """The texts of a message that has some."""
    if message["type"] == SEND_MANY:
        texts: Sequence[bytes] = message["texts"]
        return texts
    text = message.get("text")
    return () if text is None else (text.encode(),)


def _one_by_one(message: Any) -> Iterable[Any]:
    """What uvicorn understands."""
    if message["type"] != SEND_MANY:
        return (message,)
    return ({"type": "websocket.send", "text": text.decode()} for text in message["texts"])


def _head(size: int) -> bytes:
    """The head of a text message in one frame (section 5.2 of RFC 6455)."""
    if size < 126:
        return bytes((0x81, size))
    if size < 65_536:
        return b"\x81\x7e" + size.to_bytes(2, "big")
    return b"\x81\x7f" + size.to_bytes(8, "big")
