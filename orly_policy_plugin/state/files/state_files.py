"""Reading one file of the state, whatever somebody may have put there."""

import errno
import os
import stat
from pathlib import Path

from ...errors import Unreadable, UnreadableNow


def read_state_file(path: Path, *, most_bytes: int) -> bytes:
    """The content of an ordinary file. A symlink is not followed, a pipe not waited for.

    :raises FileNotFoundError: it is not there.
    :raises UnreadableNow: it is there, and cannot be read now.
    :raises Unreadable: it is no such file.

    Their texts say why, without the path.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        kind = Unreadable if error.errno == errno.ELOOP else UnreadableNow
        raise kind(_why_not(error)) from error
    try:
        return _read(descriptor, most_bytes)
    except MemoryError as error:
        raise UnreadableNow("cannot be read: out of memory") from error
    finally:
        os.close(descriptor)


def _read(descriptor: int, most_bytes: int) -> bytes:
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        what = "a folder" if stat.S_ISDIR(found.st_mode) else "no ordinary file"
        raise Unreadable(f"is {what}; remove it")
    content = b""
    try:
        while len(content) <= most_bytes and (
            more := os.read(descriptor, min(found.st_size + 1, most_bytes + 1))
        ):
            content += more
    except OSError as error:
        raise UnreadableNow(_why_not(error)) from error
    if len(content) > most_bytes:
        raise Unreadable(f"is over {most_bytes} bytes")
    return content


def list_state_folder(folder: Path) -> list[str]:
    """The names in a folder, sorted; none where it is not there.

    :raises UnreadableNow: it is there and cannot be listed.
    """
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208 -- of 20,000 names no Path each
    except FileNotFoundError:
        return []
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UnreadableNow(f"{folder} cannot be listed: {reason}") from error


def _why_not(error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return "is a symlink, which is not followed here; put the file itself there"
    if isinstance(error, PermissionError):
        return "may not be read by this user; chmod it, or give it to this user"
    return f"cannot be read: {(error.strerror or str(error)).lower()}"
