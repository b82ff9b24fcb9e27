"""Replacing a file whole: after a crash at any moment it has its old or its new content.

The new content goes into a temporary file in the same folder, which is flushed to the disk and
renamed over the old file; then the folder is flushed, so that the rename outlives a power cut as
well. Whoever returned from :func:`write_atomically` finds the new content after any crash.

A crash can leave a temporary file. Its name starts with a dot and ends with ``.tmp``, which no
state has. Its writer holds a lock on it, which ends with the process however it ends, so that the
next write into the folder can tell what a crash left from what another process is writing.
"""

import contextlib
import errno
import fcntl
import os
import re
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import attrs

from .errors import Unwritable

_PREFIX: Final = ".orly-policy-"
_TEMPORARY: Final = re.compile(re.escape(_PREFIX) + r"[0-9a-f]{16}\.tmp")
_NEW_FILE: Final = 0o600
_NEW_FOLDER: Final = 0o700
_NO_FLUSHING_OF_FOLDERS: Final = {errno.EINVAL, errno.ENOTSUP}
"""The errors of file systems that cannot do it."""
_NO_ROOM: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_ACCESS: Final = {errno.EACCES, errno.EPERM, errno.EROFS}


def write_atomically(path: Path, content: bytes) -> None:
    """Make ``content`` what is in the file, on the disk when this returns.

    Where ``path`` is a symlink, the file that it leads to is replaced and the link stays. A file
    that is there keeps its mode, its group and its owner, as far as the system lets us; where
    it does not, the file's mode never opens it to another group. A new file is for its owner
    alone.

    :raises Unwritable: in one line. The file has its old content; only where the disk fails in
        the last step, flushing the folder, it may have the new one.
    """
    try:
        target = Path(os.path.realpath(path))
        with _opened_folder(target.parent) as folder:
            _remove_leftovers(folder)
            _replace(folder, target.name, content)
    except OSError as error:
        raise Unwritable(_why_not(path, error)) from error


def make_folder(folder: Path) -> None:
    """Make a state folder, and those above it, where they are missing.

    :raises Unwritable: it cannot be made.
    """
    try:
        for each in reversed((folder, *folder.parents)):
            if not each.is_dir():
                _make_one_folder(each)
    except OSError as error:
        raise Unwritable(_why_not(folder, error)) from error


def remove_durably(path: Path) -> None:
    """Remove a file, for good when this returns; it may be gone already.

    :raises Unwritable: it cannot be removed.
    """
    try:
        with _opened_folder(path.parent) as folder:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path.name, dir_fd=folder)
            _flush_folder(folder)
    except OSError as error:
        raise Unwritable(_why_not(path, error)) from error


@attrs.frozen
class _Access:
    """Who may do what with a file."""

    uid: int
    gid: int
    mode: int


def _replace(folder: int, name: str, content: bytes) -> None:
    access = _access_to_keep(folder, name)
    with _temporary_file(folder) as (temporary, descriptor):
        _write_all(descriptor, content)
        _give_access(descriptor, access)
        os.fsync(descriptor)
        os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    _flush_folder(folder)


def _access_to_keep(folder: int, name: str) -> _Access:
    """The access of the present file; a new file belongs to the folder's owner.

    So that what root does by the command line never locks out the relay's own user.
    """
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        around = os.fstat(folder)
        return _Access(around.st_uid, around.st_gid, _NEW_FILE)
    if stat.S_ISLNK(found.st_mode):
        raise OSError(errno.ELOOP, "it is a symlink that leads back to itself")
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is no ordinary file")
    return _Access(found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode) & 0o777)


def _give_access(descriptor: int, access: _Access) -> None:
    for uid, gid in (access.uid, -1), (-1, access.gid):
        with contextlib.suppress(PermissionError):
            os.fchown(descriptor, uid, gid)
    mode = access.mode
    if os.fstat(descriptor).st_gid != access.gid:
        mode &= 0o707 | (mode & 0o007) << 3  # no more for this group than for everybody
    os.fchmod(descriptor, mode)


@contextlib.contextmanager
def _temporary_file(folder: int) -> Iterator[tuple[str, int]]:
    """A new file, open and locked: its name and its descriptor. Removed, unless renamed."""
    name, descriptor = _claim_new_name(folder)
    try:
        yield name, descriptor
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name, dir_fd=folder)
        raise
    finally:
        os.close(descriptor)


def _claim_new_name(folder: int) -> tuple[str, int]:
    """Create a file and lock it; another name where somebody cleaned it away in between."""
    while True:
        name = f"{_PREFIX}{secrets.token_hex(8)}.tmp"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(name, flags, _NEW_FILE, dir_fd=folder)
        try:
            if _is_ours(folder, name, descriptor):
                return name, descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _is_ours(folder: int, name: str, descriptor: int) -> bool:
    """Lock a file, unless another process has; then, whether it still has its name."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except (BlockingIOError, FileNotFoundError):
        return False
    return os.path.samestat(found, os.fstat(descriptor))


def _remove_leftovers(folder: int) -> None:
    """Remove the temporary files of writers that have ended."""
    for name in os.listdir(folder):
        if _TEMPORARY.fullmatch(name):
            with contextlib.suppress(OSError):  # another user's, or gone: neither matters here
                _remove_leftover(folder, name)


def _remove_leftover(folder: int, name: str) -> None:
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(name, flags, dir_fd=folder)
    try:
        if _is_ours(folder, name, descriptor):
            os.unlink(name, dir_fd=folder)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]


@contextlib.contextmanager
def _opened_folder(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _make_one_folder(path: Path) -> None:
    with _opened_folder(path.parent) as above:
        try:
            os.mkdir(path.name, _NEW_FOLDER, dir_fd=above)
        except FileExistsError:
            return  # another process was faster
        around = os.fstat(above)
        with _opened_folder(path) as made, contextlib.suppress(PermissionError):
            os.fchown(made, around.st_uid, around.st_gid)
        _flush_folder(above)


def _flush_folder(folder: int) -> None:
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno not in _NO_FLUSHING_OF_FOLDERS:
            raise


def _why_not(path: Path, error: OSError) -> str:
    reason = (error.strerror or str(error)).lower()
    if error.errno in _NO_ROOM:
        return f"{path} cannot be written: {reason}; make room on the disk"
    if error.errno in _NO_ACCESS:
        return f"{path} cannot be written: {reason}; this user must be able to write its folder"
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return f"{path} cannot be written: its folder is not there"
    return f"{path} cannot be written: {reason}"
