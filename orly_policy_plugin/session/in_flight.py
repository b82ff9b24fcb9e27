"""Bound how much of a connection is under way at a time, by number and by size."""

import asyncio


class InFlight:
    """Room for so many items, of so many bytes together. A larger item is alone."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._count = 0
        self._bytes = 0
        # A list, because seldom anything waits: an empty deque takes 700 bytes.
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    async def take(self, size_bytes: int) -> None:
        """Wait for room, in the order of arrival; to be given back by :meth:`give_back`."""
        if not self._waiting and self._has_room_for(size_bytes):
            self._enter(size_bytes)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((size_bytes, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self.give_back(size_bytes)
            raise

    def give_back(self, size_bytes: int) -> None:
        """Free the room of an item that has ended."""
        self._count -= 1
        self._bytes -= size_bytes
        while self._waiting and (self._waiting[0][1].done() or self._has_room_for_next):
            next_bytes, turn = self._waiting.pop(0)
            if not turn.done():
                self._enter(next_bytes)
                turn.set_result(None)

    @property
    def _has_room_for_next(self) -> bool:
        return self._has_room_for(self._waiting[0][0])

    def _has_room_for(self, size_bytes: int) -> bool:
        fits = self._bytes + size_bytes <= self._most_bytes
        return self._count == 0 or (self._count < self._most and fits)

    def _enter(self, size_bytes: int) -> None:
        self._count += 1
        self._bytes += size_bytes
