"""What two policies mean differently: place by place, what is newly allowed and newly refused.

Of each place by itself: what is newly allowed here may still be refused elsewhere. Where the
direction cannot be told (a regex, a script), both are empty. What says the same in other words
(another order, ``P1D`` for ``PT24H``, a list that was empty anyway) is no difference.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

import attrs

from .admission import access_changes
from .changes import Change, added_and_removed
from .models import GlobalRule, Policy, Rule
from .problems import join
from .writing import plain

_ALL_KINDS: Final = frozenset(range(65536))


def changes_of_meaning(old: Policy, new: Policy) -> list[Change]:
    """Every place at which the policies mean something different, from the top of the file on."""
    return list(_changes(old, new))


def _changes(old: Policy, new: Policy) -> Iterator[Change]:
    yield from _default(old, new)
    yield from _kinds(old, new)
    yield from _rule("global", _global(old), _global(new), old, new)
    for kind in sorted(old.rules.keys() | new.rules.keys()):
        was, is_now = old.rules.get(kind, _NO_RULE), new.rules.get(kind, _NO_RULE)
        yield from _rule(f"rules.{kind}", was, is_now, old, new)
    yield from _authorities(old, new)


_NO_RULE = Rule()


def _global(policy: Policy) -> GlobalRule:
    return policy.global_rule or GlobalRule()


def _default(old: Policy, new: Policy) -> Iterator[Change]:
    was, is_now = old.default_policy, new.default_policy
    what = ("whatever no rule grants or denies",)
    if (was, is_now) == ("allow", "deny"):
        yield Change("default_policy", was, is_now, refused=what)
    elif was != is_now:
        yield Change("default_policy", was, is_now, allowed=what)


# --- kinds


def _kinds(old: Policy, new: Policy) -> Iterator[Change]:
    """What the kind lists, and the switches that lift the whitelist, let pass."""
    writes = added_and_removed(_passing(old, "write"), _passing(new, "write"))
    reads = added_and_removed(_passing(old, "read"), _passing(new, "read"))
    shown = (plain(old.kind), plain(new.kind))
    if writes == reads:
        found = [("kind", "", writes)]
    else:
        found = [("kind", "writing ", writes), ("kind", "reading ", reads)]
    for place, access, (added, removed) in found:
        if added or removed:
            yield Change(
                place,
                *shown,
                allowed=_in_words(access, added),
                refused=_in_words(access, removed),
            )


def _passing(policy: Policy, access: str) -> frozenset[int]:
    whitelist, blacklist = policy.kind.whitelist, policy.kind.blacklist
    if not whitelist:
        return _ALL_KINDS - frozenset(blacklist)
    lifted = getattr(_global(policy), f"{access}_allow_permissive")
    return _ALL_KINDS if lifted else frozenset(whitelist)


def _in_words(access: str, kinds: frozenset[int]) -> tuple[str, ...]:
    if not kinds:
        return ()
    if len(kinds) <= len(_ALL_KINDS) // 2:
        return (f"{access}kinds {_numbers(kinds)}",)
    others = _ALL_KINDS - kinds
    return (f"{access}all kinds but {_numbers(others)}" if others else f"{access}all kinds",)


def _numbers(kinds: frozenset[int]) -> str:
    return ", ".join(
        f"{first}" if first == last else f"{first} to {last}" for first, last in _runs(kinds)
    )


def _runs(kinds: frozenset[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for kind in sorted(kinds):
        if runs and runs[-1][1] == kind - 1:
            runs[-1] = (runs[-1][0], kind)
        else:
            runs.append((kind, kind))
    return runs


# --- a rule


def _rule(place: str, was: Rule, is_now: Rule, old: Policy, new: Policy) -> Iterator[Change]:
    for field in CONSTRAINTS:
        before, after = field.value(was), field.value(is_now)
        if before != after:
            allowed, refused = field.effects(before, after)
            name = field.place(is_now if after is not None else was)
            yield Change(
                join(place, name), field.shown(was), field.shown(is_now), allowed, refused
            )
    for tag in sorted(was.tag_validation.keys() | is_now.tag_validation.keys()):
        before, after = was.tag_validation.get(tag), is_now.tag_validation.get(tag)
        if before != after:
            effects = _on(f"writes with a {tag} tag that does not match")(before, after)
            where = join(place, f"tag_validation.{tag}")
            yield Change(where, plain(before), plain(after), *effects)
    yield from access_changes(place, was, is_now, old, new)


Texts = tuple[str, ...]
Direction = Callable[[Any, Any], tuple[Texts, Texts]]
"""From an old and a new value that differ to what is newly allowed, and newly refused."""


def _at_most(between: str, beyond: str) -> Direction:
    """An upper limit; ``None`` is none. ``{}`` stands for the values."""

    def lower(limit: int, was: int | None) -> Texts:
        if was is None:
            return (beyond.format(limit),)
        span = f"{limit + 1} to {was}" if limit + 1 < was else f"{was}"
        return (between.format(span),)

    def direction(old: int | None, new: int | None) -> tuple[Texts, Texts]:
        if new is None or (old is not None and new > old):
            assert old is not None
            return lower(old, new), ()
        return (), lower(new, old)

    return direction


def _on(refuses: str) -> Direction:
    """A condition that is there or not; from one to another nothing can be said."""

    def direction(old: Any, new: Any) -> tuple[Texts, Texts]:
        if not old:
            return (), (refuses,)
        return ((refuses,), ()) if not new else ((), ())

    return direction


def _must_have(old: frozenset[str], new: frozenset[str]) -> tuple[Texts, Texts]:
    def without(tags: frozenset[str]) -> Texts:
        return tuple(f"writes without a {tag} tag" for tag in sorted(tags))

    return without(old - new), without(new - old)


def _only_these(old: frozenset[str], new: frozenset[str]) -> tuple[Texts, Texts]:
    """Empty: all."""

    def having(tags: frozenset[str]) -> Texts:
        return tuple(f"writes with a {tag} tag" for tag in sorted(tags))

    def others(tags: frozenset[str]) -> Texts:
        return (f"writes with other tags than {', '.join(sorted(tags))}",)

    if not old:
        return (), others(new)
    return (others(old), ()) if not new else (having(new - old), having(old - new))


def _undecided(_: Any, __: Any) -> tuple[Texts, Texts]:
    return (), ()


def _expiry_seconds(rule: Rule) -> int | None:
    duration = rule.max_expiry_duration
    return duration.seconds if duration else rule.max_expiry or None


def _expiry_field(rule: Rule) -> str:
    return "max_expiry_duration" if rule.max_expiry_duration else "max_expiry"


@attrs.frozen
class Constraint:
    """One field of a rule, and what a change of it allows and refuses."""

    field: str
    effects: Direction
    value: Callable[[Rule], Any]
    """What counts of it."""
    place: Callable[[Rule], str]
    """The field's name, where several say the same."""

    def shown(self, rule: Rule) -> Any:
        """The JSON value; ``None`` where it is not set."""
        found = plain(getattr(rule, self.place(rule)))
        return found if found or self.value(rule) is not None else None


def _constraint(
    field: str, effects: Direction, convert: Callable[[Any], Any] = lambda value: value
) -> Constraint:
    return Constraint(field, effects, lambda rule: convert(getattr(rule, field)), lambda _: field)


def _or_none(value: Any) -> Any:
    return value or None


CONSTRAINTS: Final = (
    _constraint("script", _undecided),
    _constraint("size_limit", _at_most("events of {} bytes", "events over {} bytes")),
    _constraint("content_limit", _at_most("content of {} bytes", "content over {} bytes")),
    _constraint("must_have_tags", _must_have, frozenset),
    _constraint("allowed_tags", _only_these, frozenset),
    Constraint(
        "max_expiry_duration",
        _at_most(
            "writes that expire {} s after created_at",
            "writes without an expiration, or with one over {} s after created_at",
        ),
        _expiry_seconds,
        _expiry_field,
    ),
    _constraint("protected_required", _on("writes without a - tag")),
    _constraint(
        "identifier_regex",
        _on("writes without a d tag, or with one that does not match"),
        lambda regex: regex and regex.text,
    ),
    _constraint("max_age_of_event", _at_most("writes {} s old", "writes over {} s old"), _or_none),
    _constraint(
        "max_age_event_in_future",
        _at_most("writes dated {} s ahead", "writes dated over {} s ahead"),
        _or_none,
    ),
    _constraint(
        "rate_limit",
        _at_most("writing at {} bytes per second", "writing at over {} bytes per second"),
        _or_none,
    ),
)
"""The fields that only deny, in the order of section 1 of the spec; ``tag_validation`` besides."""


# --- who may change the policy


def _authorities(old: Policy, new: Policy) -> Iterator[Change]:
    for name, may in (
        ("owners", "policies sent, and policy events read, by {}"),
        ("policy_admins", "contributions sent, and policy events read, by {}"),
    ):
        was, is_now = getattr(old, name), getattr(new, name)
        added, removed = added_and_removed(frozenset(was), frozenset(is_now))
        if added or removed:
            ways = (may, *(_FOLLOWED if name == "policy_admins" and _uses_follows(new) else ()))
            yield Change(
                name,
                list(was),
                list(is_now),
                tuple(way.format(key) for key in sorted(added) for way in ways),
                tuple(way.format(key) for key in sorted(removed) for way in ways),
            )


_FOLLOWED = ("what write_allow_follows grants to those whom {} follows",)


def _uses_follows(policy: Policy) -> bool:
    rules = (_global(policy), *policy.rules.values())
    return policy.policy_follow_whitelist_enabled and any(r.write_allow_follows for r in rules)
