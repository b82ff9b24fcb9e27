"""Wires to the upstream: as many as are used at a time, for all clients together, or for each
address of clients its own.
"""

import asyncio
import contextlib
import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextvars import ContextVar
from typing import Final

import attrs

from orly_policy_hookspecs.logs import get_log

from .complaints import Complaints
from .genuine import Genuine
from .wire import ANSWER_SECONDS, Live, UpstreamGone, Wire, open_wire

MOST_SHARED: Final = 16
"""Wires that are used for all clients together, where nobody's address goes up."""
MOST_OF_AN_ADDRESS: Final = 4
_IDLE_SECONDS: Final = 60.0
_SHORTEST_WAIT_SECONDS: Final = 0.2
_LONGEST_WAIT_SECONDS: Final = 15.0

log = get_log(__name__)

client_address: ContextVar[str] = ContextVar("client_address", default="")
"""Whose session asks, for the upstream's own limits: see ``ip_header``."""


@attrs.define
class Backoff:
    """How long to wait before the next try: longer after each failure."""

    _seconds: float = attrs.field(init=False, default=_SHORTEST_WAIT_SECONDS)

    def failed(self) -> float:
        """Seconds to wait now. Not the same for all, so that not all come back at once."""
        share = random.uniform(0.5, 1)  # noqa: S311 -- nobody gains by foreseeing it
        seconds, self._seconds = self._seconds, min(2 * self._seconds, _LONGEST_WAIT_SECONDS)
        return seconds * share

    def succeeded(self) -> None:
        """The next failure is a first one."""
        self._seconds = _SHORTEST_WAIT_SECONDS


@attrs.define(eq=False)
class _Line:
    wire: Wire
    in_use: int = 0
    idle_since: float = attrs.Factory(time.monotonic)


@attrs.define(eq=False)
class _Bundle:
    """The lines of one address, or of all."""

    lines: list[_Line] = attrs.Factory(list)
    opening: asyncio.Lock = attrs.Factory(asyncio.Lock)

    def of_use(self) -> list[_Line]:
        """Those whose wire is open."""
        self.lines = [line for line in self.lines if line.wire.is_open]
        return self.lines

    def idle(self) -> _Line | None:
        """One that nobody uses."""
        return next((line for line in self.of_use() if not line.in_use), None)


class Lines:
    """Wires to one upstream. Used on one event loop."""

    def __init__(
        self,
        url: str,
        *,
        ip_header: str | None = None,
        is_trusted: bool = False,
        answer_seconds: float = ANSWER_SECONDS,
        complaints: Complaints | None = None,
    ) -> None:
        """:param url: ``ws://`` or ``wss://``.
        :param ip_header: the HTTP header in which a client's address goes up; wires are then a
            client address's own, else they are shared.
        :param is_trusted: whether signatures of what it sends are not verified; ids are.
        :param answer_seconds: so long it may take for one answer.
        """
        self._url = url
        self._ip_header = ip_header
        self._answer_seconds = answer_seconds
        self._most = MOST_SHARED if ip_header is None else MOST_OF_AN_ADDRESS
        self.complaints = complaints or Complaints()
        self.genuine = Genuine(self.complaints, trusts_signatures=is_trusted)
        self._bundles: defaultdict[str, _Bundle] = defaultdict(_Bundle)
        self._backoff = Backoff()
        self._failed_until = 0.0
        self._why = ""
        self._is_closing = False
        self.largest_message_bytes: int | None = None
        """Of what the upstream takes, where it tells."""

    @contextlib.asynccontextmanager
    async def wire(self) -> AsyncIterator[Wire]:
        """A wire for some questions, of whoever's session asks.

        :raises UpstreamGone: the upstream cannot be reached, or was not a moment ago.
        """
        line = await self._free_line(client_address.get() if self._ip_header else "")
        line.in_use += 1
        try:
            line.wire.largest_message_bytes = self.largest_message_bytes
            yield line.wire
        finally:
            line.in_use -= 1
            line.idle_since = time.monotonic()

    async def _free_line(self, address: str) -> _Line:
        bundle = self._bundles[address]
        if (line := bundle.idle()) is not None:
            return line
        async with bundle.opening:
            if (line := bundle.idle()) is not None:
                return line
            if len(lines := bundle.of_use()) >= self._most:
                return min(lines, key=lambda each: each.in_use)
            line = _Line(await self.connected(address))
            bundle.lines.append(line)
            return line

    async def connected(self, address: str = "", live: Live | None = None) -> Wire:
        """A new wire, which is its maker's to close. Where there was none a moment ago nobody
        waits.

        :raises UpstreamGone: the upstream cannot be reached.
        """
        if self._is_closing:
            raise UpstreamGone("the relay is closing")
        if time.monotonic() < self._failed_until:
            raise UpstreamGone(self._why)
        headers = {self._ip_header: address} if self._ip_header and address else {}
        try:
            wire = await open_wire(
                self._url,
                self.genuine,
                self.complaints,
                headers=headers,
                answer_seconds=self._answer_seconds,
                live=live,
            )
        except UpstreamGone as error:
            self._has_failed(error.why)
            raise
        if self._why:
            log.info("the upstream %s can be reached again", self._url)
        self._why = ""
        self._backoff.succeeded()
        return wire

    def _has_failed(self, why: str) -> None:
        if why != self._why:
            log.error("the upstream %s cannot be reached: %s", self._url, why)
        self._why = why
        self._failed_until = time.monotonic() + self._backoff.failed()

    async def reachable(self) -> None:
        """Wait until the upstream can be reached."""
        is_waiting = False
        while True:
            try:
                async with self.wire():
                    return
            except UpstreamGone:
                if not is_waiting:
                    log.info("clients cannot connect before it can be reached")
                is_waiting = True
                await asyncio.sleep(max(self._failed_until - time.monotonic(), 0.01))

    # --- their end

    async def close_idle(self) -> None:
        """Close wires that nobody has used for a while, until it is cancelled."""
        while True:
            await asyncio.sleep(_IDLE_SECONDS / 4)
            await self.close_those_idle_since(time.monotonic() - _IDLE_SECONDS)

    async def close_those_idle_since(self, oldest: float) -> None:
        """Close wires that nobody has used since then, by the monotonic clock."""
        for address, bundle in list(self._bundles.items()):
            lines = bundle.of_use()
            idle = [line for line in lines if not line.in_use and line.idle_since <= oldest]
            bundle.lines = [line for line in lines if line not in idle]
            if not bundle.lines and not bundle.opening.locked():
                del self._bundles[address]
            for line in idle:
                await line.wire.close()

    async def close(self) -> None:
        """Close all of them."""
        self._is_closing = True
        lines = [line for bundle in self._bundles.values() for line in bundle.lines]
        self._bundles.clear()
        await asyncio.gather(*(line.wire.close() for line in lines))
