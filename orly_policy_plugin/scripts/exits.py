"""Watch a process for its end, on any thread's event loop."""

import asyncio
import os
import subprocess
from collections.abc import Callable
from typing import Final

_POLL_SECONDS: Final = 0.05


def watch_exit(
    loop: asyncio.AbstractEventLoop,
    process: "subprocess.Popen[bytes]",
    exited: Callable[[int], None],
) -> None:
    """Call ``exited`` with the exit status, once, on the loop's thread. The status of a signal is
    negative. To be called on the loop's thread.
    """
    try:
        descriptor = os.pidfd_open(process.pid)
    except (AttributeError, OSError):  # not Linux, or an old one
        loop.call_soon(_poll, loop, process, exited)  # not now: the caller is not ready yet
        return

    def look() -> None:
        status = process.poll()
        if status is not None:
            loop.remove_reader(descriptor)
            os.close(descriptor)
            exited(status)

    loop.add_reader(descriptor, look)


def _poll(
    loop: asyncio.AbstractEventLoop,
    process: "subprocess.Popen[bytes]",
    exited: Callable[[int], None],
) -> None:
    status = process.poll()
    if status is None:
        loop.call_later(_POLL_SECONDS, _poll, loop, process, exited)
    else:
        exited(status)
