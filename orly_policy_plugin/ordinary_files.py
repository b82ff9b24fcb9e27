"""Opening a file that somebody named, with one clear sentence for each way in which that fails."""

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from .errors import Unreadable


@contextlib.contextmanager
def ordinary_file(
    path: Path, name: object, *, if_missing: str = "", if_other: str = ""
) -> Iterator[BinaryIO]:
    """Open an ordinary file. Symlinks are followed; nothing waits for a pipe or a device.

    :param name: what messages call it.
    :param if_missing: ends the message where it is not there.
    :param if_other: ends the message where it is a folder, a pipe or the like.
    :raises Unreadable: it is missing, no ordinary file, or may not be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise Unreadable(_why_not(path, name, error, if_missing)) from error
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            what = "a directory" if stat.S_ISDIR(mode) else "no ordinary file"
            raise Unreadable(f"{name} is {what}{if_other}")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            yield file
    except OSError as error:
        raise Unreadable(_why_not(path, name, error, if_missing)) from error
    finally:
        os.close(descriptor)


def _why_not(path: Path, name: object, error: OSError, if_missing: str) -> str:
    if isinstance(error, FileNotFoundError):
        if path.is_symlink():
            return f"{name} is a symlink to {path.readlink()}, which is not there"
        return f"{name} is not there{if_missing}"
    if isinstance(error, PermissionError):
        return f"{name} may not be read by this user; chmod it, or run as its owner"
    if error.errno == errno.ELOOP:
        return f"{name} is a symlink that leads back to itself"
    if isinstance(error, NotADirectoryError):
        return f"{name} goes through something that is no folder"
    return f"{name} cannot be read: {error.strerror or error}"
