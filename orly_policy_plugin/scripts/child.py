"""The process of a script: pipes that never block, and an end that leaves nothing behind."""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Callable
from typing import IO, Final

from .protocol import LONGEST_LINE_BYTES

GRACE_SECONDS: Final = 1.0
"""From the end of its input to SIGTERM, and from that to SIGKILL."""

_CHUNK_BYTES: Final = 65_536
_MOST_UNSENT_BYTES: Final = 65_536
"""More than that is not taken until some has gone."""
_POLL_SECONDS: Final = 0.05
_WHOLE_LINES_BYTES: Final = LONGEST_LINE_BYTES + 1


class ChildEvents:
    """What a child tells its owner. All on the loop's thread."""

    def line(self, line: bytes) -> None:
        """A line of standard output, without its end."""
        raise NotImplementedError

    def too_long(self) -> None:
        """A line of standard output over 1 MiB."""
        raise NotImplementedError

    def noise(self, data: bytes) -> None:
        """Some standard error."""
        raise NotImplementedError

    def writable(self) -> None:
        """There is room again."""
        raise NotImplementedError

    def ended(self, status: int) -> None:
        """The process has ended, and its output was read. Told once."""
        raise NotImplementedError


class Child:
    """A running process in a session of its own. Made by the loop's thread, and used there."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        process: "subprocess.Popen[bytes]",
        events: ChildEvents,
    ) -> None:
        """:param process: as :func:`.starting.start_process` starts it."""
        self._loop = loop
        self._events = events
        self._process = process
        self._unsent = bytearray()
        self._waits_for_room = False
        self._line = bytearray()
        self._closing = False
        self._over = False
        self._timers: list[asyncio.TimerHandle] = []
        for pipe, ready in ((self._stdout, self._read_output), (self._stderr, self._read_noise)):
            os.set_blocking(pipe.fileno(), False)
            loop.add_reader(pipe.fileno(), ready)
        os.set_blocking(self._stdin.fileno(), False)
        self._exit = self._watch_exit()

    @property
    def pid(self) -> int:
        """The process's, and its group's."""
        return self._process.pid

    @property
    def _stdin(self) -> IO[bytes]:
        return _piped(self._process.stdin)

    @property
    def _stdout(self) -> IO[bytes]:
        return _piped(self._process.stdout)

    @property
    def _stderr(self) -> IO[bytes]:
        return _piped(self._process.stderr)

    # --- input

    @property
    def has_room(self) -> bool:
        """Whether another line may be sent."""
        return not self._closing and len(self._unsent) < _MOST_UNSENT_BYTES

    def send(self, line: bytes) -> None:
        """Send a line, as soon as the process takes it; see :attr:`has_room`."""
        self._unsent += line

    def flush(self) -> None:
        """Hand over what was sent, as far as the process takes it now."""
        try:
            while self._unsent:
                del self._unsent[: os.write(self._stdin.fileno(), self._unsent)]
        except BlockingIOError:
            if not self._waits_for_room:
                self._waits_for_room = True
                self._loop.add_writer(self._stdin.fileno(), self._flush_more)
        except OSError:  # it reads no more; that it ends is told elsewhere
            self._unsent.clear()
            self.close_input()
        else:
            if self._waits_for_room:
                self._waits_for_room = False
                self._loop.remove_writer(self._stdin.fileno())

    def _flush_more(self) -> None:
        was_full = not self.has_room
        self.flush()
        if was_full and self.has_room:
            self._events.writable()
        if self._closing and not self._unsent:
            self._close(self._stdin)

    # --- output

    def _read_output(self) -> None:
        data = _read(self._stdout)
        if data is None:
            return
        if not data:
            self._loop.remove_reader(self._stdout.fileno())
            self.close_input()  # whoever answers no more is asked no more
            self._end_within_grace()
            return
        self._split(data)

    def _split(self, data: bytes) -> None:
        *lines, rest = data.split(b"\n")
        if lines:
            lines[0] = bytes(self._line) + lines[0]
            self._line.clear()
        for line in lines:
            if self._over:
                return
            if len(line) > LONGEST_LINE_BYTES:
                self._events.too_long()
                return
            self._events.line(line)
        self._line += rest
        if len(self._line) > LONGEST_LINE_BYTES:
            self._line.clear()
            self._events.too_long()

    def _read_noise(self) -> None:
        data = _read(self._stderr)
        if data:
            self._events.noise(data)
        elif data is not None:
            self._loop.remove_reader(self._stderr.fileno())

    # --- the end

    def stop(self) -> None:
        """End it in order: end of input, then SIGTERM, then SIGKILL, to all of its group."""
        self.close_input()
        self._end_within_grace()

    def close_input(self) -> None:
        """No more is sent; what was sent already still goes."""
        if self._closing:
            return
        self._closing = True
        if not self._unsent:
            self._close(self._stdin)

    def _end_within_grace(self) -> None:
        if self._timers or self._over:
            return
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
        """In a fork: close our ends of its pipes, so that it sees when its parent is gone. The
        loop is shared with the parent, and not touched.
        """
        for pipe in (self._stdin, self._stdout, self._stderr):
            pipe.close()

    def _watch_exit(self) -> Callable[[], None]:
        """Look for the end of the process; what is returned looks no more."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except (AttributeError, OSError):  # not Linux, or an old one
            return self._poll_for_exit()
        self._loop.add_reader(descriptor, self._has_exited)

        def stop_watching() -> None:
            self._loop.remove_reader(descriptor)
            os.close(descriptor)

        return stop_watching

    def _poll_for_exit(self) -> Callable[[], None]:
        timer: list[asyncio.Handle] = []

        def look() -> None:
            timer[:] = [self._loop.call_later(_POLL_SECONDS, look)]
            self._has_exited()

        def stop_looking() -> None:
            for handle in timer:
                handle.cancel()

        timer.append(self._loop.call_soon(look))  # not now: nobody knows of this child yet
        return stop_looking

    def _has_exited(self) -> None:
        status = self._process.poll()
        if status is None or self._over:
            return
        self._drain()
        self._over = True
        self._exit()
        for timer in self._timers:
            timer.cancel()
        self.kill()  # whatever it has left behind in its group
        for pipe in (self._stdin, self._stdout, self._stderr):
            self._close(pipe)
        self._events.ended(status)

    def _drain(self) -> None:
        """Read what it has printed before its end: no more than a pipe holds, for what it left
        behind may go on printing.
        """
        for read in (self._stdout, self._stderr):
            for _ in range(_WHOLE_LINES_BYTES // _CHUNK_BYTES + 1):
                if not (data := _read(read)):
                    break
                if read is self._stdout:
                    self._split(data)
                else:
                    self._events.noise(data)

    def _close(self, pipe: IO[bytes]) -> None:
        if pipe.closed:
            return
        self._loop.remove_reader(pipe.fileno())
        self._loop.remove_writer(pipe.fileno())
        pipe.close()


def _piped(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe


def _read(pipe: IO[bytes]) -> bytes | None:
    """What there is now: nothing at the end, ``None`` where there is nothing yet."""
    try:
        return os.read(pipe.fileno(), _CHUNK_BYTES)
    except BlockingIOError:
        return None
