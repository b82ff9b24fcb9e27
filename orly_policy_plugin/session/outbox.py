"""What a client has not read yet: bounded, and sent by a task of its own."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress

from .messages import Message

Send = Callable[[str], Awaitable[object]]
"""Sends one text to the client, and returns when there is room for another."""


class Outbox:
    """Sends messages in their order. Whoever has many waits for :meth:`room` in between."""

    def __init__(self, send: Send, most_bytes: int, send_seconds: float) -> None:
        self._send = send
        self._most_bytes = most_bytes
        self._send_seconds = send_seconds
        self._waiting: deque[Message] = deque()
        self._bytes = 0
        self._filled = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._is_empty = asyncio.Event()
        self._is_empty.set()

    def put(self, message: Message) -> None:
        """Send a message soon. Bounded by what a connection may have in flight."""
        self._waiting.append(message)
        self._bytes += len(message)
        self._filled.set()
        self._is_empty.clear()
        if self._bytes > self._most_bytes // 2:
            self._has_room.clear()

    def has_room_for(self, message: Message) -> bool:
        """Whether a client reads fast enough to be sent this, too."""
        return self._bytes + len(message) <= self._most_bytes

    async def room(self) -> None:
        """Wait until the client has read most of what it was sent."""
        await self._has_room.wait()

    async def drained(self, seconds: float) -> None:
        """Wait until all is sent, but not longer than that."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._is_empty.wait()

    async def run(self) -> None:
        """Send what comes, until it is cancelled. Raises what sending raises.

        :raises TimeoutError: one message took longer than the client is given.
        """
        while True:
            await self._filled.wait()
            self._filled.clear()
            await self._flush()

    async def _flush(self) -> None:
        while self._waiting:
            message = self._waiting[0]
            async with asyncio.timeout(self._send_seconds):
                await self._send(str(message))
            self._waiting.popleft()
            self._bytes -= len(message)
            if self._bytes <= self._most_bytes // 2:
                self._has_room.set()
        self._is_empty.set()
