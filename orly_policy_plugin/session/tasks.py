"""Work that nobody waits for, kept until it has ended."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from orly_policy_hookspecs.logs import get_log

log = get_log(__name__)


class Tasks:
    """Tasks of one owner, who may end them all. What one raises is in the log."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """How many have not ended."""
        return len(self._running)

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Begin some work."""
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("work in the background failed", exc_info=error)

    async def stop(self) -> None:
        """Cancel what has not ended, and wait for its end."""
        running = self._running - {asyncio.current_task()}
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)
