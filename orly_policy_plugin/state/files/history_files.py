"""``policy-history/``: the versions that were in force, each with who and when.

One file each, ``<time>-<number>-<version>.<name of the policy file>``: of two policies in one
folder each has its own history. Names sort in the order of recording even where the clock went
back, for a name's time is never before the last one's; the true time is inside. Contributions that
were in force are kept beside them, once each: ``<event id>.contribution``.
"""

import base64
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from orly_policy_hookspecs.logs import get_log
from orly_policy_hookspecs.nip01 import is_hex32

from ...atomic import make_folder, remove_durably, write_atomically
from ...errors import Unreadable, Unwritable
from ...policy.problems import Problem
from ...policy.strict_json import decode_json
from ..entry import VERSION, Entry, meant_version
from .locks import Held
from .state_files import list_state_folder, read_state_file

MOST_ENTRIES: Final = 1000
TIDY_EVERY: Final = 100
"""Entries: then all are read, to find contributions that none of them names. A thousand may take
seconds, in which all other changes wait."""

_MOST_BYTES: Final = 256 * 1024 * 1024
_FILE_NAME: Final = re.compile(rf"([0-9]{{12}})-([0-9]{{8}})-({VERSION})\.(.+)", re.DOTALL)
_LONGEST_NAME_BYTES: Final = 200
"""Of a policy file's name inside an entry's: together they have to fit into 255."""
_CONTRIBUTION: Final = ".contribution"

log = get_log(__name__)


@attrs.frozen(order=True)
class _Name:
    """A file's name: what the order and a search need, without reading the file."""

    time: int
    number: int
    version: str
    policy: str

    @classmethod
    def parse(cls, name: str) -> "_Name | None":
        match = _FILE_NAME.fullmatch(name)
        return cls(int(match[1]), int(match[2]), match[3], match[4]) if match else None

    def __str__(self) -> str:
        return f"{self.time:012d}-{self.number:08d}-{self.version}.{self.policy}"


def _policy_name(file: Path) -> str:
    name = os.fsencode(file.name)
    if len(name) <= _LONGEST_NAME_BYTES:
        return file.name
    return hashlib.sha256(name).hexdigest() + ".json"


@attrs.frozen
class History:
    """One policy file's history in a folder, which need not be there."""

    folder: Path
    policy: str = attrs.field(converter=_policy_name)
    """The policy file's name; it is made from its path."""

    def record(self, entry: Entry, held: Held) -> bool:
        """Keep a version, on the disk when this returns, and forget the oldest beyond 1,000.

        :return: whether it was kept; what repeats the newest one's version and content is not.
        :raises Unwritable: it is not kept.
        """
        held.check(self.folder)
        make_folder(self.folder)
        names = self._names()
        if names and self._repeats(names[0], entry):
            return False
        self._keep_contributions(entry.contributions)
        name = self._next(names, entry)
        write_atomically(self.folder / str(name), _written(entry))
        self._prune([name, *names])
        return True

    def newest_content(self) -> bytes | None:
        """The policy that came last, of those that can be read."""
        contributions = _Contributions(self.folder, [], are_read=False)
        entries = (self._read(name, contributions) for name in self._names())
        return next((entry.content for entry in entries if entry), None)

    def entries(self, problems: list[Problem]) -> Iterator[Entry]:
        """All versions, newest first, each read in its turn.

        :param problems: gets those that cannot be read.
        :raises Unreadable: the folder is there and cannot be listed.
        """
        contributions = _Contributions(self.folder, problems)
        for name in self._names():
            if entry := self._read(name, contributions):
                yield entry

    def find(self, version_prefix: str) -> Entry:
        """The newest entry of the one version that begins like this.

        :raises UnknownVersion: there is none, or there are several; the message names them.
        :raises Unreadable: it is there and cannot be read.
        """
        names = self._names()
        version = meant_version(version_prefix, [name.version for name in names])
        problems: list[Problem] = []
        contributions = _Contributions(self.folder, problems)
        for name in names:
            if name.version == version and (entry := self._read(name, contributions)):
                return entry
        raise Unreadable("; ".join(map(str, problems)) or f"version {version} is gone")

    def _repeats(self, newest: _Name, entry: Entry) -> bool:
        if newest.version != entry.version:
            return False
        kept = self._read(newest, _Contributions(self.folder, [], are_read=False))
        return kept is not None and kept.content == entry.content

    def _next(self, names: list[_Name], entry: Entry) -> _Name:
        if not names:
            return _Name(entry.recorded_at, 1, entry.version, self.policy)
        newest = names[0]
        time = max(entry.recorded_at, newest.time)
        return _Name(time, newest.number + 1, entry.version, self.policy)

    def _prune(self, names: list[_Name]) -> None:
        """Forget the oldest and, now and then, the contributions that no entry names. A file that
        cannot be removed stays, and does no harm.

        :param names: all, newest first.
        """
        gone = [str(name) for name in names[MOST_ENTRIES:]]
        if names[0].number % TIDY_EVERY == 0:
            gone += self._unnamed_contributions(names[:MOST_ENTRIES])
        for name in gone:
            try:
                remove_durably(self.folder / name)
            except Unwritable as error:
                log.warning("an old version stays in the history: %s", error)

    def _keep_contributions(self, contributions: Mapping[str, bytes | None]) -> None:
        for event_id, content in contributions.items():
            path = self.folder / f"{event_id}{_CONTRIBUTION}"
            if content is not None and not os.path.lexists(path):
                write_atomically(path, content + b"\n")

    def _unnamed_contributions(self, kept: Iterable[_Name]) -> list[str]:
        """The files of contributions that no entry of any policy in the folder names; none where
        an entry cannot be read, for nobody knows what it names.
        """
        others = [name for name in self._all_names() if name.policy != self.policy]
        contributions = _Contributions(self.folder, [], are_read=False)
        named: set[str] = set()
        for name in (*kept, *others):
            if entry := self._read(name, contributions):
                named.update(entry.contributions)
        if contributions.problems:
            return []
        files = (name for name in list_state_folder(self.folder) if name.endswith(_CONTRIBUTION))
        ids = filter(is_hex32, (name.removesuffix(_CONTRIBUTION) for name in files))
        return [f"{event_id}{_CONTRIBUTION}" for event_id in ids if event_id not in named]

    def _names(self) -> list[_Name]:
        """The names of this policy's entries, newest first."""
        return [name for name in self._all_names() if name.policy == self.policy]

    def _all_names(self) -> list[_Name]:
        found = map(_Name.parse, list_state_folder(self.folder))
        return sorted((name for name in found if name), reverse=True)

    def _read(self, name: _Name, contributions: "_Contributions") -> Entry | None:
        try:
            written = read_state_file(self.folder / str(name), most_bytes=_MOST_BYTES)
            return _read_entry(written, name.version, contributions)
        except FileNotFoundError:
            return None  # forgotten while we looked
        except (Unreadable, ValueError, TypeError) as error:
            contributions.problems.append(Problem(f"{self.folder.name}/{name}", str(error)))
            return None


@attrs.define
class _Contributions:
    """Reads what is kept of contributions, each once."""

    folder: Path
    problems: list[Problem]
    are_read: bool = True
    known: dict[str, bytes | None] = attrs.Factory(dict)

    def content(self, event_id: str) -> bytes | None:
        """The canonical JSON of a contribution; ``None`` where it cannot be read."""
        if not self.are_read:
            return None
        if event_id not in self.known:
            self.known[event_id] = self._read(event_id)
        return self.known[event_id]

    def _read(self, event_id: str) -> bytes | None:
        name = f"{event_id}{_CONTRIBUTION}"
        try:
            return read_state_file(self.folder / name, most_bytes=_MOST_BYTES).rstrip(b"\n")
        except FileNotFoundError:
            return None
        except Unreadable as error:
            self.problems.append(Problem(f"{self.folder.name}/{name}", str(error)))
            return None


def _written(entry: Entry) -> bytes:
    fields: dict[str, Any] = {
        field.name: getattr(entry, field.name) for field in attrs.fields(Entry)
    }
    fields["contributions"] = list(entry.contributions)
    content = fields.pop("content")
    try:
        fields["content"] = content.decode()
    except UnicodeDecodeError:
        fields["content_base64"] = base64.b64encode(content).decode()
    return json.dumps(fields, indent=2, ensure_ascii=False).encode() + b"\n"


def _read_entry(written: bytes, version: str, contributions: _Contributions) -> Entry:
    """:raises ValueError, TypeError: what is wrong with it."""
    fields: Any = decode_json(written)
    if not isinstance(fields, dict):
        raise TypeError("is no entry of the history")
    fields = dict(fields)
    encoded = fields.pop("content_base64", None)
    if encoded is not None:
        fields["content"] = base64.b64decode(encoded, validate=True)
    elif isinstance(fields.get("content"), str):
        fields["content"] = fields["content"].encode()
    named = fields.pop("contributions", [])
    if not isinstance(named, list) or not all(map(is_hex32, named)):
        raise ValueError("names contributions that are no event ids")
    fields["contributions"] = {event_id: contributions.content(event_id) for event_id in named}
    entry = Entry(**fields)
    if entry.version != version:
        raise ValueError(f"says that it is version {entry.version}")
    return entry
