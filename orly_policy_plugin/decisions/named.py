"""The keys that the policy in force names, told from throwaway keys (section 6 of the spec).

Owners, policy admins, who is in an allow list, and whom somebody follows whose follow list
grants.
"""

from collections.abc import Collection, Iterator, Sequence

import attrs

from ..authority.contributions import Extension
from ..policy import Lists, Policy, Rule
from ..policy.fields import BOTH
from ..policy.who import Step
from ..policy.who_may import Way, authors_needed, ways
from .added import Added
from .conditions import Keys
from .rules import RuleCompiler


@attrs.frozen
class Named:
    """The keys that a policy names."""

    lists: tuple[frozenset[str], ...] = ()
    follow_lists: tuple[Collection[str], ...] = ()
    """Those that admins' contributions use: see :class:`.access.FollowedByOneOf`."""

    def names_one_of(self, keys: Keys) -> bool:
        """Whether one of the keys of a submitter is named."""
        if any(not listed.isdisjoint(keys) for listed in self.lists):
            return True
        return any(key in listed for listed in self.follow_lists for key in keys)


def named_by(policy: Policy, added: Added, compiler: RuleCompiler) -> Named:
    """Collect the keys that a policy and its contributions name."""
    rules = [policy.rule_of_all, *policy.rules.values()]
    by_admins: list[Rule | Extension] = [
        *(each.rule for each in added.rules.values()),
        *(each.total for each in added.to_rules.values()),
        added.to_global.total,
    ]
    lists = compiler.lists
    following = _authors(rules, policy, lists)
    allowing = tuple(_allowing(rules, policy))
    named = {name for way in allowing for name in way.lists}
    return Named(
        (
            compiler.exempt.keys,
            *(compiler.sets.of(tuple(way.keys)) for way in allowing if way.keys),
            *(lists[name] for name in named if name in lists),
            compiler.followed_by(following),
            frozenset().union(*(way.keys for way in _allowing(by_admins, policy))),
        ),
        compiler.lists_of(_authors(by_admins, policy, lists) - following),
    )


def _authors(parts: Sequence[Rule | Extension], policy: Policy, lists: Lists) -> frozenset[str]:
    return frozenset().union(*(authors_needed(part, policy, lists) for part in parts))


def _allowing(parts: Sequence[Rule | Extension], policy: Policy) -> Iterator[Way]:
    """The allow lists of both accesses."""
    for part in parts:
        for access in BOTH:
            yield from (way for way in ways(part, access, policy) if way.who.step is Step.ALLOW)
