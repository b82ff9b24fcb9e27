"""A websocket client that signs, publishes, subscribes and remembers what came."""

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import websockets
from websockets.asyncio.client import ClientConnection, connect

from .signing import Event, Key, auth_event

SECONDS: Final = 20.0
"""How long anything may take before a test fails."""


class Closed(Exception):
    """The relay answered a REQ with CLOSED; the message is its reason."""


class Subscription:
    """What has come on one subscription."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.events: list[Event] = []
        self.eose = False
        self.closed: str | None = None

    @property
    def ids(self) -> set[str]:
        """The ids of all events so far."""
        return {event["id"] for event in self.events}


class Client:
    """A connection. Made by :func:`connected`."""

    def __init__(self, socket: ClientConnection, url: str) -> None:
        self.socket = socket
        self.url = url
        """What AUTH names as the relay."""
        self.messages: list[list[Any]] = []
        self.subscriptions: dict[str, Subscription] = {}
        self.answers: dict[str, list[tuple[bool, str]]] = {}
        """OKs by event id."""
        self.counts: dict[str, int] = {}
        self.notices: list[str] = []
        self.challenge = ""
        self.gone = False
        self._changed = asyncio.Condition()
        self._names = itertools.count()

    # --- receiving

    async def read(self) -> None:
        """Receive until the relay is gone."""
        try:
            async for text in self.socket:
                async with self._changed:
                    self._note(json.loads(text))
                    self._changed.notify_all()
        except websockets.ConnectionClosed:
            pass
        finally:
            async with self._changed:
                self.gone = True
                self._changed.notify_all()

    def _note(self, message: list[Any]) -> None:
        self.messages.append(message)
        match message:
            case ["OK", event_id, accepted, text]:
                assert isinstance(accepted, bool)
                self.answers.setdefault(event_id, []).append((accepted, text))
            case ["AUTH", challenge]:
                self.challenge = challenge
            case ["EVENT", name, event]:
                self._subscription(name).events.append(event)
            case ["EOSE", name]:
                self._subscription(name).eose = True
            case ["CLOSED", name, reason]:
                self._subscription(name).closed = reason
            case ["COUNT", name, {"count": number}]:
                self.counts[name] = number
            case ["NOTICE", text]:
                self.notices.append(text)
            case ["NEG-ERR", _, _]:
                pass
            case _:
                raise AssertionError(f"the relay said {message}")

    def _subscription(self, name: str) -> Subscription:
        return self.subscriptions.setdefault(name, Subscription(name))

    async def until(self, condition: Callable[[], object], seconds: float = SECONDS) -> None:
        """Wait for a condition on what has come."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(lambda: condition() or self.gone)
        assert condition(), f"the relay closed the connection; before: {self.messages[-5:]}"

    async def until_gone(self) -> None:
        """Wait until the relay has closed the connection."""
        async with asyncio.timeout(SECONDS), self._changed:
            await self._changed.wait_for(lambda: self.gone)

    # --- sending

    async def send(self, *message: Any) -> None:
        """Send a message of the protocol."""
        await self.socket.send(json.dumps(message, separators=(",", ":")))

    async def send_text(self, text: str) -> None:
        """Send what need not be JSON."""
        await self.socket.send(text)

    async def publish(self, event: Event) -> tuple[bool, str]:
        """Send an event and wait for its OK."""
        return await self.answer_to(event["id"], self.send("EVENT", event))

    async def publish_all(self, *events: Event) -> None:
        """Send events, one after the other, that must all be accepted."""
        for event in events:
            accepted, message = await self.publish(event)
            assert accepted, message

    async def answer_to(self, event_id: Any, sending: Awaitable[None]) -> tuple[bool, str]:
        """Send something and wait for the OK with this id."""
        before = len(self.answers.get(event_id, ()))
        await sending
        await self.until(lambda: len(self.answers.get(event_id, ())) > before)
        return self.answers[event_id][-1]

    async def authenticate(self, key: Key, relay: str | None = None) -> tuple[bool, str]:
        """AUTH with a key, and wait for the OK."""
        await self.until(lambda: self.challenge)
        event = auth_event(key, relay or self.url, self.challenge)
        return await self.answer_to(event["id"], self.send("AUTH", event))

    async def subscribe(self, *filters: Any, name: str | None = None) -> Subscription:
        """REQ, and wait for EOSE.

        :raises Closed: the answer is CLOSED.
        """
        name = f"s{next(self._names)}" if name is None else name
        subscription = self.subscriptions[name] = Subscription(name)
        await self.send("REQ", name, *filters)
        await self.until(lambda: subscription.eose or subscription.closed is not None)
        if subscription.closed is not None:
            raise Closed(subscription.closed)
        return subscription

    async def count(self, *filters: Any) -> int | str:
        """COUNT: the number, or the reason why there is none."""
        name = f"c{next(self._names)}"
        subscription = self.subscriptions[name] = Subscription(name)
        await self.send("COUNT", name, *filters)
        await self.until(lambda: name in self.counts or subscription.closed is not None)
        return self.counts[name] if subscription.closed is None else subscription.closed

    async def stored(self, *filters: Any) -> list[Event]:
        """What a REQ is given before EOSE.

        :raises Closed: the answer is CLOSED.
        """
        subscription = await self.subscribe(*filters)
        events = list(subscription.events)
        await self.send("CLOSE", subscription.name)
        return events

    async def stored_ids(self, *filters: Any) -> set[str]:
        """The ids of what a REQ is given before EOSE."""
        return {event["id"] for event in await self.stored(*filters)}


@contextlib.asynccontextmanager
async def connected(
    url: str, *keys: Key, relay_url: str | None = None, **options: Any
) -> AsyncIterator[Client]:
    """Connect, and authenticate with each key.

    :param relay_url: what AUTH names, where it is not the URL itself.
    :param options: of :func:`websockets.connect`.
    """
    async with connect(url, max_size=None, **options) as socket:
        client = Client(socket, relay_url or url)
        reading = asyncio.create_task(client.read())
        try:
            for key in keys:
                accepted, message = await client.authenticate(key)
                assert accepted, message
            yield client
        finally:
            await socket.close()
            await reading
