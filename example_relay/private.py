"""The data folder is for nobody else: it has private messages, and what the policy hides."""

import os
import stat
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from .showing import tell

_FOLDER, _FILE = 0o700, 0o600
_OTHERS = 0o077

_MADE_HERE = (
    "nostr-relay.yaml",
    "policy.json",
    "events.sqlite3*",
    "events.lmdb*",
    "last-event.json",
)
_MADE_BY_THE_ENGINE = ("policy-*",)


def keep_private(data: Path) -> None:
    """Let others read neither what is in the data folder by now nor what will be.

    A folder that was there before and has other things in it is left as it is, and told of: it
    may be one that others need, such as ``/tmp``.

    :raises OSError: something of it is not ours to change.
    """
    make_private_only()
    if not data.is_dir():
        return
    for path in _made_here(data):
        tighten(path)
    if _is_all_ours(data):
        tighten(data)
    elif data.stat().st_mode & _OTHERS:
        tell(f"others can list {data}, which has more than the relay's files in it")


def make_private_only() -> None:
    """Whatever this process makes from here on is for nobody else."""
    os.umask(_OTHERS)


def tighten(path: Path) -> None:
    """Let nobody else read an ordinary file or a folder, if it is there; symlinks are left."""
    if path.is_symlink():
        return
    if path.is_dir():
        _limit(path, _FOLDER)
    elif path.is_file():
        _limit(path, _FILE)


def _limit(path: Path, most: int) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & ~most:
        path.chmod(mode & most)


def _made_here(data: Path) -> Iterator[Path]:
    for pattern in _MADE_HERE:
        yield from data.glob(pattern)
    yield from data.glob("events.lmdb/*")


def _is_all_ours(data: Path) -> bool:
    known = (*_MADE_HERE, *_MADE_BY_THE_ENGINE)
    return all(any(fnmatch(path.name, each) for each in known) for path in data.iterdir())
