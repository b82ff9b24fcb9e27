"""The three pipes of a script's process, none of which ever blocks us.

The relay and ``orly-policy script-check`` both speak to a script through these.
"""

import asyncio
import os
import subprocess
from collections.abc import Callable
from typing import IO, Final

from .lines import Lines
from .protocol import LONGEST_LINE_BYTES

_CHUNK_BYTES: Final = 65_536
_MOST_UNSENT_BYTES: Final = 65_536
"""More than that is not taken until some has gone."""
_MOST_DRAINED_BYTES: Final = LONGEST_LINE_BYTES + _CHUNK_BYTES


class PipeEvents:
    """What pipes tell their owner. All on the loop's thread."""

    def line(self, line: bytes) -> None:
        """A line of standard output has come, without its end."""
        raise NotImplementedError

    def too_long(self) -> None:
        """A line of standard output is over 1 MiB; nothing of it is told."""
        raise NotImplementedError

    def noise(self, data: bytes) -> None:
        """Some standard error has come."""
        raise NotImplementedError

    def writable(self) -> None:
        """There is room for another line."""
        raise NotImplementedError


class Pipes:
    """The pipes of one process. Made and used on the loop's thread."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        process: "subprocess.Popen[bytes]",
        events: PipeEvents,
        output_ended: Callable[[], None] = lambda: None,
    ) -> None:
        """:param process: as :func:`.starting.start_process` starts it.
        :param output_ended: is called when the process has closed its standard output.
        """
        assert process.stdin
        assert process.stdout
        assert process.stderr
        self._loop = loop
        self._events = events
        self._output_ended = output_ended
        self._stdin, self._stdout, self._stderr = process.stdin, process.stdout, process.stderr
        self._unsent = bytearray()
        self._waits_for_room = False
        self._is_closing = False
        self._lines = Lines()
        for pipe in self._all:
            os.set_blocking(pipe.fileno(), False)
        loop.add_reader(self._stdout.fileno(), self._read_output)
        loop.add_reader(self._stderr.fileno(), self._read_noise)

    @property
    def _all(self) -> tuple[IO[bytes], ...]:
        return (self._stdin, self._stdout, self._stderr)

    # --- input

    @property
    def has_room(self) -> bool:
        """Whether another line may be sent."""
        return not self._is_closing and len(self._unsent) < _MOST_UNSENT_BYTES

    def send(self, data: bytes) -> None:
        """Send whole lines, as soon as the process takes them; see :attr:`has_room`."""
        self._unsent += data

    def flush(self) -> None:
        """Write what was sent, as far as the process takes it now; the rest goes later."""
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
        if self._is_closing and not self._unsent:
            self._close(self._stdin)

    def close_input(self) -> None:
        """Send no more. What was sent before still goes, then the process reads the end."""
        if self._is_closing:
            return
        self._is_closing = True
        if not self._unsent:
            self._close(self._stdin)

    # --- output

    @property
    def line_begun(self) -> bytes:
        """What standard output has of a line that has no end yet."""
        return self._lines.begun

    def _read_output(self) -> None:
        data = _read(self._stdout)
        if data:
            self._tell_lines(data)
        elif data is not None:
            self._loop.remove_reader(self._stdout.fileno())
            self._output_ended()

    def _tell_lines(self, data: bytes) -> None:
        for line in self._lines.cut(data):
            if line is None:
                self._events.too_long()
            else:
                self._events.line(line)

    def _read_noise(self) -> None:
        data = _read(self._stderr)
        if data:
            self._events.noise(data)
        elif data is not None:
            self._loop.remove_reader(self._stderr.fileno())

    # --- the end

    def drain(self) -> None:
        """Read what a process printed before it ended. That is no more than a pipe holds; what
        the process left behind may go on printing.
        """
        for pipe, tell in ((self._stdout, self._tell_lines), (self._stderr, self._events.noise)):
            for _ in range(_MOST_DRAINED_BYTES // _CHUNK_BYTES):
                if not (data := _read(pipe)):
                    break
                tell(data)

    def close(self) -> None:
        """Close all three. Nothing more is told."""
        for pipe in self._all:
            self._close(pipe)

    def close_in_fork(self) -> None:
        """Close our copies of the pipes in a forked process, so that the script sees when its
        parent is gone. The loop is shared with the parent, and is not touched.
        """
        for pipe in self._all:
            pipe.close()

    def _close(self, pipe: IO[bytes]) -> None:
        if pipe.closed:
            return
        self._loop.remove_reader(pipe.fileno())
        self._loop.remove_writer(pipe.fileno())
        pipe.close()


def _read(pipe: IO[bytes]) -> bytes | None:
    """What there is now: nothing at the end, ``None`` where there is nothing yet."""
    try:
        return os.read(pipe.fileno(), _CHUNK_BYTES)
    except BlockingIOError:
        return None
