"""The ASGI shell around nostr-relay's app: a session for each websocket."""

import sys
from collections.abc import Awaitable, Callable, Sequence

from nostr_relay.config import Config

from orly_policy_hookspecs.logs import get_log
from orly_policy_hookspecs.printing import printable

from ..asgi import (
    POLICY_VIOLATION,
    SILENCE_SECONDS,
    TRY_AGAIN_LATER,
    App,
    Message,
    Receive,
    Send,
    client_ip,
    header,
    path_of,
    serve_client,
)
from .hazards import hazards_of_server, trusted_by_server
from .serving import Serving

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
            trusted = trusted_by_server(sys._getframe())
            telling = _after_start(send, lambda: self._tell_hazards(trusted))
            await self._app(scope, receive, _explaining(telling, self.why_not_started))
        elif scope["type"] == "websocket" and path_of(scope) == "/":
            await self._serve(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _tell_hazards(self, trusted: Sequence[str]) -> None:
        for hazard in (*hazards_of_server(tuple(sys.modules), trusted), *await self.hazards()):
            log.warning("%s", hazard)

    async def hazards(self) -> list[str]:
        """What loses events: a line each, for the operator."""
        return await self._serving.hazards()

    async def _serve(self, scope: Message, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        ip = client_ip(scope)
        if (code := self._why_refused(scope, ip)) is not None:
            await send({"type": "websocket.close", "code": code})
            return
        log.info("a client at %s, from %s", ip, _origin(scope))
        seconds = Config.get("message_timeout", SILENCE_SECONDS)
        server = self._serving.server
        await serve_client(server, scope, receive, send, ip=ip, silence_seconds=seconds)

    def _why_refused(self, scope: Message, ip: str) -> int | None:
        origin = _origin(scope)
        if origin in (Config.origin_blacklist or ()):
            log.warning("refused a connection from the origin %s", origin)
            return POLICY_VIOLATION
        limiter = self._serving.rate_limiter
        if limiter is not None and limiter.is_limited(ip, ["ACCEPT"]):
            log.warning("refused a connection from %s: rate-limited", ip)
            return TRY_AGAIN_LATER
        return None


def _origin(scope: Message) -> str:
    return (header(scope, "origin") or "none").lower()


def _after_start(send: Send, then: Callable[[], Awaitable[None]]) -> Send:
    """Do something when the relay has started."""

    async def sending(message: Message) -> None:
        if message["type"] == "lifespan.startup.complete":
            await then()
        await send(message)

    return sending


def _explaining(send: Send, why_not: Callable[[], str | None]) -> Send:
    """Send the reason of a failed start in place of a traceback, if the operator can mend it."""

    async def sending(message: Message) -> None:
        if message["type"] == "lifespan.startup.failed" and (reason := why_not()):
            message = {**message, "message": printable(f"the relay does not start: {reason}")}
        await send(message)

    return sending
