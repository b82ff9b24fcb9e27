"""The authors whose follow lists a policy needs, and the lists of authors that it names (sections
7 and 14 of the spec).
"""

from collections.abc import Iterable, Sequence
from functools import cached_property

import attrs

from orly_policy_hookspecs.nip01 import Address, kinds

from ..authority.contributions import Contribution, Extension
from ..policy import Lists, Policy, Rule
from ..policy.named_lists import NO_LISTS
from ..policy.who_may import authors_needed
from .lists import name_of


@attrs.frozen
class NeededLists:
    """Authors whose lists decide something, and authors whose lists are kept all the same."""

    by_policy: frozenset[str]
    """Named by the owner's policy: decisions lack something without them."""
    by_contributions: frozenset[str]
    """Named by admins' contributions only."""
    kept: frozenset[str]
    """All of them, and the policy admins."""
    named: frozenset[Address]
    """The lists of authors that the owner's policy names in its section of lists, and those that
    two hops begin with."""

    @property
    def needed(self) -> frozenset[str]:
        """All whose lists decide something."""
        return self.by_policy | self.by_contributions

    def keeps(self, name: str) -> bool:
        """Whether what is kept under a name is needed. It is asked of each list that comes, where
        :attr:`names` would be a copy of what may be a million.
        """
        return name in self.kept or name in self._names_of_named

    _names_of_named: frozenset[str] = attrs.field(init=False, eq=False, repr=False)

    @_names_of_named.default
    def _named(self) -> frozenset[str]:
        return frozenset(map(name_of, self.named))

    @property
    def names(self) -> frozenset[str]:
        """The names under which what is needed is kept."""
        return self.kept | self._names_of_named

    @cached_property
    def addresses(self) -> frozenset[Address]:
        """The addresses of the events that hold what is needed. There may be a million, which
        takes seconds; afterwards they are known.
        """
        return self.named.union(Address(kinds.FOLLOW_LIST, author, "") for author in self.kept)


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
        frozenset(source.address for source in policy.lists.values() if source.address),
    )


def _by(
    policy: Policy, parts: Sequence[Rule | Extension], lists: Lists = NO_LISTS
) -> frozenset[str]:
    """The authors whom rules, and what extends them, need."""
    return frozenset().union(*(authors_needed(part, policy, lists) for part in parts))
