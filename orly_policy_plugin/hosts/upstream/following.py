"""The wire that live events come on: connected again whenever it is lost, and what has come
meanwhile looked up.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

from orly_policy_hookspecs.logs import get_log

from .lines import Backoff, Lines
from .wire import Live, UpstreamGone

_STABLE_SECONDS: Final = 30.0
"""A wire that was lost later than this is connected again at once."""

Missed = Callable[[float], Awaitable[None]]
"""Told the Unix time since which live events may have been missed, once there are some again."""

log = get_log(__name__)


class Following:
    """Follows an upstream's live events."""

    def __init__(self, lines: Lines, live: Live, missed: Missed) -> None:
        self.has_begun = asyncio.Event()
        """Set once live events come for the first time."""
        self._lines = lines
        self._live = live
        self._missed = missed
        self._backoff = Backoff()
        self._missing_since: float | None = None

    async def go_on(self) -> None:
        """Follow, until it is cancelled."""
        while True:
            begun_at = time.monotonic()
            try:
                await self._follow()
            except UpstreamGone as error:
                if self._missing_since is None:
                    log.warning("the upstream sends no live events: %s", error.why)
                    self._missing_since = time.time()
            if time.monotonic() - begun_at > _STABLE_SECONDS:
                self._backoff.succeeded()
            await asyncio.sleep(self._backoff.failed())

    async def _follow(self) -> None:
        """Follow, until the wire is lost.

        :raises UpstreamGone: it was.
        """
        wire = await self._lines.connected(live=self._live)
        try:
            await wire.follow()
            self.has_begun.set()
            if self._missing_since is not None:
                await self._missed(self._missing_since)
                log.info("the upstream sends live events again")
                self._missing_since = None
            await wire.gone.wait()
            raise UpstreamGone(wire.why_gone)
        finally:
            await wire.close()
