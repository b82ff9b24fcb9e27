"""A session over ASGI: for any server and framework that speaks it."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, Final

from ..session import Server, Session

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

SEND_MANY: Final = "orly_policy.websocket.send_many"
"""An extension of ASGI that :class:`~.websockets.WebSockets` has: the message of this type has
``texts``, in UTF-8, of which each is sent as a message."""

POLICY_VIOLATION: Final = 1008
TRY_AGAIN_LATER: Final = 1013
SILENCE_SECONDS: Final = 1800.0
"""So long a client may say nothing."""


async def serve_client(
    server: Server,
    scope: Message,
    receive: Receive,
    send: Send,
    *,
    ip: str,
    silence_seconds: float = SILENCE_SECONDS,
) -> None:
    """Serve a client whose ``websocket.connect`` has been received, until it goes.

    :param ip: its address.
    """
    await send({"type": "websocket.accept"})

    def send_text(text: str) -> Awaitable[None]:
        return send({"type": "websocket.send", "text": text})

    def send_texts(texts: Sequence[bytes]) -> Awaitable[None]:
        return send({"type": SEND_MANY, "texts": texts})

    takes_many = SEND_MANY in (scope.get("extensions") or ())
    session = server.connect(send_text, ip=ip, send_many=send_texts if takes_many else None)
    code = await _talk(session, receive, silence_seconds)
    if code is not None:
        await send({"type": "websocket.close", "code": code})


async def _talk(session: Session, receive: Receive, silence_seconds: float) -> int | None:
    """The code to close with; ``None`` where the client has closed."""
    async with session:
        while True:
            try:
                async with asyncio.timeout(silence_seconds):
                    message = await receive()
            except TimeoutError:
                return TRY_AGAIN_LATER
            if message["type"] == "websocket.disconnect":
                return None
            await session.incoming(message.get("text") or message.get("bytes") or "")
    return POLICY_VIOLATION


def client_ip(scope: Message) -> str:
    """Whoever has connected; empty where that has no address."""
    return str((scope.get("client") or ("",))[0])


def path_of(scope: Message) -> str:
    """The path, without the part under which the relay is mounted."""
    path = str(scope["path"])
    root = str(scope.get("root_path") or "")
    return path.removeprefix(root) or "/" if root else path


def header(scope: Message, name: str) -> str | None:
    """A header's value.

    :param name: in lowercase.
    """
    headers = dict(scope["headers"])
    value = headers.get(name.encode())
    return None if value is None else value.decode("latin-1")


async def respond(
    send: Send,
    status: int,
    content: bytes = b"",
    media_type: str = "text/plain; charset=utf-8",
    *,
    any_origin: bool = False,
) -> None:
    """Answer an HTTP request.

    :param any_origin: whether pages of other sites may read it (CORS).
    """
    headers = [(b"content-type", media_type.encode()), (b"content-length", b"%d" % len(content))]
    if any_origin:
        headers += [
            (b"access-control-allow-%s" % name, b"*")
            for name in (b"origin", b"headers", b"methods")
        ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
