"""Whom the policy in force names: those are told from throwaway keys (section 6 of the spec).

Owners, policy admins, who stands in an allow list, and whom somebody follows whose follow list
grants.
"""

from collections.abc import Collection, Iterator
from typing import Final

import attrs

from ..authority.contributions import authors_in
from ..policy import Policy, Rule
from .added import Added
from .conditions import Keys
from .rules import RuleCompiler


@attrs.frozen
class Named:
    """The keys that a policy names."""

    lists: tuple[frozenset[str], ...] = ()
    follow_lists: tuple[Collection[str], ...] = ()
    """What admins' contributions use: see :class:`.access.FollowedByOneOf`."""

    def names_one_of(self, keys: Keys) -> bool:
        """Whether one of the keys of a submitter is named."""
        if any(not listed.isdisjoint(keys) for listed in self.lists):
            return True
        return any(key in listed for listed in self.follow_lists for key in keys)


def named_by(policy: Policy, added: Added, compiler: RuleCompiler) -> Named:
    """Whom a policy and its contributions name."""
    rules = [*policy.rules.values(), *([policy.global_rule] if policy.global_rule else [])]
    added_rules = [each.rule for each in added.rules.values()]
    to_rules = [*added.to_rules.values(), *([added.to_global] if added.to_global else [])]
    following = {author for rule in rules for author in authors_in(rule)}
    if policy.policy_follow_whitelist_enabled and (
        any(rule.write_allow_follows for rule in (*rules, *added_rules))
        or any(each.admins_follows for each in to_rules)
    ):
        following.update(policy.policy_admins)
    by_admins = frozenset().union(
        *(listed for rule in added_rules for listed in _allow_lists(rule)),
        *(each.keys[field] for each in to_rules for field in _ALLOW_ADDS),
    )
    authors = frozenset().union(
        *map(authors_in, added_rules), *(each.authors for each in to_rules)
    )
    owners_lists = (compiler.sets.of(listed) for rule in rules for listed in _allow_lists(rule))
    return Named(
        (
            compiler.exempt.keys,
            *(listed for listed in owners_lists if listed),
            compiler.followed_by(following),
            by_admins,
        ),
        compiler.lists_of(authors - following),
    )


_ALLOW_ADDS: Final = ("write_allow_add", "read_allow_add")


def _allow_lists(rule: Rule) -> Iterator[tuple[str, ...]]:
    yield rule.write_allow or ()
    yield rule.read_allow or ()
    yield rule.write_follows_whitelist
    yield rule.read_follows_whitelist
    yield rule.write_allow_if_tagged
