"""``policy-history/``: the versions that were in force, each with who and when.

One file each, ``<time>-<number>-<version>.json``. Names sort in the order of recording even where
the clock went back, for a name's time is never before the last one's; the true time is inside.
"""

import base64
import itertools
import json
import operator
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal

import attrs
from attrs import validators

from orly_policy_hookspecs.logs import get_log
from orly_policy_hookspecs.nip01.hexes import HEX32

from ..errors import PolicyError, UnreadableFile
from ..policy.problems import Problem
from ..policy.strict_json import decode_json
from ..policy.writing import VERSION_DIGITS
from .atomic import UnwritableFile, make_folder, remove_durably, write_atomically
from .locks import Held
from .state_files import read_state_file

MOST_ENTRIES: Final = 1000
How = Literal["start", "hand edit", "event", "rollback"]

_HOWS: Final = ("start", "hand edit", "event", "rollback")
_LATEST: Final = 10**12 - 1
_MOST_BYTES: Final = 256 * 1024 * 1024
_SHOWN: Final = 5
_VERSION: Final = rf"[0-9a-f]{{{VERSION_DIGITS}}}"
_FILE_NAME: Final = re.compile(rf"([0-9]{{12}})-([0-9]{{8}})-({_VERSION})\.json")
_HEX: Final = validators.optional(validators.matches_re(HEX32))

log = get_log(__name__)


class UnknownVersion(PolicyError):
    """No version, or several, of the history are meant."""


@attrs.frozen(kw_only=True)
class Entry:
    """A version that came into force."""

    version: str = attrs.field(validator=validators.matches_re(_VERSION))
    recorded_at: int = attrs.field(
        validator=[validators.instance_of(int), validators.ge(0), validators.le(_LATEST)]
    )
    """Unix seconds."""
    how: How = attrs.field(validator=validators.in_(_HOWS))
    author: str | None = attrs.field(default=None, validator=_HEX)
    """Who signed the event."""
    event_id: str | None = attrs.field(default=None, validator=_HEX)
    content: bytes = attrs.field(validator=validators.instance_of(bytes), repr=False)
    """The policy file, byte for byte."""


@attrs.frozen(order=True)
class _Name:
    """A file's name: what the order and a search need, without reading the file."""

    time: int
    number: int
    version: str

    @classmethod
    def parse(cls, name: str) -> "_Name | None":
        match = _FILE_NAME.fullmatch(name)
        return cls(int(match[1]), int(match[2]), match[3]) if match else None

    def __str__(self) -> str:
        return f"{self.time:012d}-{self.number:08d}-{self.version}.json"


@attrs.frozen
class History:
    """The history in a folder, which need not be there."""

    folder: Path

    def record(self, entry: Entry, held: Held) -> bool:
        """Keep a version, on the disk when this returns, and forget the oldest beyond 1,000.

        :return: whether it was kept; what repeats the newest one's version and content is not.
        :raises UnwritableFile: it is not kept.
        """
        held.check(self.folder)
        make_folder(self.folder)
        names = self._names()
        if names and self._repeats(names[0], entry):
            return False
        write_atomically(self.folder / str(_next(names, entry)), _written(entry))
        self._prune(names)
        return True

    def entries(self, problems: list[Problem]) -> Iterator[Entry]:
        """All versions, newest first, each read when it is its turn.

        :param problems: gets those that cannot be read.
        :raises UnreadableFile: the folder is there and cannot be listed.
        """
        for name in self._names():
            if entry := self._read(name, problems):
                yield entry

    def find(self, version_prefix: str) -> Entry:
        """The newest entry of the one version that begins like this.

        :raises UnknownVersion: there is none, or there are several; the message names them.
        :raises UnreadableFile: it is there and cannot be read.
        """
        names = self._names()
        version = _meant(version_prefix, list(dict.fromkeys(name.version for name in names)))
        problems: list[Problem] = []
        for name in names:
            if name.version == version and (entry := self._read(name, problems)):
                return entry
        raise UnreadableFile("; ".join(map(str, problems)) or f"version {version} is gone")

    def _repeats(self, newest: _Name, entry: Entry) -> bool:
        kept = self._read(newest, [])
        return kept is not None and (kept.version, kept.content) == (entry.version, entry.content)

    def _prune(self, names: list[_Name]) -> None:
        """Forget the oldest. That one cannot be removed is no reason to fail: it is in no way."""
        for name in names[MOST_ENTRIES - 1 :]:
            try:
                remove_durably(self.folder / str(name))
            except UnwritableFile as error:
                log.warning("an old version stays in the history: %s", error)

    def _names(self) -> list[_Name]:
        """Newest first."""
        try:
            found = [_Name.parse(path.name) for path in self.folder.iterdir()]
            return sorted((name for name in found if name), reverse=True)
        except FileNotFoundError:
            return []
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise UnreadableFile(f"{self.folder} cannot be listed: {reason}") from error

    def _read(self, name: _Name, problems: list[Problem]) -> Entry | None:
        try:
            written = read_state_file(self.folder / str(name), most_bytes=_MOST_BYTES)
            return _read_entry(written, name.version)
        except FileNotFoundError:
            return None  # forgotten while we looked
        except (UnreadableFile, ValueError, TypeError) as error:
            problems.append(Problem(f"{self.folder.name}/{name}", str(error)))
            return None


def _next(names: list[_Name], entry: Entry) -> _Name:
    if not names:
        return _Name(entry.recorded_at, 1, entry.version)
    newest = names[0]
    return _Name(max(entry.recorded_at, newest.time), newest.number + 1, entry.version)


def _written(entry: Entry) -> bytes:
    fields = attrs.asdict(entry)
    content = fields.pop("content")
    try:
        fields["content"] = content.decode()
    except UnicodeDecodeError:
        fields["content_base64"] = base64.b64encode(content).decode()
    return json.dumps(fields, indent=2, ensure_ascii=False).encode() + b"\n"


def _read_entry(written: bytes, version: str) -> Entry:
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
    entry = Entry(**fields)
    if entry.version != version:
        raise ValueError(f"says that it is version {entry.version}")
    return entry


def _meant(prefix: str, versions: list[str]) -> str:
    """The one version, of all (newest first), that begins with ``prefix``."""
    matching = [version for version in versions if prefix and version.startswith(prefix.lower())]
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise UnknownVersion(f"{prefix!r} may mean {_listed(matching)}; give more digits")
    if not versions:
        raise UnknownVersion(f"there is no version {prefix!r}: the history is empty")
    near = sorted(versions, key=lambda version: -_common_digits(prefix.lower(), version))
    raise UnknownVersion(f"there is no version {prefix!r}; there are {_listed(near)}")


def _common_digits(one: str, other: str) -> int:
    same = itertools.takewhile(bool, map(operator.eq, one, other))
    return sum(same)


def _listed(versions: list[str]) -> str:
    more = f" and {len(versions) - _SHOWN} more" if len(versions) > _SHOWN else ""
    return ", ".join(versions[:_SHOWN]) + more
