"""Differences in meaning: place by place, what is newly allowed and newly refused.

Of each place by itself: what is newly allowed here may still be refused elsewhere. Where the
direction cannot be told (a regex, a script), both are empty. What says the same in other words
(another order, ``P1D`` for ``PT24H``, a list that was empty anyway) is no difference.
"""

from collections.abc import Iterator
from typing import Final

from ..models import Policy, Rule
from ..writing import plain
from .change import Change, added_and_removed
from .constraints import constraint_changes
from .kinds import kind_changes
from .who_may import who_may_changes


def changes_of_meaning(old: Policy, new: Policy) -> list[Change]:
    """Every place at which the policies mean something different, from the top of the file on."""
    return list(_changes(old, new))


def _changes(old: Policy, new: Policy) -> Iterator[Change]:
    yield from _default(old, new)
    yield from kind_changes(old, new)
    yield from _rule("global", old.rule_of_all, new.rule_of_all, old, new)
    for kind in sorted(old.rules.keys() | new.rules.keys()):
        was, is_now = old.rules.get(kind, _NO_RULE), new.rules.get(kind, _NO_RULE)
        yield from _rule(f"rules.{kind}", was, is_now, old, new)
    yield from _authorities(old, new)
    yield from _plugins(old, new)
    yield from _lists(old, new)


_NO_RULE: Final = Rule()


def _default(old: Policy, new: Policy) -> Iterator[Change]:
    was, is_now = old.default_policy, new.default_policy
    what = ("whatever no rule grants or denies",)
    if (was, is_now) == ("allow", "deny"):
        yield Change("default_policy", was, is_now, refused=what)
    elif was != is_now:
        yield Change("default_policy", was, is_now, allowed=what)


# --- a rule


def _rule(place: str, was: Rule, is_now: Rule, old: Policy, new: Policy) -> Iterator[Change]:
    yield from constraint_changes(place, was, is_now)
    yield from who_may_changes(place, was, is_now, old, new)


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


def _plugins(old: Policy, new: Policy) -> Iterator[Change]:
    """What their settings mean only they know."""
    for name in sorted(old.plugins.keys() | new.plugins.keys()):
        was, is_now = old.plugins.get(name), new.plugins.get(name)
        if was != is_now:
            yield Change(f"plugins.{name}", plain(was), plain(is_now))


def _lists(old: Policy, new: Policy) -> Iterator[Change]:
    """Whom another source lets in or keeps out is for its content to say."""
    for name in sorted(old.lists.keys() | new.lists.keys()):
        was, is_now = old.lists.get(name), new.lists.get(name)
        if was != is_now:
            yield Change(f"lists.{name}", plain(was), plain(is_now))


_FOLLOWED = ("what write_allow_follows grants to those whom {} follows",)


def _uses_follows(policy: Policy) -> bool:
    rules = (policy.rule_of_all, *policy.rules.values())
    return policy.policy_follow_whitelist_enabled and any(r.write_allow_follows for r in rules)
