"""A script's process while it is tried.

The script is started, sent its questions and read as in a relay. Its end is another: nobody has
it killed for what it does wrong, so that all of that is seen. Whatever the script does, the trial
comes to an end: every wait has a deadline, of what is printed only little is kept, and all
processes are killed at last.
"""

import asyncio
import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from orly_policy_plugin.scripts.endings import in_words, why_not_started
from orly_policy_plugin.scripts.exits import watch_exit
from orly_policy_plugin.scripts.pipes import PipeEvents, Pipes
from orly_policy_plugin.scripts.starting import start_process

from .source import CannotStart

_STDERR_BYTES: Final = 16_384
_LAST_WORDS: Final = 3
_LONGEST_WORDS: Final = 160
_LONGEST_DYING_SECONDS: Final = 5.0


class Trial(PipeEvents):
    """The script, running in a session of its own, on an event loop that runs while we wait."""

    def __init__(
        self,
        path: Path,
        folder: Path,
        environment: Mapping[str, str],
        heard: Callable[[bytes | None], None],
    ) -> None:
        """:param folder: to run it in.
        :param environment: that it finds.
        :param heard: is given each line that it prints, without its end, and ``None`` for one that
            is too long.
        :raises CannotStart: it cannot be started.
        """
        self.status: int | None = None
        """The exit status; that of a signal is negative. ``None``: it runs."""
        self._heard = heard
        self._stderr = bytearray()
        self._process = _started(path, folder, environment)
        self._loop = asyncio.SelectorEventLoop()
        self._pipes = Pipes(self._loop, self._process, self)
        watch_exit(self._loop, self._process, self._exited)

    # --- what the loop tells; each may be what somebody waits for

    def line(self, line: bytes) -> None:
        """Hand a line on."""
        self._heard(line)
        self._loop.stop()

    def too_long(self) -> None:
        """Hand on that there was a line."""
        self._heard(None)
        self._loop.stop()

    def noise(self, data: bytes) -> None:
        """Keep the end of standard error."""
        self._stderr += data
        del self._stderr[:-_STDERR_BYTES]

    def writable(self) -> None:
        """Pass over it: what is sent is not held back."""

    def _exited(self, status: int) -> None:
        self._pipes.drain()
        self.status = status
        self._loop.stop()

    # --- what is asked

    def send(self, data: bytes) -> None:
        """Write data; what does not go now, goes while :meth:`wait` waits."""
        self._pipes.send(data)
        self._pipes.flush()

    def close_input(self) -> None:
        """Tell it that no more questions come."""
        self._pipes.close_input()

    def wait(self, done: Callable[[], bool], seconds: float) -> bool:
        """Read and write until it is done, or the process has ended, or the time is over.

        :return: whether it is done.
        """
        deadline = self._loop.time() + seconds
        timer = self._loop.call_at(deadline, self._loop.stop)
        while not done() and self.status is None and self._loop.time() < deadline:
            self._loop.run_forever()
        timer.cancel()
        return done()

    # --- what is seen of it

    @property
    def line_begun(self) -> bytes:
        """What it has printed since the last end of line."""
        return self._pipes.line_begun

    @property
    def stderr(self) -> str:
        """The end of what it wrote to standard error."""
        return self._stderr.decode("utf-8", "replace").strip()

    @property
    def ending(self) -> str:
        """How it ended, and its last words, behind a sentence."""
        return f" ({in_words(self.status or 0)}){self.last_words}"

    @property
    def last_words(self) -> str:
        """The error or the last lines of standard error, behind a sentence."""
        lines = [line.strip()[:_LONGEST_WORDS] for line in self.stderr.splitlines()]
        errors = [line for line in lines if re.match(r"[\w.]*(Error|Exception)\b", line)]
        last = errors[-1:] or [line for line in lines if line][-_LAST_WORDS:]
        return f"; its last words: {' | '.join(last)}" if last else ""

    def left(self) -> list[str]:
        """The command lines of what it started and what still runs."""
        return [_command_line(pid) for pid in _session(self._process.pid)]

    # --- the end

    def kill(self) -> None:
        """End it and all that it started, whatever they do. May be called again."""
        if self._loop.is_closed():
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        for pid in _session(self._process.pid):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        self.wait(lambda: False, _LONGEST_DYING_SECONDS)
        self._pipes.close()
        self._loop.close()


def _started(
    path: Path, folder: Path, environment: Mapping[str, str]
) -> "subprocess.Popen[bytes]":
    try:
        return start_process(path.absolute(), folder, environment)
    except OSError as error:
        why = why_not_started(error)
        raise CannotStart(f"{path} cannot be started in {folder}: {why}") from error


def _session(leader: int) -> list[int]:
    """The processes of a session, without its leader and without zombies; where /proc tells."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            state, _, _, session = path.read_text().rpartition(")")[2].split()[:4]
            if int(session) == leader and state not in "ZX" and path.parent.name != str(leader):
                found.append(int(path.parent.name))
    return found


def _command_line(pid: int) -> str:
    with contextlib.suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        return b" ".join(words).decode("utf-8", "replace").strip()
    return f"process {pid}"
