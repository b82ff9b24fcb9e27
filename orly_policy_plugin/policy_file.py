"""Reading the policy file, and writing one whole."""

from pathlib import Path
from typing import BinaryIO, Final

from .atomic import write_atomically
from .counted import counted
from .errors import Unreadable
from .ordinary_files import ordinary_file
from .policy import Policy, read_policy, write_policy

MOST_POLICY_BYTES: Final = 8 * 1024 * 1024
"""Of a policy file, unless a setting says otherwise: some 120,000 keys. Python's parser takes up
to half a second for so much, in which no decision is made."""


def read_policy_file(
    path: Path,
    most_bytes: int = MOST_POLICY_BYTES,
    *,
    if_missing: str = "; name another, or write {} there, the smallest policy",
) -> bytes:
    """The content of a policy file. Symlinks are followed.

    :param if_missing: ends the message where it is not there.
    :raises Unreadable: it is missing, no ordinary file, too large, or may not be read.
    """
    with ordinary_file(path, path, if_missing=if_missing, if_other="; name a JSON file") as file:
        return read_policy_from(file, path, most_bytes)


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
