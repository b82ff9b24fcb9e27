"""Policy test suites: the format of the conformance vectors, read strictly.

JSON lines, plain or gzipped, one suite a line: ``name``, ``now``, ``policy``, ``follows``,
``lists`` and ``cases``; a case has ``access``, ``event``, ``authed``, ``ip`` and ``allowed``, the
right answer.
"""

import gzip
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal

import attrs

from orly_policy_hookspecs.nip01 import FrozenEvent
from orly_policy_plugin.decisions import compile_policy
from orly_policy_plugin.decisions.snapshot import Snapshot
from orly_policy_plugin.errors import PolicyError
from orly_policy_plugin.policy import (
    InvalidPolicy,
    Lists,
    Policy,
    Problem,
    lists_named,
    scripts_of,
    structure_policy,
)
from orly_policy_plugin.policy.problems import did_you_mean
from orly_policy_plugin.policy.values import (
    checked,
    each,
    read_boolean,
    read_members,
    read_pubkeys,
    read_text,
    whole_number,
)

from .inputs import (
    MOST_BYTES,
    TOO_LARGE,
    decode,
    opened,
    read_event,
    read_follows,
    read_pubkey,
    shown_name,
)

_GZIP = b"\x1f\x8b"

MOST_TEXT_BYTES: Final = 64 * 1024 * 1024
"""Of a file of suites, once it is unzipped: a few kilobytes can be gigabytes zipped."""


class SuiteError(PolicyError):
    """A file, or a line of one, that is no policy test suite."""

    def __init__(self, where: str, problems: tuple[str, ...]) -> None:
        self.lines = tuple(f"{where}: {problem}" for problem in problems)
        """One for each problem, each with the file and the line."""
        super().__init__("\n".join(self.lines))


@attrs.frozen
class Case:
    """One question with its right answer."""

    access: Literal["write", "read"]
    event: FrozenEvent
    allowed: bool
    authed: tuple[str, ...] = ()
    """At most one pubkey."""
    ip: str = ""


@attrs.frozen
class Suite:
    """A policy, and the questions to ask it."""

    name: str
    now: int
    """Unix seconds."""
    policy: Policy
    cases: tuple[Case, ...]
    follows: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    lists: Lists = attrs.field(factory=dict)
    """The keys of the policy's named lists, whose files are not read."""

    def snapshot(self) -> Snapshot:
        """The policy, ready to be asked."""
        return compile_policy(self.policy, follows=self.follows, lists=self.lists)


def read_suites(path: Path) -> Iterator[tuple[int, Suite | SuiteError]]:
    """The suites of a file with their line numbers; in place of a wrong one, what is wrong.

    :param path: ``-`` is standard input.
    :raises SuiteError: the file cannot be read, or not beyond some line.
    """
    number, name = 0, shown_name(path)
    try:
        for number, line in enumerate(_lines(path), 1):
            if line.strip():
                yield number, _suite_of_line(name, number, line)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        where = f"{name}, after line {number}"
        raise SuiteError(where, (f"the gzip file is damaged: {error}",)) from error
    except OSError as error:
        raise SuiteError(name, (error.strerror or str(error),)) from error


def _lines(path: Path) -> Iterator[bytes]:
    """The lines of a file, unzipped where its content is zipped, whatever its name says."""
    with opened(path) as file:
        if file.peek(len(_GZIP)).startswith(_GZIP):
            with gzip.open(file) as unzipped:
                yield from _bounded_lines(shown_name(path), unzipped)
        else:
            yield from _bounded_lines(shown_name(path), file)


def _bounded_lines(name: str, file: BinaryIO | gzip.GzipFile) -> Iterator[bytes]:
    """:raises SuiteError: a line, or all of them together, is too large."""
    left = MOST_TEXT_BYTES
    number = 0
    while line := file.readline(min(MOST_BYTES, left) + 1):
        number += 1
        if len(line) > MOST_BYTES:
            raise SuiteError(f"{name}, line {number}", (TOO_LARGE,))
        left -= len(line)
        if left < 0:
            most = f"the text is over {MOST_TEXT_BYTES >> 20} MiB; make it several files"
            raise SuiteError(f"{name}, line {number}", (most,))
        yield line


def _suite_of_line(name: str, number: int, line: bytes) -> Suite | SuiteError:
    where = f"{name}, line {number}"
    try:
        return read_suite(decode(line, "a suite"))
    except InvalidPolicy as error:
        return SuiteError(where, tuple(map(str, error.problems)))
    except ValueError as error:
        message = str(error).replace("at line 1, column", "at column")
        raise SuiteError(where, (f"{message}; a suite is one line of JSON",)) from error


def read_suite(value: object) -> Suite:
    """A suite from a decoded JSON value.

    :raises InvalidPolicy: with every problem of it.
    """
    suite = Suite(**_members(value, _SUITE, ("name", "now", "policy", "cases")))
    if problems := [
        Problem("lists", f"has no list {name!r}, which the policy names at {place}")
        for place, name in lists_named(suite.policy)
        if name not in suite.lists
    ]:
        raise InvalidPolicy(problems)
    return suite


def _case(value: object) -> Case:
    return Case(**_members(value, _CASE, ("access", "event", "allowed")))


def _members(
    value: object, readers: Mapping[str, Callable[[object], Any]], required: tuple[str, ...]
) -> dict[str, Any]:
    """An object's members, each read by its reader; those that only inform are left out."""
    given = read_members(value)
    problems = [Problem("", f"the key {key!r} is missing") for key in required if key not in given]
    made = {}
    for key, member in given.items():
        found: list[Problem] = []
        if reader := readers.get(key):
            made[key] = checked(found, reader, member)
        elif key not in _INFORMATION:
            found = [Problem("", f"unknown key{did_you_mean(key, readers)}")]
        problems += [problem.within(key) for problem in found]
    if problems:
        raise InvalidPolicy(problems)
    return made


def _policy(value: object) -> Policy:
    policy = structure_policy(value)
    if problems := [
        Problem(place, "a suite cannot ask a script; remove it") for place, _ in scripts_of(policy)
    ]:
        raise InvalidPolicy(problems)
    return policy


def _lists(value: object) -> Lists:
    members = read_members(value)
    keys = each(members.items(), lambda keys: frozenset(read_pubkeys(keys, None)))
    return dict(zip(members, keys, strict=True))


def _cases(value: object) -> tuple[Case, ...]:
    if not isinstance(value, list) or not value:
        raise _invalid("expected a list of at least one case")
    return tuple(each(((f"[{i}]", case) for i, case in enumerate(value)), _case))


def _access(value: object) -> str:
    text = read_text(value)
    if text not in ("write", "read"):
        hint = did_you_mean(text, ("write", "read"))
        raise _invalid(f"{text!r:.60} is neither 'write' nor 'read'{hint}")
    return text


def _authed(value: object) -> tuple[str, ...]:
    return (read_pubkey(value),) if read_text(value) else ()


def _now(value: object) -> int:
    return whole_number("seconds")(value, None)


def _invalid(message: str) -> InvalidPolicy:
    return InvalidPolicy([Problem("", message)])


_INFORMATION = frozenset({"orly_0_31_7", "because"})
"""Further keys in a case of the conformance vectors."""

_SUITE: Mapping[str, Callable[[object], Any]] = {
    "name": read_text,
    "now": _now,
    "policy": _policy,
    "follows": read_follows,
    "lists": _lists,
    "cases": _cases,
}
_CASE: Mapping[str, Callable[[object], Any]] = {
    "access": _access,
    "event": read_event,
    "allowed": read_boolean,
    "authed": _authed,
    "ip": read_text,
}
