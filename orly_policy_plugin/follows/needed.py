"""The authors whose follow lists a policy needs (section 7 of the spec)."""

from collections.abc import Iterable, Sequence

import attrs

from ..authority.contributions import Contribution, Extension
from ..policy import Lists, Policy, Rule
from ..policy.named_lists import NO_LISTS
from ..policy.who_may import authors_needed


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


def needed_lists(
    policy: Policy, contributions: Iterable[Contribution] = (), lists: Lists = NO_LISTS
) -> NeededLists:
    """The authors whose follow lists a policy with its contributions needs.

    Policy admins' lists are needed only where a rule has ``write_allow_follows`` and the switch
    ``policy_follow_whitelist_enabled`` is on.

    :param lists: the named lists; one that is not among them names nobody.
    """
    contributions = tuple(contributions)
    by_policy = _by(policy, (policy.rule_of_all, *policy.rules.values()), lists)
    added = [rule for contribution in contributions for rule in contribution.rules_add.values()]
    extensions = [each for contribution in contributions for each in contribution.extensions]
    by_contributions = _by(policy, added) | _by(policy, extensions)
    return NeededLists(
        by_policy,
        by_contributions - by_policy,
        by_policy | by_contributions | frozenset(policy.policy_admins),
    )


def _by(
    policy: Policy, parts: Sequence[Rule | Extension], lists: Lists = NO_LISTS
) -> frozenset[str]:
    """The authors whom rules, and what extends them, need."""
    return frozenset().union(*(authors_needed(part, policy, lists) for part in parts))
