"""``policy-follows/``: the newest follow list of each author, a signed event a file, named by the
author.

A list only grants. So one that cannot be read, and was not read before, grants nobody and stops
nothing.
"""

import contextlib
from collections.abc import Collection, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import attrs

from orly_policy_hookspecs import Event
from orly_policy_hookspecs.nip01 import FrozenEvent, event_json, kinds

from ...authority import verify
from ...counted import counted
from ...errors import Unreadable, UnreadableNow
from ...follows import FollowList, follow_list
from ...policy import Problem
from .signed_events import read_event_file, write_event
from .state_files import list_state_folder

MOST_BYTES_FOR_ADMINS: Final = 16 * 1024 * 1024
"""Some 230,000 follows, which are read and verified in a second."""

_ENDING: Final = ".json"

_Identity = tuple[int, ...]
"""Values that differ once a file is replaced: lists are renamed over it, never rewritten."""


@attrs.frozen
class StoredFollowLists:
    """The content of the folder."""

    lists: Mapping[str, FollowList] = attrs.field(factory=dict)
    """By author."""
    problems: tuple[Problem, ...] = ()
    identities: Mapping[str, _Identity] = attrs.field(factory=dict, eq=False, repr=False)
    """By author: the file that the list was read from."""


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
        """Keep those that are newer than what is kept, each in its author's file.

        :raises PolicyError: one of them is not kept.
        """
        for author, (newer, event) in lists.items():
            if newer.replaces(self._kept(author)):
                write_event(self._folder, author, event_json(event))
                self._know(newer)

    def _kept(self, author: str) -> FollowList | None:
        """The list of one author, read alone: reading all of them may take long."""
        path = self._folder / (author + _ENDING)
        try:
            return _same(author, _identity(path), self._known) or _read(path, author)
        except UnreadableNow:
            return self._known.lists.get(author)
        except (ValueError, Unreadable, FileNotFoundError):
            return None

    def _know(self, newer: FollowList) -> None:
        """Remember a list that was just written, so that it is not read again."""
        author, known = newer.author, self._known
        with contextlib.suppress(FileNotFoundError, UnreadableNow):
            identity = _identity(self._folder / (author + _ENDING))
            self._known = attrs.evolve(
                known,
                lists={**known.lists, author: newer},
                identities={**known.identities, author: identity},
            )


def read_follow_lists(
    folder: Path,
    before: StoredFollowLists | None = None,
    first: Collection[str] | None = None,
) -> StoredFollowLists:
    """Read all that is there. It raises nothing and removes nothing.

    :param before: what was read before: a file that is the same is not read again, and one that
        cannot be read now counts as it did.
    :param first: authors whose lists are read in any case: those that the owner's policy names.
        All other lists are read up to :data:`MOST_BYTES_FOR_ADMINS` together, smallest first:
        contributions name a thousand authors each, and a list may have a megabyte. ``None``: all
        are read.
    """
    known = before or StoredFollowLists()
    try:
        names = list_state_folder(folder)
    except UnreadableNow as error:
        return attrs.evolve(known, problems=(Problem(folder.name, str(error)),))
    lists: dict[str, FollowList] = {}
    identities: dict[str, _Identity] = {}
    problems: list[Problem] = []
    left_out = frozenset() if first is None else _beyond(folder, names, first)
    if left_out:
        what = f"{counted(len(left_out), 'follow list')} left out, which grant nobody"
        why = "those that only contributions use are too large together"
        problems.append(Problem(folder.name, f"{what}: {why}"))
    for name in names:
        if name.startswith(".") or name in left_out:
            continue
        author = name.removesuffix(_ENDING)
        try:
            identity = _identity(folder / name)
            lists[author] = _same(author, identity, known) or _read(folder / name, author)
            identities[author] = identity
        except FileNotFoundError:
            pass  # removed while we looked
        except UnreadableNow as error:
            problems.append(Problem(f"{folder.name}/{name}", str(error)))
            if author in known.lists:
                lists[author] = known.lists[author]
        except (ValueError, Unreadable) as error:
            problems.append(Problem(f"{folder.name}/{name}", str(error)))
    return StoredFollowLists(
        MappingProxyType(lists), tuple(problems), MappingProxyType(identities)
    )


def _beyond(folder: Path, names: list[str], first: Collection[str]) -> frozenset[str]:
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


def _same(author: str, identity: _Identity, known: StoredFollowLists) -> FollowList | None:
    return known.lists.get(author) if known.identities.get(author) == identity else None


def _read(path: Path, author: str) -> FollowList:
    """:raises ValueError: it is no signed follow list of this author."""
    event = FrozenEvent.of_json(read_event_file(path))
    if path.name != author + _ENDING or event.pubkey != author:
        raise ValueError("is no signed follow list of this author")
    if event.kind != kinds.FOLLOW_LIST or not verify(event):
        raise ValueError("is no signed follow list of this author")
    return follow_list(event)
