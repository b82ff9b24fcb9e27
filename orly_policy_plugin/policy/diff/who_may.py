"""Differences of two rules in who may (sections 2.2 to 2.6 of the spec).

A rule divides submitters into those whom its deny lists name, those whom something in it grants,
and all others, whom it denies, grants or leaves to the rest of the policy.
"""

from collections.abc import Iterator
from typing import Final

import attrs

from ..fields import BOTH, Access, fields_of
from ..models import Policy, Rule
from ..problems import join
from ..who import Step, Who, Whom
from ..who_may import ForOthers, fields_at, for_others, listing_field, ways, ways_in
from ..writing import plain
from .change import Change

_GRANTED_ELSEWHERE: Final = ", where something else grants them"
_ALLOWED, _REFUSED = 0, 1


@attrs.frozen
class _Admitted:
    """The people whom a rule lets in for one access."""

    denied: frozenset[str]
    granted: frozenset[tuple[str, str]]
    """The field and the key; without a key where the field is a switch."""
    others: ForOthers


def who_may_changes(
    place: str, was: Rule, is_now: Rule, old: Policy, new: Policy
) -> Iterator[Change]:
    """Compare who may by two rules, field by field."""
    effects: dict[str, tuple[list[str], list[str]]] = {
        name: ([], []) for name, field in fields_of(Rule).items() if field.who
    }
    for access in BOTH:
        before, after = _admitted(was, access, old), _admitted(is_now, access, new)
        for name, index, text in _effects(access, before, after, new.default_policy):
            where = name or _closing_or_opening(access, was, is_now)
            if text not in effects[where][index]:
                effects[where][index].append(text)
    for name, (allowed, refused) in effects.items():
        if allowed or refused:
            yield Change(
                join(place, name),
                _shown(was, name, old),
                _shown(is_now, name, new),
                tuple(allowed),
                tuple(refused),
            )


def _effects(
    access: Access, before: _Admitted, after: _Admitted, default: str
) -> Iterator[tuple[str, int, str]]:
    """The field (empty: whichever closes or opens the rule), allowed or refused, and what."""
    yield from _denials(access, before, after, default)
    for field, key in sorted(after.granted - before.granted):
        if key not in after.denied and _gains(before.others, ForOthers.GRANT, default):
            yield field, _ALLOWED, _of_field(access, field, key)
    for field, key in sorted(before.granted - after.granted):
        if key not in before.denied and _gains(after.others, ForOthers.GRANT, default):
            yield field, _REFUSED, _of_field(access, field, key)
    yield from _of_others(access, before, after, default)


def _denials(
    access: Access, before: _Admitted, after: _Admitted, default: str
) -> Iterator[tuple[str, int, str]]:
    field, listed = listing_field(access, Step.DENY), listing_field(access, Step.ALLOW)
    for key in sorted(after.denied - before.denied):
        yield field, _REFUSED, _of_field(access, field, key)
    for key in sorted(before.denied - after.denied):
        let_in = (listed, key) in after.granted or _lets_in(after.others, default)
        only_if = "" if let_in else _GRANTED_ELSEWHERE
        yield field, _ALLOWED, _of_field(access, field, key) + only_if


def _of_others(
    access: Access, before: _Admitted, after: _Admitted, default: str
) -> Iterator[tuple[str, int, str]]:
    named = before.denied or before.granted or after.denied or after.granted
    whom = f"{access}s by everybody{' else' if named else ''}"
    low, high = sorted((before.others, after.others))
    if _gains(low, high, default):
        only_if = "" if _lets_in(high, default) else _GRANTED_ELSEWHERE
        yield "", _ALLOWED if after.others == high else _REFUSED, whom + only_if


def _gains(low: ForOthers, high: ForOthers, default: str) -> bool:
    """Whether the higher outcome can let in whom the lower one does not."""
    if default == "allow":
        return low is ForOthers.DENY and high is not ForOthers.DENY
    return low < high


def _lets_in(outcome: ForOthers, default: str) -> bool:
    return outcome is ForOthers.GRANT or (outcome is ForOthers.PASS and default == "allow")


def _of_field(access: Access, name: str, key: str) -> str:
    who = fields_of(Rule)[name].who
    assert who is not None
    return in_words(access, who, key)


def in_words(access: Access, who: Who, key: str) -> str:
    """The accesses that a field lets in or keeps out, for one key of it: ``reads by …``."""
    also = " (as submitter or author)" if who.step is Step.DENY and access == "write" else ""
    return f"{access}s {who.whom.of_one.format(key=key)}{also}"


def _admitted(rule: Rule, access: Access, policy: Policy) -> _Admitted:
    denied = {
        key
        for way in ways(rule, access, policy)
        if way.who.step is Step.DENY
        for key in way.written
    }
    granted = {
        (way.field, key)
        for way in ways_in(rule, access, policy)
        for key in (way.written if way.who.whom.names_keys else ("",))
    }
    return _Admitted(frozenset(denied), frozenset(granted), for_others(rule, access, policy))


def _shown(rule: Rule, name: str, policy: Policy) -> object:
    """The JSON value; ``write_allow_follows`` counts only where the policy's switch is on."""
    who = fields_of(Rule)[name].who
    value = getattr(rule, name)
    if who and who.whom is Whom.FOLLOWED_BY_ADMINS:
        return bool(value) and policy.policy_follow_whitelist_enabled
    return plain(value)


def _closing_or_opening(access: Access, was: Rule, is_now: Rule) -> str:
    """The field that closed or opened the rule: one of these has changed then."""
    steps = (Step.ALLOW, Step.DENY)
    fields = [name for step in steps for name in fields_at(step, access)]
    return next(name for name in fields if getattr(was, name) != getattr(is_now, name))
