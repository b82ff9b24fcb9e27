"""The process of a script in a relay, and an end that leaves nothing of it behind.

Why these are not asyncio's subprocesses: there the end of a process is told only once nobody holds
its pipes any more (up to Python 3.13 at least), and what a script leaves behind may hold them for
long; and their pipes are closed through the loop, which a forked worker shares with its parent.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
from typing import Final

from .exits import watch_exit
from .pipes import PipeEvents, Pipes

GRACE_SECONDS: Final = 1.0
"""From the end of its input to SIGTERM, and from that to SIGKILL."""


class ChildEvents(PipeEvents):
    """What a child tells its owner. All on the loop's thread."""

    def ended(self, status: int) -> None:
        """The process has ended, and its output was read. Told once."""
        raise NotImplementedError


class Child:
    """A running process in a session of its own. Made and used on the loop's thread."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        process: "subprocess.Popen[bytes]",
        events: ChildEvents,
    ) -> None:
        """:param process: as :func:`.starting.start_process` starts it."""
        self.pid: Final = process.pid
        """The process's, and its group's."""
        self._loop = loop
        self._events = events
        self._pipes = Pipes(loop, process, events, self.stop)  # who answers no more is not asked
        self._timers: list[asyncio.TimerHandle] = []
        self._is_over = False
        watch_exit(loop, process, self._exited)

    # --- input

    @property
    def has_room(self) -> bool:
        """Whether another line may be sent."""
        return self._pipes.has_room

    def send(self, line: bytes) -> None:
        """Send a line, as soon as the process takes it; see :attr:`has_room`."""
        self._pipes.send(line)

    def flush(self) -> None:
        """Write what was sent, as far as the process takes it now; the rest goes later."""
        self._pipes.flush()

    def close_input(self) -> None:
        """Send no more. What was sent before still goes."""
        self._pipes.close_input()

    # --- the end

    def stop(self) -> None:
        """End it in order: end of input, then SIGTERM, then SIGKILL, to all of its group."""
        self._pipes.close_input()
        if not (self._timers or self._is_over):
            later = self._loop.call_later
            self._timers = [
                later(GRACE_SECONDS, self._signal, signal.SIGTERM),
                later(2 * GRACE_SECONDS, self.kill),
            ]

    def kill(self) -> None:
        """End it and all of its group at once."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def let_go(self) -> None:
        """This is a fork, and the process is the parent's: close our ends of its pipes."""
        self._pipes.close_in_fork()

    def _exited(self, status: int) -> None:
        self._pipes.drain()
        self._is_over = True
        for timer in self._timers:
            timer.cancel()
        self.kill()  # whatever it has left behind in its group
        self._pipes.close()
        self._events.ended(status)
