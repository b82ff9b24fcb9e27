"""Reading the policy file, with one clear sentence for each way in which it cannot be read, and
writing one whole.
"""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO, Final

from .atomic import write_atomically
from .counted import counted
from .errors import Unreadable
from .policy import Policy, read_policy, write_policy

MOST_POLICY_BYTES: Final = 8 * 1024 * 1024
"""Of a policy file, unless a setting says otherwise: some 120,000 keys. Python's parser takes up
to half a second for so much, in which no decision is made."""


def read_policy_file(path: Path, most_bytes: int = MOST_POLICY_BYTES) -> bytes:
    """The content of a policy file. Symlinks are followed.

    :raises Unreadable: it is missing, no ordinary file, too large, or may not be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise Unreadable(_why_not(path, error)) from error
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            what = "a directory" if stat.S_ISDIR(mode) else "no ordinary file"
            raise Unreadable(f"{path} is {what}; name a JSON file")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return read_policy_from(file, path, most_bytes)
    except OSError as error:
        raise Unreadable(_why_not(path, error)) from error
    finally:
        os.close(descriptor)


def read_policy_from(file: BinaryIO, name: object, most_bytes: int = MOST_POLICY_BYTES) -> bytes:
    """The content of an open policy file.

    :param name: what messages call it.
    :raises Unreadable: it is too large.
    """
    content = file.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise Unreadable(
            f"{name} is over {counted(most_bytes, 'byte')}, and decisions would wait while it is "
            "read; ORLY_POLICY_MAX_BYTES, or the setting largest_policy_bytes, allows more"
        )
    return content


def write_policy_file(path: Path, policy: Policy) -> None:
    """Write a policy to a file: to a temporary one first, which is flushed and renamed over it.

    Comments of the old file are lost. A running relay takes the policy up like any edit by hand;
    within the relay's own process, use
    :meth:`orly_policy_plugin.plugin.PolicyPlugin.replace_policy` instead.

    :raises InvalidPolicy: the policy could not be read again; nothing is written.
    :raises Unwritable: it cannot be written; the old file is still there.
    """
    content = write_policy(policy)
    read_policy(content)
    write_atomically(path, content)


def _why_not(path: Path, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        if path.is_symlink():
            return f"{path} is a symlink to {path.readlink()}, which is not there"
        return f"{path} is not there; the smallest policy is a file that says {{}}"
    if isinstance(error, PermissionError):
        return f"{path} may not be read by this user; chmod it, or run as its owner"
    if error.errno == errno.ELOOP:
        return f"{path} is a symlink that leads back to itself"
    if isinstance(error, NotADirectoryError):
        return f"{path} goes through something that is no folder"
    return f"{path} cannot be read: {error.strerror or error}"
