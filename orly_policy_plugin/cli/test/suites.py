"""Policy test suites, read strictly.

A suite has ``cases``, and may have ``name``, ``now``, ``policy``, ``follows`` and ``lists``; a
case has ``access``, ``event``, ``allowed``, the right answer, and may have ``name``, ``authed``,
``ip``, ``now``, ``message`` and ``place``.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final, Literal

import attrs

from orly_policy_hookspecs.nip01 import FIELDS, FrozenEvent
from orly_policy_plugin.cli.inputs import read_event, read_follows, read_pubkey
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
from orly_policy_plugin.policy.strict_json import JsonObject
from orly_policy_plugin.policy.values import (
    checked,
    each,
    read_boolean,
    read_members,
    read_pubkeys,
    read_text,
    whole_number,
)

_OTHERWISE: Final = {"policy": "; or name one: --policy policy.json"}
"""What to do instead where a key is missing."""

Readers = Mapping[str, Callable[[object], Any]]
"""By the name of a member what reads it."""

_NO_KEY: Final = "0" * 64
"""The author of an event that nobody who authenticated is said to have written."""


class SuiteError(PolicyError):
    """A file, or a part of one, that is no policy test suite."""

    def __init__(self, where: str, problems: Iterable[object]) -> None:
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
    """The pubkeys that authenticated."""
    ip: str = ""
    now: int | None = None
    """Unix seconds; ``None``: the suite's."""
    name: str = ""
    message: str | None = None
    """The beginning of the message that the client gets; ``None``: any."""
    place: str | None = None
    """The place in the policy that decides; ``None``: any."""


@attrs.frozen
class Suite:
    """Questions to ask of a policy."""

    cases: tuple[Case, ...]
    now: int
    """Unix seconds."""
    policy: Policy | None = None
    """``None``: that of a file beside the suite."""
    name: str = ""
    follows: Mapping[str, tuple[str, ...]] | None = None
    lists: Lists = attrs.field(factory=dict)
    """The keys of the policy's named lists, whose files are not read."""

    def snapshot(self) -> Snapshot:
        """The suite's own policy, ready to be asked."""
        assert self.policy is not None
        return compile_policy(self.policy, follows=self.follows, lists=self.lists)


def read_suite(value: object, now: int = 0, *, beside_policy: bool = False) -> Suite:
    """A suite from a decoded value.

    :param now: where the suite does not say. Unix seconds.
    :param beside_policy: whether the policy is in a file of its own.
    :raises InvalidPolicy: with every problem of it.
    """
    given = value.get("now") if isinstance(value, dict) else None
    at = given if type(given) is int and given >= 0 else now
    readers: Readers = {**_SUITE, "cases": partial(_cases, now=at)}
    required = ("cases",) if beside_policy else ("policy", "cases")
    suite = Suite(**{"now": now, **_members(value, readers, required)})
    if suite.policy is None:
        return suite
    if beside_policy:
        raise _invalid("the policy is that of --policy; remove it", "policy")
    if problems := [
        Problem("lists", f"has no list {name!r}, which the policy names at {place}")
        for place, name in lists_named(suite.policy)
        if name not in suite.lists
    ]:
        raise InvalidPolicy(problems)
    return suite


def _case(value: object, now: int) -> Case:
    given = value if isinstance(value, dict) else {}
    at = given["now"] if type(given.get("now")) is int else now
    author = given.get("authed") or _NO_KEY
    readers: Readers = {**_CASE, "event": partial(_event, author=author, now=at)}
    return Case(**_members(value, readers, ("access", "event", "allowed")))


def _event(value: object, author: object, now: int) -> FrozenEvent:
    """An event, of which what does not matter may be left out: it is then of kind 1, by who
    authenticated, empty, and of now.
    """
    if not isinstance(value, dict) or value.keys() >= set(FIELDS):
        return read_event(value)
    if isinstance(value, JsonObject) and value.duplicates:
        raise _invalid(f"the key {value.duplicates[0]!r} occurs more than once; keep one")
    if unknown := [key for key in value if key not in FIELDS]:
        raise _invalid(f"unknown key{did_you_mean(unknown[0], FIELDS)}", unknown[0])
    key = author[0] if isinstance(author, list) and author else author
    try:
        pubkey = read_pubkey(key)
    except InvalidPolicy:
        pubkey = _NO_KEY  # told at authed
    defaults = {
        "id": "0" * 64,
        "pubkey": pubkey,
        "created_at": now,
        "kind": 1,
        "tags": [],
        "content": "",
        "sig": "0" * 128,
    }
    return read_event({**defaults, **value})


def _members(value: object, readers: Readers, required: tuple[str, ...]) -> dict[str, Any]:
    """An object's members, each read by its reader; those that only inform are left out."""
    given = read_members(value)
    problems = [
        Problem("", f"the key {key!r} is missing{_OTHERWISE.get(key, '')}")
        for key in required
        if key not in given
    ]
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
        Problem(place, "a suite cannot ask a script; remove it, or name the policy by --policy")
        for place, _ in scripts_of(policy)
    ]:
        raise InvalidPolicy(problems)
    return policy


def _lists(value: object) -> Lists:
    members = read_members(value)
    keys = each(members.items(), lambda keys: frozenset(read_pubkeys(keys, None)))
    return dict(zip(members, keys, strict=True))


def _cases(value: object, now: int) -> tuple[Case, ...]:
    if not isinstance(value, list) or not value:
        raise _invalid("expected a list of at least one case")
    read = partial(_case, now=now)
    return tuple(each(((f"[{i}]", case) for i, case in enumerate(value)), read))


def _access(value: object) -> str:
    text = read_text(value)
    if text not in ("write", "read"):
        hint = did_you_mean(text, ("write", "read"))
        raise _invalid(f"{text!r:.60} is neither 'write' nor 'read'{hint}")
    return text


def _authed(value: object) -> tuple[str, ...]:
    """A pubkey, several, or an empty text: nobody."""
    if isinstance(value, list):
        return tuple(each(((f"[{i}]", key) for i, key in enumerate(value)), read_pubkey))
    return (read_pubkey(value),) if read_text(value) else ()


def _now(value: object) -> int:
    return whole_number("seconds")(value, None)


def _invalid(message: str, place: str = "") -> InvalidPolicy:
    return InvalidPolicy([Problem(place, message)])


_INFORMATION = frozenset({"orly_0_31_7", "because"})
"""Further keys in a case of the conformance vectors."""

_SUITE: Final[Readers] = {
    "name": read_text,
    "now": _now,
    "policy": _policy,
    "follows": read_follows,
    "lists": _lists,
}
_CASE: Final[Readers] = {
    "access": _access,
    "allowed": read_boolean,
    "authed": _authed,
    "ip": read_text,
    "now": _now,
    "name": read_text,
    "message": read_text,
    "place": read_text,
}
