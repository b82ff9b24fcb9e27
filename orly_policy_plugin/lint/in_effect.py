"""What a policy says for one kind, its global rule and the kind's own together."""

from collections.abc import Iterator
from typing import Any

from ..policy import Duration, Lists, Policy, Rule
from ..policy.fields import Access, value_in_effect
from ..policy.who import Whom
from ..policy.who_may import Way, ways_in


def rules_for(policy: Policy, kind: int | None) -> Iterator[tuple[str, Rule]]:
    """The rules that hold for a kind, each with its place in the file.

    :param kind: ``None`` for one that has no rule.
    """
    if policy.global_rule is not None:
        yield "global", policy.global_rule
    if kind is not None and kind in policy.rules:
        yield f"rules.{kind}", policy.rules[kind]


def kinds_and_none(policy: Policy) -> Iterator[int | None]:
    """Every kind that has a rule, and ``None`` for those that have none."""
    yield None
    yield from policy.rules


def is_open(policy: Policy, kind: int, access: Access) -> bool:
    """Whether the kind filter lets a kind on."""
    if policy.kind.whitelist:
        return kind in policy.kind.whitelist or policy.rule_of_all.lifts_whitelist(access)
    return kind not in policy.kind.blacklist


def limit_in_effect(rule: Rule, name: str) -> Any:
    """A limit in its unit, a duration in seconds; ``None`` where there is none."""
    value = value_in_effect(rule, name)
    return value.seconds if isinstance(value, Duration) else value


def only_list(rule: Rule, access: Access, policy: Policy) -> Way | None:
    """The allow list of a rule that lets in by nothing else."""
    letting_in = ways_in(rule, access, policy)
    if rule.criteria or [way.who.whom for way in letting_in] != [Whom.LISTED]:
        return None
    return letting_in[0]


def sets_of(way: Way, lists: Lists) -> tuple[frozenset[str], ...]:
    """The keys that a list has itself, and those of its named lists that are known: sets of their
    own, since a list may have a million keys and be in a thousand rules.
    """
    return frozenset(way.keys), *(lists[name] for name in way.lists if name in lists)
