"""Clients take turns at reading the store, so that one who asks much waits behind himself."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from orly_policy_hookspecs import Context

from ..addresses import address_group
from ..fair_queue import Asker, Turns


class ReadersTurns:
    """Lets so many read at a time. Of those that wait, addresses take turns, and so do the
    connections of one address.
    """

    def __init__(self, most: int) -> None:
        self._free = most
        self._turns: Turns[asyncio.Future[None]] = Turns()

    @asynccontextmanager
    async def of(self, context: Context) -> AsyncIterator[None]:
        """Wait for a turn, and have it."""
        await self._wait((address_group(context.ip), id(context.connection)))
        try:
            yield
        finally:
            self._has_ended()

    async def _wait(self, asker: Asker) -> None:
        if self._free > 0:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._turns.add(asker, turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it was this one's turn already
                self._has_ended()
            raise

    def _has_ended(self) -> None:
        while self._turns:
            turn = self._turns.take()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
