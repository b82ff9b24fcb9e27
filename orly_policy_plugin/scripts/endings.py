"""Why a process was not started, and how one ended, in words."""

import errno
import signal
from typing import Final

_OURS: Final = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN)


def is_ours(error: OSError) -> bool:
    """Whether the error says that this process or the machine is at its limits. That is no fault
    of the script: whoever makes many connections may have caused it.
    """
    return error.errno in _OURS


def why_not_started(error: OSError) -> str:
    """Say why a process could not be started, for the log."""
    if isinstance(error, FileNotFoundError):
        return "it, or the interpreter in its first line, is not there"
    if error.errno == errno.ENOEXEC:
        return (
            "it is no program and does not begin with #!; let its first line name what runs it, "
            "as in #!/usr/bin/env python3 or #!/bin/sh"
        )
    return error.strerror or str(error)


def in_words(status: int) -> str:
    """Say how a process ended.

    :param status: its exit status; the number of a signal is negative.
    """
    if status >= 0:
        return f"status {status}"
    try:
        return f"by {signal.Signals(-status).name}"
    except ValueError:
        return f"by signal {-status}"
