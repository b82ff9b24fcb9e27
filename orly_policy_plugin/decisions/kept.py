"""The plans that stay as they are when nothing but follow lists and named lists has changed."""

from collections.abc import Mapping

import attrs

from orly_policy_hookspecs.criteria import Registered

from ..authority.contributions import Extension
from ..policy import Lists, Policy, Rule
from ..policy.who_may import authors_needed
from .added import Added
from .deciding import Plan, Plans
from .rules import Follows


@attrs.frozen
class Touched:
    """The parts of a policy that look at one of some follow lists or named lists."""

    everything: bool
    """Whether the global rule does, and so the plan of every kind."""
    kinds: frozenset[int]
    """Kinds of which the owner's rule does, or what extends it."""
    rates: bool
    """Whether anything does: rates look at whom the whole policy names."""


def touched(
    policy: Policy,
    added: Added,
    authors: frozenset[str],
    names: frozenset[str],
    lists: Lists,
    criteria: Mapping[str, Registered],
) -> Touched:
    """Find what looks at the follow lists of these authors, or at the lists of these names.

    The plans of rules that admins add are not among it: they are made when they are asked for.

    :param lists: the named lists as they are now.
    :param criteria: of plugins: which lists the value of one names, only its plugin knows.
    """
    with_keys = {name for name, each in criteria.items() if each.criterion.read_with_keys}

    def looks(part: Rule | Extension | None) -> bool:
        if part is None:
            return False
        if names and isinstance(part, Rule):
            if not with_keys.isdisjoint(part.criteria):
                return True
            if any(not names.isdisjoint(each.names) for each in part.naming_lists.values()):
                return True
        return not authors.isdisjoint(authors_needed(part, policy, lists))

    if not (authors or names):
        return Touched(everything=False, kinds=frozenset(), rates=False)
    of_global = (policy.global_rule, added.to_global.total)
    everything = any(map(looks, of_global))
    kinds = frozenset(
        kind
        for kind, rule in policy.rules.items()
        if looks(rule) or (kind in added.to_rules and looks(added.to_rules[kind].total))
    )
    by_admins = any(looks(each.rule) for each in added.rules.values())
    return Touched(everything, kinds, rates=everything or bool(kinds) or by_admins)


def changed_lists(old: Lists, new: Lists) -> frozenset[str]:
    """The names of lists that have other keys. One that was not read again is the same object; to
    compare two of a million keys takes longer than to compile the plans that name them.
    """
    return frozenset(
        name for name in old.keys() | new.keys() if old.get(name) is not new.get(name)
    )


def changed_authors(old: Follows, new: Follows) -> frozenset[str]:
    """The authors whose follow lists differ."""
    return frozenset(
        author
        for author in old.keys() | new.keys()
        if (was := old.get(author)) is not (now := new.get(author)) and was != now
    )


@attrs.frozen
class Kept:
    """The plans of one access before follow lists and named lists changed."""

    plans: Plans
    touched: Touched

    def plan(self, kind: int) -> Plan | None:
        """The plan of a kind that the policy has a rule for, if it is what it would be now."""
        if self.touched.everything or kind in self.touched.kinds:
            return None
        plan = self.plans.for_kind(kind)
        return None if plan.rates and self.touched.rates else plan
