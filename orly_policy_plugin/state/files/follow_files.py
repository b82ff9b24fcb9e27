"""``policy-follows/``: the newest version of each list of people that is needed, a signed event a
file. A follow list's is named by its author; that of a list that the policy names by the hash of
the name under which it is kept: a ``d`` tag may be any text.

A list that cannot be read, and was not read before, is as if it were not there.
"""

import contextlib
import hashlib
from collections.abc import Collection, Container, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import attrs

from orly_policy_hookspecs import Event
from orly_policy_hookspecs.nip01 import FrozenEvent, event_json, is_hex32

from ...authority import verify
from ...counted import counted
from ...errors import Unreadable, UnreadableNow
from ...follows import FollowList, follow_list, kept_as
from ...policy import Problem
from .signed_events import read_event_file, write_event
from .state_files import list_state_folder

MOST_BYTES_FOR_ADMINS: Final = 16 * 1024 * 1024
"""Some 230,000 follows, which are read and verified in a second."""

_ENDING: Final = ".json"

_Identity = tuple[int, ...]
"""Values that differ once a file is replaced: lists are renamed over it, never rewritten."""


@attrs.frozen
class _Read:
    """A file that was read."""

    identity: _Identity
    name: str
    """Under which the list is kept."""
    list: FollowList


@attrs.frozen
class StoredFollowLists:
    """The content of the folder."""

    files: Mapping[str, _Read] = MappingProxyType({})
    """By the file's name without its ending."""
    problems: tuple[Problem, ...] = ()

    @property
    def lists(self) -> Mapping[str, FollowList]:
        """By the name under which each is kept."""
        return MappingProxyType({each.name: each.list for each in self.files.values()})


class FollowFiles:
    """The folder, which need not be there, and what was last read of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known = StoredFollowLists()  # replaced whole: threads may read at the same time

    def read(self, first: Collection[str] | None = None) -> StoredFollowLists:
        """Read all that is there: see :func:`read_follow_lists`."""
        self._known = read_follow_lists(self._folder, self._known, first)
        return self._known

    def keep_newer(self, lists: Mapping[str, tuple[FollowList, Event]]) -> None:
        """Keep those that are newer than what is kept, each in its file.

        :param lists: by the name under which each is kept.
        :raises PolicyError: one of them is not kept.
        """
        for name, (newer, event) in lists.items():
            stem = _stem(name)
            if newer.replaces(self._kept(stem)):
                write_event(self._folder, stem, event_json(event))
                self._know(stem, name, newer)

    def _kept(self, stem: str) -> FollowList | None:
        """The list of one file, read alone: reading all of them may take long."""
        path = self._folder / (stem + _ENDING)
        try:
            return (_same(stem, _identity(path), self._known) or _read(path)).list
        except UnreadableNow:
            known = self._known.files.get(stem)
            return known.list if known else None
        except (ValueError, Unreadable, FileNotFoundError):
            return None

    def _know(self, stem: str, name: str, newer: FollowList) -> None:
        """Remember a list that was just written, so that it is not read again."""
        with contextlib.suppress(FileNotFoundError, UnreadableNow):
            written = _Read(_identity(self._folder / (stem + _ENDING)), name, newer)
            self._known = attrs.evolve(self._known, files={**self._known.files, stem: written})


def read_follow_lists(
    folder: Path,
    before: StoredFollowLists | None = None,
    first: Collection[str] | None = None,
) -> StoredFollowLists:
    """Read all that is there. It raises nothing and removes nothing.

    :param before: what was read before: a file that is the same is not read again, and one that
        cannot be read now counts as it did.
    :param first: names of lists that are read in any case: those that the owner's policy needs.
        All other lists are read up to :data:`MOST_BYTES_FOR_ADMINS` together, smallest first:
        contributions name a thousand authors each, and a list may have a megabyte. ``None``: all
        are read.
    """
    known = before or StoredFollowLists()
    try:
        names = list_state_folder(folder)
    except UnreadableNow as error:
        return attrs.evolve(known, problems=(Problem(folder.name, str(error)),))
    files: dict[str, _Read] = {}
    problems: list[Problem] = []
    left_out = frozenset() if first is None else _beyond(folder, names, set(map(_stem, first)))
    if left_out:
        what = f"{counted(len(left_out), 'follow list')} left out, which grant nobody"
        why = "those that only contributions use are too large together"
        problems.append(Problem(folder.name, f"{what}: {why}"))
    for name in names:
        if name.startswith(".") or name in left_out:
            continue
        stem = name.removesuffix(_ENDING)
        try:
            files[stem] = _same(stem, _identity(folder / name), known) or _read(folder / name)
        except FileNotFoundError:
            pass  # removed while we looked
        except UnreadableNow as error:
            problems.append(Problem(f"{folder.name}/{name}", str(error)))
            if stem in known.files:
                files[stem] = known.files[stem]
        except (ValueError, Unreadable) as error:
            problems.append(Problem(f"{folder.name}/{name}", str(error)))
    return StoredFollowLists(MappingProxyType(files), tuple(problems))


def _stem(name: str) -> str:
    """The name of a file without its ending.

    :param name: under which a list is kept.
    """
    return name if is_hex32(name) else hashlib.sha256(name.encode()).hexdigest()


def _beyond(folder: Path, names: list[str], first: Container[str]) -> frozenset[str]:
    """The files that are not read, as the lists that only contributions use are too large."""
    sizes: list[tuple[int, str]] = []
    for name in names:
        if not name.startswith(".") and name.removesuffix(_ENDING) not in first:
            with contextlib.suppress(OSError):  # whoever reads it says so
                sizes.append(((folder / name).lstat().st_size, name))
    total, beyond = 0, set()
    for size, name in sorted(sizes):
        total += size
        if total > MOST_BYTES_FOR_ADMINS:
            beyond.add(name)
    return frozenset(beyond)


def _identity(path: Path) -> _Identity:
    """:raises FileNotFoundError, UnreadableNow: there is none, or it cannot be looked at."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UnreadableNow(f"cannot be read: {(error.strerror or str(error)).lower()}") from error
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _same(stem: str, identity: _Identity, known: StoredFollowLists) -> _Read | None:
    """What was read of a file that is the same."""
    before = known.files.get(stem)
    return before if before is not None and before.identity == identity else None


def _read(path: Path) -> _Read:
    """:raises ValueError: it is no signed list of this name."""
    identity = _identity(path)
    event = FrozenEvent.of_json(read_event_file(path))
    for name in kept_as(event):
        if path.name == _stem(name) + _ENDING and verify(event):
            return _Read(identity, name, follow_list(event))
    raise ValueError("is no signed list that is kept under this name")
