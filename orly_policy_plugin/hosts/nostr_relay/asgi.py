"""The ASGI shell around nostr-relay's app: it knows the connection, and puts answers right."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from nostr_relay.util import json_loads

from orly_policy_hookspecs.printing import printable

from .connection import Connection, current_connection

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

_NOT_OFFERED = "error: COUNT is not offered here"


class PolicyShell:
    """Wraps the app that nostr-relay makes.

    Makes good that the relay answers a refused event with an empty id, a duplicate with false,
    and COUNT not at all.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    def why_not_started(self) -> str | None:
        """What the operator can do about a start that failed, if that is known."""
        return None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One connection, or one HTTP request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, _explaining(send, self.why_not_started))
            return
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
            return
        client = scope.get("client")
        connection = Connection(client[0] if client else "", send)
        token = current_connection.set(connection)
        try:
            await self._app(scope, _receiving(receive, connection), _sending(send, connection))
        finally:
            current_connection.reset(token)


def _explaining(send: Send, why_not: Callable[[], str | None]) -> Send:
    """A start that failed for a reason that the operator can mend shows that, and no traceback."""

    async def sending(message: Message) -> None:
        if message["type"] == "lifespan.startup.failed" and (reason := why_not()):
            message = {**message, "message": printable(f"the relay does not start: {reason}")}
        await send(message)

    return sending


def _sending(send: Send, connection: Connection) -> Send:
    async def sending(message: Message) -> None:
        if connection.answer and (message.get("text") or "").startswith('["OK",'):
            event_id, accepted, text = connection.answer
            connection.answer = None
            await connection.send(["OK", event_id, accepted, text])
            return
        await send(message)

    return sending


def _receiving(receive: Receive, connection: Connection) -> Receive:
    async def receiving() -> Message:
        while True:
            message = await receive()
            subscription = _counted(message.get("text") or "")
            if subscription is None:
                return message
            await connection.send(["CLOSED", subscription, _NOT_OFFERED])

    return receiving


def _counted(text: str) -> str | None:
    """The subscription id of a COUNT message (NIP-45), or ``None`` for any other."""
    if '"COUNT"' not in text[:20]:
        return None
    try:
        command, subscription, *_ = json_loads(text)
        return str(subscription)[:64] if command == "COUNT" else None
    except (ValueError, TypeError, RecursionError):
        return None
