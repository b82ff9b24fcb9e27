"""Two allow lists of which somebody must be in both, and nobody is."""

from collections.abc import Collection, Iterator

from ..policy import Rule
from ..policy.fields import BOTH, Access
from ..policy.who import Step, Whom
from ..policy.who_may import listing_field, ways_in
from .slip import Check, Examined, Slip


def _lists_that_share_nobody(examined: Examined) -> Iterator[Slip]:
    policy = examined.policy
    for access in BOTH:
        in_all = _all_who_may(examined, policy.rule_of_all, access)
        if in_all is None:
            continue
        name = listing_field(access, Step.ALLOW)
        for kind, rule in policy.rules.items():
            of_kind = _all_who_may(examined, rule, access)
            if of_kind and frozenset(of_kind).isdisjoint(in_all):
                yield Slip(
                    f"rules.{kind}.{name}",
                    f"both lists must let a submitter in, and nobody of it is in global.{name}: "
                    f"nobody may {access} kind {kind}",
                    f"add these keys to global.{name}, or remove that one",
                )


def _all_who_may(examined: Examined, rule: Rule, access: Access) -> Collection[str] | None:
    """The keys that a rule lets in; ``None`` where it lets in others, or that is not known."""
    letting_in = ways_in(rule, access, examined.policy)
    if [way.who.whom for way in letting_in] != [Whom.LISTED] or rule.criteria:
        return None
    [way] = letting_in
    if not all(name in examined.lists for name in way.lists):
        return None
    return way.all_keys(examined.lists)


CHECKS = (Check("lists-share-nobody", _lists_that_share_nobody),)
