"""Hazards of the files that a relay's policy is kept in."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from .mounts import Mount, mount_of, read_mounts

_OTHERS_WRITE: Final = 0o002
_MOUNTS: Final = Path("/proc/self/mountinfo")


def hazards_of_files(policy: Path, state: Path) -> list[str]:
    """The hazards of a policy file and the folder of its state, a line each.

    A policy's folder counts: who may write there can put another file in its place.
    """
    found = [*_written_by_all(policy.resolve()), *_written_by_all(state.resolve(), "folder")]
    if policy.resolve().parent != state.resolve():
        found += _written_by_all(policy.resolve().parent, "folder")
    if not os.access(state, os.W_OK):
        found.append(
            f"{state} cannot be written: follow lists and signed changes of the policy are not "
            "kept; make it the relay's own, or name another with state_folder"
        )
    return [*found, *hazards_of_place(state, "the policy's state")]


def hazards_of_place(folder: Path, what: str) -> list[str]:
    """The hazards of the file system that something is kept in.

    :param what: is kept there: ``the policy's state``.
    """
    mount = mount_of(folder.resolve(), _mounts())
    if mount is not None and mount.is_in_memory:
        return [
            f"{folder}: {what} is on {mount.kind}, in memory, and is gone when the machine "
            "restarts; keep it on a disk"
        ]
    if mount is not None and mount.is_on_the_network:
        return [
            f"{folder}: {what} is on {mount.kind}, a network's file system, where changes are "
            "seen late, and relays on other machines remove the sockets of this one; keep it on "
            "a disk of this machine"
        ]
    return []


def _mounts() -> tuple[Mount, ...]:
    """None where the system has no such file: it is no Linux."""
    return read_mounts(_MOUNTS.read_text(errors="replace")) if _MOUNTS.exists() else ()


def _written_by_all(path: Path, what: str = "file") -> Iterator[str]:
    """A sticky folder keeps others' files from being replaced, but lets new ones be put there."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return  # whoever reads it says why it cannot be read
    if mode & _OTHERS_WRITE and not (what == "folder" and mode & stat.S_ISVTX):
        yield (
            f"every user of this machine can write the {what} {path}, and so change the policy: "
            f"chmod o-w {path}"
        )
