"""What two rules mean differently about who may: sections 2.2 to 2.6 of the spec.

A rule divides submitters into those whom its deny lists name, those whom something in it grants,
and all others, whom it denies, grants or leaves to the rest of the policy.
"""

from collections.abc import Iterable, Iterator
from enum import IntEnum
from typing import Final

import attrs

from .changes import Change
from .models import GlobalRule, Policy, Rule
from .problems import join
from .writing import plain

_ACCESSES: Final = ("write", "read")
_FIELDS: Final = (
    "write_deny",
    "read_deny",
    "write_allow",
    "read_allow",
    "privileged",
    "write_allow_follows",
    "follows_whitelist_admins",
    "write_follows_whitelist",
    "read_follows_whitelist",
    "write_allow_if_tagged",
)
_GRANTED: Final = {
    "{access}_allow": "{access}s by {key}",
    "privileged": "{access}s by the author and those whom p tags name",
    "write_allow_follows": "{access}s by those whom a policy admin follows",
    "follows_whitelist_admins": "{access}s by those whom {key} follows",
    "{access}_follows_whitelist": "{access}s by {key} and those whom {key} follows",
    "write_allow_if_tagged": "{access}s with a p tag that names {key}",
}
"""The fields that let somebody in, and whom."""
_CLOSING: Final = (
    "{access}_allow",
    "privileged",
    "{access}_follows_whitelist",
    "write_allow_if_tagged",
)
"""Those that keep everybody else out."""
_ONE_ACCESS: Final = {"privileged": "read", "write_allow_if_tagged": "write"}
_GRANTED_ELSEWHERE: Final = ", where something else grants them"


class Outcome(IntEnum):
    """What a rule says of somebody."""

    DENY = 0
    PASS = 1
    GRANT = 2


@attrs.frozen
class _Who:
    """Whom a rule lets in for one access."""

    denied: frozenset[str]
    granted: frozenset[tuple[str, str]]
    """The field and the key; without a key where the field is a switch."""
    others: Outcome
    """What it says of those who are in neither."""


def access_changes(
    place: str, was: Rule, is_now: Rule, old: Policy, new: Policy
) -> Iterator[Change]:
    """What a rule means differently about who may, field by field."""
    effects: dict[str, tuple[list[str], list[str]]] = {field: ([], []) for field in _FIELDS}
    default = new.default_policy
    for access in _ACCESSES:
        before, after = _who(was, access, old), _who(is_now, access, new)
        for field, index, text in _effects(access, before, after, default):
            where = field or _first_changed(access, was, is_now)
            if text not in effects[where][index]:
                effects[where][index].append(text)
    for field, (allowed, refused) in effects.items():
        if allowed or refused:
            yield Change(
                join(place, field),
                _shown(was, field, old),
                _shown(is_now, field, new),
                tuple(allowed),
                tuple(refused),
            )


_ALLOWED, _REFUSED = 0, 1


def _effects(
    access: str, before: _Who, after: _Who, default: str
) -> Iterator[tuple[str, int, str]]:
    """The field (empty: whichever closes or opens the rule), allowed or refused, and what."""
    yield from _denials(access, before, after, default)
    for field, key in sorted(after.granted - before.granted):
        if key not in after.denied and _gains(before.others, Outcome.GRANT, default):
            yield field, _ALLOWED, _granted(access, field, key)
    for field, key in sorted(before.granted - after.granted):
        if key not in before.denied and _gains(after.others, Outcome.GRANT, default):
            yield field, _REFUSED, _granted(access, field, key)
    yield from _of_others(access, before, after, default)


def _denials(
    access: str, before: _Who, after: _Who, default: str
) -> Iterator[tuple[str, int, str]]:
    also = " (as submitter or author)" if access == "write" else ""
    field = f"{access}_deny"
    for key in sorted(after.denied - before.denied):
        yield field, _REFUSED, f"{access}s by {key}{also}"
    for key in sorted(before.denied - after.denied):
        let_in = (f"{access}_allow", key) in after.granted or _lets_in(after.others, default)
        yield field, _ALLOWED, f"{access}s by {key}{also}{'' if let_in else _GRANTED_ELSEWHERE}"


def _of_others(
    access: str, before: _Who, after: _Who, default: str
) -> Iterator[tuple[str, int, str]]:
    named = before.denied or before.granted or after.denied or after.granted
    whom = f"{access}s by everybody{' else' if named else ''}"
    low, high = sorted((before.others, after.others))
    if _gains(low, high, default):
        only_if = "" if _lets_in(high, default) else _GRANTED_ELSEWHERE
        yield "", _ALLOWED if after.others == high else _REFUSED, whom + only_if


def _gains(low: Outcome, high: Outcome, default: str) -> bool:
    """Whether the higher outcome can let in whom the lower one does not."""
    if default == "allow":
        return low is Outcome.DENY and high is not Outcome.DENY
    return low < high


def _lets_in(outcome: Outcome, default: str) -> bool:
    return outcome is Outcome.GRANT or (outcome is Outcome.PASS and default == "allow")


def _granted(access: str, field: str, key: str) -> str:
    pattern = next(p for name, p in _GRANTED.items() if name.format(access=access) == field)
    return pattern.format(access=access, key=key)


def _who(rule: Rule, access: str, policy: Policy) -> _Who:
    granted = frozenset(_grants(rule, access, policy))
    closing = {name.format(access=access) for name in _CLOSING}
    denied = frozenset(getattr(rule, f"{access}_deny"))
    if any(field in closing for field, _ in granted):
        others = Outcome.DENY
    elif isinstance(rule, GlobalRule):
        others = Outcome.PASS
    else:
        opens = bool(denied) or getattr(rule, f"{access}_allow") == ()
        others = Outcome.GRANT if opens else Outcome.PASS
    return _Who(denied, granted, others)


def _grants(rule: Rule, access: str, policy: Policy) -> Iterator[tuple[str, str]]:
    for pattern in _GRANTED:
        field = pattern.format(access=access)
        if _ONE_ACCESS.get(field, access) == access:
            yield from ((field, key) for key in _keys(rule, field, policy))


def _keys(rule: Rule, field: str, policy: Policy) -> Iterable[str]:
    value = _value(rule, field, policy)
    if isinstance(value, bool):
        return ("",) if value else ()
    return value or ()


def _value(rule: Rule, field: str, policy: Policy) -> tuple[str, ...] | bool | None:
    """The field's; ``write_allow_follows`` counts only where the policy's switch is on."""
    value: tuple[str, ...] | bool | None = getattr(rule, field)
    if field == "write_allow_follows":
        return bool(value) and policy.policy_follow_whitelist_enabled
    return value


def _shown(rule: Rule, field: str, policy: Policy) -> object:
    return plain(_value(rule, field, policy))


def _first_changed(access: str, was: Rule, is_now: Rule) -> str:
    """The field that closed or opened the rule: one of these has changed then."""
    fields = [name.format(access=access) for name in (*_CLOSING, "{access}_deny")]
    of_access = [name for name in fields if _ONE_ACCESS.get(name, access) == access]
    return next(name for name in of_access if getattr(was, name) != getattr(is_now, name))
