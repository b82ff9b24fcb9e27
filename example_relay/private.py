"""The data folder is for nobody else: it has private messages, and what the policy hides."""

import os
import stat
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from .showing import tell

_OTHERS = 0o077
_OTHERS_WRITE = 0o022
_ROOT = 0
"""Whose files are no threat, and for whom file modes mean nothing."""

_POLICY = "policy.json"
CONFIGURATION = "nostr-relay.yaml"
_KEPT_HERE = (
    f"{CONFIGURATION}*",
    _POLICY,
    "events.sqlite3*",  # the database, what SQLite has beside it, the workers' sockets
    "events.lmdb*",
    "last-event.json",
    "policy-*",  # the engine's contributions, follow lists and history
    ".orly-policy-*.tmp",  # what a crash of the engine can leave
)


class NotPrivate(Exception):
    """A data folder in which others could put or change something. In one line."""


def keep_private(data: Path) -> None:
    """Make the data folder; let others read neither what is in it by now nor what will be.

    A folder that was there before and is not the relay's alone is left as it is, and told of: it
    may be one that others need.

    :raises NotPrivate: others can change what is in it. Nothing has been written or changed.
    :raises OSError: it cannot be made, or something of it is not ours to change.
    """
    make_private_only()
    data.mkdir(parents=True, exist_ok=True)
    _refuse_what_others_write(data)
    kept_here = list(_kept_here(data))
    for path in kept_here:
        _refuse_what_others_own(path)
    for path in kept_here:
        _tighten_whole(path)
    if _is_the_relays_alone(data):
        tighten(data)
    if data.stat().st_mode & _OTHERS:
        tell(f"others can list {data}; chmod 700 {data} if only the relay needs it")


def make_private_only() -> None:
    """Whatever this process makes from here on is for nobody else."""
    os.umask(_OTHERS)


def tighten(path: Path) -> None:
    """Let nobody else use a file, a folder or a socket, if it is there and ours.

    Symlinks are left, and so are devices and pipes: others may need them.
    """
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    tightened = stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)
    tightened = tightened or stat.S_ISSOCK(found.st_mode)
    if tightened and found.st_mode & _OTHERS and not _is_left_to_root(found):
        path.chmod(stat.S_IMODE(found.st_mode) & ~_OTHERS)


def _is_left_to_root(found: os.stat_result) -> bool:
    return found.st_uid == _ROOT != os.geteuid()


def _refuse_what_others_write(data: Path) -> None:
    """Of a symlink, both itself and what it leads to."""
    found = data.stat()
    if found.st_uid != os.geteuid():
        raise NotPrivate(f"{data} is not this user's; name another with --data")
    if found.st_mode & _OTHERS_WRITE:
        raise NotPrivate(
            f"others can write {data}: it is no place for a database; name another with --data"
        )
    _refuse_what_others_own(data)


def _refuse_what_others_own(path: Path) -> None:
    if path.lstat().st_uid not in (os.geteuid(), _ROOT):
        raise NotPrivate(f"{path} is not this user's; remove it, or name another with --data")


def _tighten_whole(path: Path) -> None:
    """Something of the data folder, with all that is in it."""
    if path.is_symlink():
        _tell_of_link(path)
        return
    tighten(path)
    for folder, folders, files in os.walk(path):
        for name in (*folders, *files):
            tighten(Path(folder, name))


def _tell_of_link(path: Path) -> None:
    """A policy that lies elsewhere may be for others to read; nothing else may."""
    if path.name != _POLICY and path.exists() and path.stat().st_mode & _OTHERS:
        target = path.resolve()
        tell(f"others can read {target}, to which {path} leads; chmod go= {target}")


def _kept_here(data: Path) -> Iterator[Path]:
    for path in sorted(data.iterdir()):
        if any(fnmatch(path.name, pattern) for pattern in _KEPT_HERE):
            yield path


def _is_the_relays_alone(data: Path) -> bool:
    """A relay has been here before, and nobody else."""
    names = {path.name for path in data.iterdir()}
    return CONFIGURATION in names and names == {path.name for path in _kept_here(data)}
