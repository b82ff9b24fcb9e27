"""Whose follow lists a policy needs (section 7 of the spec)."""

from collections.abc import Iterable

import attrs

from ..authority.contributions import Contribution, Extension, authors_in
from ..policy import Policy, Rule


@attrs.frozen
class NeededLists:
    """Authors whose lists decide something, and authors whose lists are kept all the same."""

    by_policy: frozenset[str]
    """Named by the owner's policy: decisions lack something without them."""
    by_contributions: frozenset[str]
    """Named by admins' contributions only."""
    kept: frozenset[str]
    """All of them, and the policy admins."""

    @property
    def needed(self) -> frozenset[str]:
        """All whose lists decide something."""
        return self.by_policy | self.by_contributions


def needed_lists(policy: Policy, contributions: Iterable[Contribution] = ()) -> NeededLists:
    """The authors whose follow lists a policy with its contributions needs.

    Policy admins' lists are needed only where a rule has ``write_allow_follows`` and the switch
    ``policy_follow_whitelist_enabled`` is on.
    """
    contributions = tuple(contributions)
    rules = [*policy.rules.values(), *([policy.global_rule] if policy.global_rule else [])]
    by_policy = _by_rules(policy, rules)
    added = [rule for contribution in contributions for rule in contribution.rules_add.values()]
    extensions = [each for contribution in contributions for each in contribution.extensions]
    by_contributions = _by_rules(policy, added) | _by_extensions(policy, extensions)
    return NeededLists(
        by_policy,
        by_contributions - by_policy,
        by_policy | by_contributions | frozenset(policy.policy_admins),
    )


def _by_rules(policy: Policy, rules: Iterable[Rule]) -> frozenset[str]:
    needed: set[str] = set()
    for rule in rules:
        needed.update(authors_in(rule))
        needed.update(_admins(policy, rule.write_allow_follows))
    return frozenset(needed)


def _by_extensions(policy: Policy, extensions: Iterable[Extension]) -> frozenset[str]:
    needed: set[str] = set()
    for extension in extensions:
        needed.update(extension.follows_whitelist_admins_add)
        needed.update(_admins(policy, extension.write_allow_follows))
    return frozenset(needed)


def _admins(policy: Policy, write_allow_follows: bool) -> tuple[str, ...]:
    switched_on = write_allow_follows and policy.policy_follow_whitelist_enabled
    return policy.policy_admins if switched_on else ()
