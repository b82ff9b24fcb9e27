"""One client's connection: who has authenticated on it, and how to answer it."""

import json
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, Final

from orly_policy_hookspecs import Context, Origin

Send = Callable[[dict[str, Any]], Awaitable[None]]

OURSELVES: Final = Context(origin=Origin.IMPORT)
"""The context of what no client asked for: events of the relay's own, and imports."""


class Connection:
    """A websocket connection, from the adapter's side."""

    def __init__(self, ip: str, send: Send) -> None:
        self.context = Context(ip=ip, connection=self)
        """The client as of now; replaced when somebody authenticates."""
        self.auth_token: dict[str, Any] = {}
        """nostr-relay's own token of the last that authenticated."""
        self.answer: tuple[str, bool, str] | None = None
        """Event id, accepted, message: the OK to be sent for the event in hand."""
        self._send = send

    def authenticated(self, pubkey: str) -> None:
        """Somebody has proved to hold this key; those before stay (NIP-42)."""
        keys = (*self.context.authenticated, pubkey)
        self.context = Context(keys, ip=self.context.ip, connection=self)

    async def send(self, message: list[Any]) -> None:
        """Send a message of the protocol, such as ``["CLOSED", …]``."""
        text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
        await self._send({"type": "websocket.send", "text": text})


def shown_id(event: object) -> str:
    """The id to answer a broken event with: the client's own, as far as it is one."""
    event_id = event.get("id") if isinstance(event, dict) else None
    return event_id[:64] if isinstance(event_id, str) else ""


current_connection: ContextVar[Connection | None] = ContextVar("current_connection", default=None)
"""The connection in whose task (or in a task started from it) the code runs."""


def current_context() -> Context:
    """The client on whose behalf the code runs, or :data:`OURSELVES`."""
    connection = current_connection.get()
    return OURSELVES if connection is None else connection.context
