"""The ASGI shell around nostr-relay's app: a session for each websocket."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from nostr_relay.config import Config

from orly_policy_hookspecs.logs import get_log
from orly_policy_hookspecs.printing import printable

from .serving import Serving

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

_POLICY_VIOLATION: Final = 1008
_TRY_AGAIN_LATER: Final = 1013
_MESSAGE_TIMEOUT_SECONDS: Final = 1800

log = get_log(__name__)


class PolicyShell:
    """Wraps the app that nostr-relay makes: its HTTP stays, its websocket handling does not."""

    def __init__(self, app: App, serving: Serving) -> None:
        self._app = app
        self._serving = serving

    def why_not_started(self) -> str | None:
        """Why the start failed, if the operator can mend that; else ``None``."""
        error = self._serving.why_not_started
        return None if error is None else str(error)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One connection, or one HTTP request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, _explaining(send, self.why_not_started))
        elif scope["type"] == "websocket" and _path(scope) == "/":
            await self._serve(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _serve(self, scope: Message, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        ip = (scope.get("client") or ("",))[0]
        if (code := self._why_refused(scope, ip)) is not None:
            await send({"type": "websocket.close", "code": code})
            return
        log.info("a client at %s, from %s", ip, _origin(scope))
        await send({"type": "websocket.accept"})
        code = await self._talk(ip, receive, send)
        if code is not None:
            await send({"type": "websocket.close", "code": code})

    def _why_refused(self, scope: Message, ip: str) -> int | None:
        origin = _origin(scope)
        if origin in (Config.origin_blacklist or ()):
            log.warning("refused a connection from the origin %s", origin)
            return _POLICY_VIOLATION
        limiter = self._serving.rate_limiter
        if limiter is not None and limiter.is_limited(ip, ["ACCEPT"]):
            log.warning("refused a connection from %s: rate-limited", ip)
            return _TRY_AGAIN_LATER
        return None

    async def _talk(self, ip: str, receive: Receive, send: Send) -> int | None:
        """Serve a client until it goes.

        :return: the code to close with; ``None`` where it has closed.
        """

        async def send_text(text: str) -> None:
            await send({"type": "websocket.send", "text": text})

        seconds = Config.get("message_timeout", _MESSAGE_TIMEOUT_SECONDS)
        async with self._serving.server.connect(send_text, ip=ip) as session:
            while True:
                try:
                    async with asyncio.timeout(seconds):
                        message = await receive()
                except TimeoutError:
                    return _TRY_AGAIN_LATER
                if message["type"] == "websocket.disconnect":
                    return None
                await session.incoming(message.get("text") or message.get("bytes") or "")
        return _POLICY_VIOLATION


def _origin(scope: Message) -> str:
    headers = dict(scope["headers"])
    return str(headers.get(b"origin", b"none").decode("latin-1").lower())


def _path(scope: Message) -> str:
    """The path of a request, without the part under which the relay is mounted."""
    path = str(scope["path"])
    root = str(scope.get("root_path") or "")
    return path.removeprefix(root) or "/" if root else path


def _explaining(send: Send, why_not: Callable[[], str | None]) -> Send:
    """Send the reason of a failed start in place of a traceback, if the operator can mend it."""

    async def sending(message: Message) -> None:
        if message["type"] == "lifespan.startup.failed" and (reason := why_not()):
            message = {**message, "message": printable(f"the relay does not start: {reason}")}
        await send(message)

    return sending
