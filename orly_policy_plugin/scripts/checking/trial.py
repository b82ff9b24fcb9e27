"""A script's process while it is tried.

Whatever the script does, this comes to an end: every wait has a deadline, of what is printed only
little is kept, and all processes are killed at the end.
"""

import contextlib
import errno
import os
import re
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from select import PIPE_BUF
from typing import IO, Final

from ..protocol import LONGEST_LINE_BYTES
from ..starting import start_process
from .source import CannotStart

_READ_BYTES: Final = 65_536
_STDERR_BYTES: Final = 16_384
_POLL_SECONDS: Final = 0.02
_LAST_WORDS: Final = 3
_LONGEST_WORDS: Final = 160


class Trial:
    """The script, running in a session of its own, behind pipes that never block us.

    :param environment: that it finds.
    :param heard: is given each line that it prints, without its end. One that is too long is cut
        one byte beyond what is allowed.
    :raises CannotStart: it cannot be started.
    """

    def __init__(
        self,
        path: Path,
        folder: Path,
        environment: Mapping[str, str],
        heard: Callable[[bytes], None],
    ) -> None:
        self._popen = _started(path, folder, environment)
        assert self._popen.stdin
        assert self._popen.stdout
        assert self._popen.stderr
        self._stdin = self._popen.stdin
        self._heard = heard
        self._unsent = bytearray()
        self.unfinished = bytearray()
        """What it has printed since the last end of line."""
        self._stderr = bytearray()
        self._ready = selectors.DefaultSelector()
        self._ready.register(self._popen.stdout, selectors.EVENT_READ, self._read_output)
        self._ready.register(self._popen.stderr, selectors.EVENT_READ, self._read_stderr)

    @property
    def status(self) -> int | None:
        """The exit status; that of a signal is negative. None: it runs."""
        return self._popen.poll()

    @property
    def stderr(self) -> str:
        """The end of what it wrote to standard error."""
        return self._stderr.decode("utf-8", "replace").strip()

    @property
    def ending(self) -> str:
        """How it ended, and its last words, behind a sentence."""
        status = self.status or 0
        how = f"with exit status {status}" if status >= 0 else f"by signal {-status}"
        return how + self.last_words

    @property
    def last_words(self) -> str:
        """The error or the last lines of standard error, behind a sentence."""
        lines = [line.strip()[:_LONGEST_WORDS] for line in self.stderr.splitlines()]
        errors = [line for line in lines if re.match(r"[\w.]*(Error|Exception)\b", line)]
        last = errors[-1:] or [line for line in lines if line][-_LAST_WORDS:]
        return f"; its last words: {' | '.join(last)}" if last else ""

    def send(self, data: bytes) -> None:
        """Have data written, while :meth:`wait` waits."""
        if not self._unsent:
            self._ready.register(self._stdin, selectors.EVENT_WRITE, self._write)
        self._unsent += data

    def close_input(self) -> None:
        """Tell it that no more questions come."""
        self._forget(self._stdin)
        self._stdin.close()

    def wait(self, done: Callable[[], bool], seconds: float) -> bool:
        """Read and write until it is done, or the process has ended, or the time is over.

        :returns: whether it is done.
        """
        deadline = time.monotonic() + seconds
        while not done():
            ended = self.status is not None
            left = 0 if ended else deadline - time.monotonic()
            ready = self._ready.select(max(0.0, min(left, _POLL_SECONDS)))
            for key, _ in ready:
                key.data(key.fileobj)
            if (ended and not ready) or time.monotonic() >= deadline:
                return done()
        return True

    def _write(self, pipe: IO[bytes]) -> None:
        """As much as a pipe that is ready takes without blocking."""
        try:
            del self._unsent[: os.write(pipe.fileno(), self._unsent[:PIPE_BUF])]
        except OSError:  # it reads no more
            self._unsent.clear()
        if not self._unsent:
            self._forget(pipe)

    def _read_output(self, pipe: IO[bytes]) -> None:
        *ends, rest = self._read(pipe).split(b"\n")
        for end in ends:
            self._keep(end)
            line = bytes(self.unfinished)
            self.unfinished.clear()
            self._heard(line)
        self._keep(rest)

    def _keep(self, data: bytes) -> None:
        """Of a line that is too long, no more than shows that it is."""
        self.unfinished += data[: LONGEST_LINE_BYTES + 1 - len(self.unfinished)]

    def _read_stderr(self, pipe: IO[bytes]) -> None:
        self._stderr += self._read(pipe)
        del self._stderr[:-_STDERR_BYTES]

    def _read(self, pipe: IO[bytes]) -> bytes:
        data = os.read(pipe.fileno(), _READ_BYTES)
        if not data:
            self._forget(pipe)
        return data

    def _forget(self, pipe: IO[bytes]) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._ready.unregister(pipe)

    def left(self) -> list[str]:
        """The command lines of what it started and what still runs."""
        return [_command_line(pid) for pid in _session(self._popen.pid)]

    def kill(self) -> None:
        """End it and all that it started, whatever they do."""
        self._ready.close()
        with self._popen, contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        for pid in _session(self._popen.pid):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


def _started(
    path: Path, folder: Path, environment: Mapping[str, str]
) -> "subprocess.Popen[bytes]":
    try:
        return start_process(path.absolute(), folder, environment)
    except OSError as error:
        if error.errno == errno.ENOEXEC:
            raise CannotStart(
                f"{path} is no program and does not begin with #!; let its first line name what "
                "runs it, as in #!/usr/bin/env python3 or #!/bin/sh"
            ) from error
        raise CannotStart(f"{path} cannot be started in {folder}: {error.strerror}") from error


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
