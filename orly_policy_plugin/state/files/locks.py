"""One at a time: a lock that all processes on the machine respect, and all threads in them.

Why this is no library: a lock file that filelock makes for root stays root's, and from then on the
relay's own user cannot change the policy; and what is done under the lock has to ask for a proof
that it is held (:class:`Held`), which a library's lock does not hand out.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ...atomic import make_folder
from ...errors import Busy, Unwritable

TIMEOUT_SECONDS: Final = 10.0
_PAUSE_SECONDS: Final = 0.005


class Held:
    """Proof that the lock is held. What must be done under it asks for this."""

    def __init__(self, lock_file: Path) -> None:
        self._lock_file = lock_file
        self._valid = True

    def check(self, folder: Path) -> None:
        """Make sure that the lock is held, and that it is the one of this ``policy-history``.

        :raises RuntimeError: a mistake in the calling code.
        """
        if not self._valid or self._lock_file.parent != folder:
            raise RuntimeError(f"{folder} is changed without holding its lock")

    def end(self) -> None:
        """The lock is released."""
        self._valid = False


@contextlib.contextmanager
def exclusive(lock_file: Path, *, timeout_seconds: float = TIMEOUT_SECONDS) -> Iterator[Held]:
    """Hold a lock. It ends with the process, however that ends.

    Not reentrant: whoever holds it and asks again waits for itself. Blocks the thread, so that
    it has no place on an event loop.

    :raises Busy: it could not be had in time.
    :raises Unwritable: the lock file cannot be made.
    """
    make_folder(lock_file.parent)
    descriptor = _locked(lock_file, timeout_seconds)
    held = Held(lock_file)
    try:
        yield held
    finally:
        held.end()
        fcntl.flock(descriptor, fcntl.LOCK_UN)  # a forked child may have the descriptor, too
        os.close(descriptor)


def _locked(lock_file: Path, timeout_seconds: float) -> int:
    """The open and locked file; opened anew each time, for it may have been removed."""
    deadline = time.monotonic() + timeout_seconds
    try:
        while (descriptor := _try(lock_file)) is None:
            if time.monotonic() >= deadline:
                raise Busy(
                    f"another process has held {lock_file} for {timeout_seconds:g} s; "
                    f"`fuser {lock_file}` tells which one; try again, or stop it if it hangs"
                )
            time.sleep(_PAUSE_SECONDS)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise Unwritable(f"{lock_file} cannot be locked: {reason}") from error
    return descriptor


def _try(lock_file: Path) -> int | None:
    descriptor = _open(lock_file)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), lock_file.lstat()):
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass  # held by another, or removed since we opened it
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _open(lock_file: Path) -> int:
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
    with contextlib.suppress(FileNotFoundError):
        return os.open(lock_file, flags)
    descriptor = os.open(lock_file, flags | os.O_CREAT, 0o600)
    around = lock_file.parent.stat()
    with contextlib.suppress(PermissionError):
        os.fchown(descriptor, around.st_uid, around.st_gid)  # root must not lock the relay out
    return descriptor
