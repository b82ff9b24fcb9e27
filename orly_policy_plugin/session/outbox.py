"""The messages that a client has not read yet: bounded, and sent by a task of their own."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final

from .messages import Message

Send = Callable[[str], Awaitable[object]]
"""Sends one text to the client, and returns when there is room for another."""

SendMany = Callable[[Sequence[bytes]], Awaitable[object]]
"""Sends texts in UTF-8 as a message each, and returns when there is room for others."""

_SENT_AT_ONCE_BYTES: Final = 65_536


class Outbox:
    """Sends messages in their order. Whoever has many waits for :meth:`room` in between."""

    def __init__(
        self,
        send: Send,
        most_bytes: int,
        send_seconds: float,
        send_many: SendMany | None = None,
    ) -> None:
        """:param send_many: where there is one, it is used in place of ``send``."""
        self._send = send
        self._send_many = send_many
        self._most_bytes = most_bytes
        self._send_seconds = send_seconds
        self._waiting: list[Message] = []
        self._bytes = 0
        """Of all that was put here and is not sent."""
        self._held_bytes = 0
        self._sent = 0
        """How often something was."""
        self._is_sending = False
        self._filled: asyncio.Future[None] | None = None
        """While there is nothing to send."""
        self.is_full = False
        """Whether :meth:`room` is to be waited for."""
        # Most clients read all that they are sent: nobody ever waits for these two, which would
        # take a kilobyte and a half of each connection.
        self._has_room: asyncio.Event | None = None
        self._is_empty: asyncio.Event | None = None

    def put(self, message: Message) -> None:
        """Send a message soon. Bounded by what a connection may have in flight."""
        self._waiting.append(message)
        if self._filled is not None and not self._filled.done():
            self._filled.set_result(None)
        self._bytes += message.size_bytes
        if self._bytes > self._most_bytes // 2:
            self.is_full = True

    def has_room_for(self, message: Message) -> bool:
        """Whether the client reads fast enough to be sent this message, too."""
        return self._bytes + self._held_bytes + message.size_bytes <= self._most_bytes

    def hold(self, more_bytes: int) -> None:
        """Count so many bytes more, or less, as waiting to be put here."""
        self._held_bytes += more_bytes

    async def room(self) -> None:
        """Wait until the client has read most of what it was sent."""
        if self.is_full:
            if self._has_room is None:
                self._has_room = asyncio.Event()
            await self._has_room.wait()

    async def drained(self, seconds: float) -> None:
        """Wait until all is sent, but not longer than that."""
        if not self._bytes:
            return
        self._is_empty = asyncio.Event()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._is_empty.wait()

    async def run(self) -> None:
        """Send what comes, until it is cancelled. Raises what sending raises.

        :raises TimeoutError: what is sent at once has taken longer than the client is given.
        """
        task = asyncio.current_task()
        assert task is not None
        watch = _Watch(task, self, self._send_seconds)
        try:
            while True:
                await self._something()
                self._is_sending = True
                while self._waiting:
                    messages, self._waiting = self._waiting, []
                    messages.reverse()
                    while messages:
                        self._has_been_sent(await self._send_some(messages))
                self._is_sending = False
                if self._is_empty is not None:
                    self._is_empty.set()
        except asyncio.CancelledError:
            if watch.is_over:
                task.uncancel()
                raise TimeoutError from None
            raise
        finally:
            watch.stop()

    async def _something(self) -> None:
        """Wait until there is something to send."""
        if not self._waiting:
            self._filled = asyncio.get_running_loop().create_future()
            try:
                await self._filled
            finally:
                self._filled = None

    async def _send_some(self, messages: list[Message]) -> int:
        """Take messages from the end and send them; return their bytes."""
        if self._send_many is None:
            message = messages.pop()
            await self._send(str(message))
            return message.size_bytes
        texts, size_bytes = list[bytes](), 0
        while messages and size_bytes < _SENT_AT_ONCE_BYTES:
            texts.append(text := bytes(messages.pop()))
            size_bytes += len(text)
        await self._send_many(texts)
        return size_bytes

    def _has_been_sent(self, size_bytes: int) -> None:
        self._bytes -= size_bytes
        self._sent += 1
        if self.is_full and self._bytes <= self._most_bytes // 2:
            self.is_full = False
            if self._has_room is not None:
                self._has_room.set()
                self._has_room = None

    @property
    def progress(self) -> int | None:
        """The number of what is being sent; ``None`` where nothing is."""
        return self._sent if self._is_sending else None


class _Watch:
    """Looks now and then whether the client reads: a time-out for each message would cost more
    than sending it.
    """

    def __init__(self, task: asyncio.Task[None], outbox: Outbox, seconds: float) -> None:
        self.is_over = False
        """Whether it has cancelled the task that sends."""
        self._task = task
        self._outbox = outbox
        self._seconds = seconds
        self._seen: int | None = None
        self._next = asyncio.get_running_loop().call_later(seconds, self._look)

    def stop(self) -> None:
        """Look no more."""
        self._next.cancel()

    def _look(self) -> None:
        now = self._outbox.progress
        if now is not None and now == self._seen:
            self.is_over = True
            self._task.cancel()
            return
        self._seen = now
        self._next = asyncio.get_running_loop().call_later(self._seconds, self._look)
