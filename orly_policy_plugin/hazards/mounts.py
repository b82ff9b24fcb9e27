"""Where folders are mounted, as Linux tells in ``/proc/self/mountinfo``."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import attrs

_IN_MEMORY: Final = frozenset({"tmpfs", "ramfs"})
_ON_THE_NETWORK: Final = frozenset({
    "9p", "afs", "ceph", "cifs", "glusterfs", "gpfs", "lustre", "nfs", "nfs4", "smb3", "smbfs",
    "fuse.ceph", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs",
})  # fmt: skip


@attrs.frozen
class Mount:
    """One mounted file system."""

    folder: Path
    kind: str
    """Such as ``ext4``."""

    @property
    def is_in_memory(self) -> bool:
        """Whether all that is in it is gone when the machine ends."""
        return self.kind in _IN_MEMORY

    @property
    def is_on_the_network(self) -> bool:
        """Whether other machines may have it too: locks and sockets are this machine's alone."""
        return self.kind in _ON_THE_NETWORK


def read_mounts(mountinfo: str) -> tuple[Mount, ...]:
    """Read ``/proc/self/mountinfo`` (proc(5)). The last of a folder hides the others."""
    return tuple(_mounts(mountinfo.splitlines()))


def _mounts(lines: Iterable[str]) -> Iterable[Mount]:
    for line in lines:
        before, separator, after = line.partition(" - ")
        fields = before.split(" ")
        if separator and len(fields) > 4:
            yield Mount(Path(_unescaped(fields[4])), after.split(" ")[0])


def _unescaped(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)


def mount_of(path: Path, mounts: Sequence[Mount]) -> Mount | None:
    """The mount that has a path.

    :param path: absolute, without symlinks.
    """
    holding = [each for each in mounts if path.is_relative_to(each.folder)]
    return max(reversed(holding), key=lambda each: len(each.folder.parts), default=None)
