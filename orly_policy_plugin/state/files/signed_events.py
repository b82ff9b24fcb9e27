"""A folder of signed events, one a file: contributions and follow lists.

A file's name is 64 hex characters and ``.json``, and what it says is checked here for its shape
alone; whether the signature is right, and whether the name fits, is for whoever asked. Files
whose names start with a dot are ignored (an editor's, or what a crash left).

A contribution is withdrawn by a file ``<id>.withdrawn``: that it is there is enough, and where it
is, ``<id>.json`` counts for nothing. So the order of a withdrawal is: the mark of withdrawal, then
the event's file goes; a crash between the two leaves it withdrawn.

A folder is read again with what was read before: what has not changed is not decoded again, and a
file that cannot be read now counts as it did.
"""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeGuard

import attrs

from orly_policy_hookspecs import malformed
from orly_policy_hookspecs.logs import get_log
from orly_policy_hookspecs.nip01 import FIELDS, is_hex32

from ...atomic import make_folder, remove_durably, write_atomically
from ...errors import PolicyError, Unreadable, UnreadableNow, Unwritable
from ...policy.problems import Problem
from ...policy.strict_json import JsonObject, decode_json
from ..store import Withdrawn
from .state_files import list_state_folder, read_state_file

log = get_log(__name__)

MOST_BYTES: Final = 1024 * 1024 + 4096
"""Of a file: an event of 1 MiB and some room for how it is laid out."""

MOST_DIFFERENCE_BYTES: Final = 2 * MOST_BYTES
"""The fields of a contribution have longer names than those of a policy."""

_EVENT: Final = ".json"
_WITHDRAWN: Final = ".withdrawn"
_DIFFERENCE: Final = ".difference"
_CLAIMS: Final = frozenset({"sig", "id", "pubkey", "kind", "content", "tags"})
"""A file with one of these keys claims to be an event, and is never read as anything else."""


@attrs.frozen
class StoredEvents:
    """The content of a folder, without withdrawn events."""

    events: Mapping[str, Mapping[str, Any]]
    """By name (64 hex characters); each an event in shape, its signature not yet verified."""
    bare: Mapping[str, JsonObject]
    """By name: objects that do not claim to be events, where such are allowed."""
    problems: tuple[Problem, ...]
    """Files that say nothing that could be used, by their names."""
    withdrawn: frozenset[str] = frozenset()
    """The ids of withdrawn events."""
    differences: Mapping[str, bytes] = MappingProxyType({})
    """By name of an event: what an admin's full policy came to."""
    contents: Mapping[str, bytes] = attrs.field(factory=dict, eq=False, repr=False)
    """The bytes that were read, by the files' names."""

    def with_event(
        self, name: str, event: Mapping[str, Any], content: bytes, difference: bytes | None
    ) -> "StoredEvents":
        """The same once an event was written: it is not read again."""
        beside = {} if difference is None else {name: difference}
        return attrs.evolve(
            self,
            events=MappingProxyType({**self.events, name: event}),
            differences=MappingProxyType({**self.differences, **beside}),
            contents=MappingProxyType({**self.contents, name + _EVENT: content}),
        )


def write_event(folder: Path, name: str, event: Mapping[str, Any]) -> bytes:
    """Keep an event as ``<name>.json``, whole and on the disk when this returns.

    What :func:`read_events` would not take is not written.

    :param name: 64 lowercase hex characters.
    :return: what the file holds.
    :raises PolicyError: it is no event, or over :data:`MOST_BYTES`.
    :raises Unwritable: it cannot be written.
    """
    path = folder / _file_name(name, _EVENT)
    if problem := malformed(event):
        raise PolicyError(f"the event is not kept: {problem}")
    content = _encoded({field: event[field] for field in FIELDS})
    if len(content) > MOST_BYTES:
        raise PolicyError(f"the event is not kept: it is over {MOST_BYTES} bytes")
    make_folder(folder)
    write_atomically(path, content)
    return content


def write_difference(folder: Path, event_id: str, difference: bytes) -> None:
    """Keep what an admin's full policy came to, beside its event. It is written first: the event
    counts once it is there.

    :raises PolicyError: it is over :data:`MOST_DIFFERENCE_BYTES`.
    :raises Unwritable: it cannot be written.
    """
    if len(difference) > MOST_DIFFERENCE_BYTES:
        raise PolicyError(f"the difference is not kept: it is over {MOST_DIFFERENCE_BYTES} bytes")
    make_folder(folder)
    write_atomically(folder / _difference_name(event_id), difference + b"\n")


def read_events(
    folder: Path, *, bare_allowed: bool = False, before: StoredEvents | None = None
) -> StoredEvents:
    """Read all events of a folder, which need not be there. Nothing is removed.

    :param bare_allowed: whether an object is read that does not claim to be an event, such as a
        contribution in ORLY's format.
    :param before: what was read before. Of a file that has not changed the value is the same
        object; one that cannot be read now, or a folder that cannot be listed, is kept as it was.
    :raises UnreadableNow: something cannot be read, and nothing was known of it.
    """
    try:
        names = list_state_folder(folder)
    except UnreadableNow as error:
        if before is None:
            raise
        return attrs.evolve(before, problems=(Problem(folder.name, f"{error}; {_KEPT}"),))
    if before is not None and before.contents and not folder.exists():
        # Unmounted, or renamed away: whoever wants to be rid of it all removes the files in it.
        return attrs.evolve(before, problems=(Problem(folder.name, f"is not there; {_KEPT}"),))
    withdrawn = _withdrawn(names)
    found = _Found(folder, bare_allowed, before)
    for name in names:
        stem, _, ending = name.partition(".")
        is_ignored = name.startswith(".")
        if not is_ignored and (stem not in withdrawn or f".{ending}" not in (_EVENT, _WITHDRAWN)):
            found.look_at(name)
    for name in sorted(found.events.keys() & _with_difference(names)):
        found.look_at_difference(name)
    return found.stored(withdrawn)


def mark_withdrawn(folder: Path, event_id: str, withdrawn: Withdrawn) -> None:
    """Withdraw an event for good. May be repeated; the first withdrawal is remembered.

    :raises Unwritable: the event is not withdrawn.
    """
    marker = folder / _file_name(event_id, _WITHDRAWN)
    make_folder(folder)
    if not os.path.lexists(marker):
        write_atomically(marker, _encoded(attrs.asdict(withdrawn)))
    try:
        remove_durably(folder / _file_name(event_id, _EVENT))
    except Unwritable as error:
        log.warning("%s; it is withdrawn all the same", error)


def read_withdrawals(
    folder: Path, withdrawn: Iterable[str], before: Mapping[str, Withdrawn] = MappingProxyType({})
) -> tuple[Mapping[str, Withdrawn], tuple[Problem, ...]]:
    """The records of withdrawn events, by id. It raises nothing.

    A mark that cannot be read is a problem, and withdraws its event all the same.

    :param withdrawn: the events' ids.
    :param before: what was read before: a mark never changes.
    """
    withdrawals: dict[str, Withdrawn] = {}
    problems: list[Problem] = []
    for event_id in sorted(withdrawn):
        if event_id in before:
            withdrawals[event_id] = before[event_id]
            continue
        name = _file_name(event_id, _WITHDRAWN)
        try:
            value = _decoded(read_state_file(folder / name, most_bytes=MOST_BYTES))
            withdrawals[event_id] = Withdrawn(**value)
        except (ValueError, TypeError, Unreadable, FileNotFoundError) as error:
            problems.append(Problem(f"{folder.name}/{name}", f"is no mark of withdrawal: {error}"))
    return MappingProxyType(withdrawals), tuple(problems)


_KEPT: Final = "what was known of it stays in force"


@attrs.frozen
class _Found:
    """The content of a folder that was found so far."""

    folder: Path
    bare_allowed: bool
    before: StoredEvents | None
    events: dict[str, Mapping[str, Any]] = attrs.Factory(dict)
    bare: dict[str, JsonObject] = attrs.Factory(dict)
    contents: dict[str, bytes] = attrs.Factory(dict)
    differences: dict[str, bytes] = attrs.Factory(dict)
    problems: list[Problem] = attrs.Factory(list)

    def look_at(self, name: str) -> None:
        """Add what is in a file, or what is wrong with it."""
        try:
            stem = _stem(name)
            self._add(name, stem, read_state_file(self.folder / name, most_bytes=MOST_BYTES))
        except FileNotFoundError:
            pass  # withdrawn while we looked
        except UnreadableNow as error:
            self._keep_known(name, _stem(name), error)
        except MemoryError:
            self._keep_known(name, _stem(name), UnreadableNow("cannot be read: out of memory"))
        except (ValueError, Unreadable) as error:
            self._note_unusable(name, error)

    def look_at_difference(self, event_id: str) -> None:
        """Add what is kept beside an event; without it an admin's full policy adds nothing."""
        where = f"{self.folder.name}/{event_id}{_EVENT}"
        path = self.folder / _difference_name(event_id)
        try:
            content = read_state_file(path, most_bytes=MOST_DIFFERENCE_BYTES + 1)
            self.differences[event_id] = content.removesuffix(b"\n")
        except FileNotFoundError:
            pass
        except UnreadableNow as error:
            if self.before is None or event_id not in self.before.differences:
                raise UnreadableNow(f"the difference of {where} {error}") from error
            self.differences[event_id] = self.before.differences[event_id]
            self.problems.append(Problem(where, f"its difference {error}"))
        except Unreadable as error:
            self.problems.append(Problem(where, f"its difference cannot be read: {error}"))

    def _note_unusable(self, name: str, error: Exception) -> None:
        """A file that is there and says nothing that could be used: what it said before counts."""
        kept = ""
        if self.before is not None and name in self.before.contents:
            self._take_known(_stem(name), self.before)
            self.contents[name] = self.before.contents[name]
            kept = f"; {_KEPT} until it is removed"
        self.problems.append(Problem(f"{self.folder.name}/{name}", f"{error}{kept}"))

    def _add(self, name: str, stem: str, content: bytes) -> None:
        before = self.before
        if before and before.contents.get(name) == content and self._take_known(stem, before):
            self.contents[name] = content
            return
        value = _decoded(content)
        if self.bare_allowed and _is_bare(value):
            self.bare[stem] = value
        else:
            self.events[stem] = _event_of(value)
        self.contents[name] = content

    def _take_known(self, stem: str, before: StoredEvents) -> bool:
        """Take what was known of a file, if anything was."""
        if stem in before.events:
            self.events[stem] = before.events[stem]
        elif stem in before.bare:
            self.bare[stem] = before.bare[stem]
        else:
            return False
        return True

    def _keep_known(self, name: str, stem: str, error: UnreadableNow) -> None:
        where = f"{self.folder.name}/{name}"
        if self.before is None or name not in self.before.contents:
            raise UnreadableNow(
                f"{where} {error}; what it denies is not known, so nothing can be changed or "
                "started until it can be read"
            ) from error
        self._take_known(stem, self.before)
        self.contents[name] = self.before.contents[name]
        self.problems.append(Problem(where, f"{error}; {_KEPT}"))

    def stored(self, withdrawn: frozenset[str]) -> StoredEvents:
        """All of it."""
        return StoredEvents(
            MappingProxyType(self.events),
            MappingProxyType(self.bare),
            tuple(self.problems),
            withdrawn,
            MappingProxyType(self.differences),
            MappingProxyType(self.contents),
        )


def _withdrawn(names: Iterable[str]) -> frozenset[str]:
    stems = (name.removesuffix(_WITHDRAWN) for name in names if name.endswith(_WITHDRAWN))
    return frozenset(stem for stem in stems if is_hex32(stem))


def _with_difference(names: Iterable[str]) -> frozenset[str]:
    """The events beside which a difference is kept."""
    stems = (name[1:].removesuffix(_DIFFERENCE) for name in names if name.endswith(_DIFFERENCE))
    return frozenset(stem for stem in stems if is_hex32(stem))


def _difference_name(event_id: str) -> str:
    return "." + _file_name(event_id, _DIFFERENCE)


def _stem(name: str) -> str:
    stem = name.removesuffix(_EVENT)
    if stem == name or not is_hex32(stem):
        raise ValueError("is not named by 64 lowercase hex characters and .json")
    return stem


def _file_name(stem: str, ending: str) -> str:
    if not is_hex32(stem):
        raise ValueError(f"{stem[:80]!r} is not 64 lowercase hex characters")
    return stem + ending


def _encoded(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def read_event_file(path: Path) -> Mapping[str, Any]:
    """The event in one file; its signature is not verified.

    :raises ValueError: it is none; the text says why.
    :raises Unreadable, FileNotFoundError: it cannot be read.
    """
    return _event_of(_decoded(read_state_file(path, most_bytes=MOST_BYTES)))


def _decoded(content: bytes) -> Any:
    if not content.strip():
        raise ValueError("is empty")
    return decode_json(content)


def _is_bare(value: object) -> TypeGuard[JsonObject]:
    return isinstance(value, JsonObject) and not _CLAIMS & value.keys()


def _event_of(value: object) -> Mapping[str, Any]:
    if problem := malformed(value):
        raise ValueError(problem)
    assert isinstance(value, JsonObject)
    if value.duplicates:
        raise ValueError(f"the key {value.duplicates[0]!r} occurs twice")
    return MappingProxyType(value)
