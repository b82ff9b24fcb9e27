"""Two allow lists of which somebody must be in both, and nobody is."""

from collections.abc import Iterator

from ..policy import Rule
from ..policy.fields import BOTH, Access
from ..policy.who import Step
from ..policy.who_may import listing_field
from .in_effect import only_list, sets_of
from .slip import Check, Examined, Slip


def _lists_that_share_nobody(examined: Examined) -> Iterator[Slip]:
    policy = examined.policy
    for access in BOTH:
        of_all = _all_who_may(examined, policy.rule_of_all, access)
        if of_all is None:
            continue
        name = listing_field(access, Step.ALLOW)
        for kind, rule in policy.rules.items():
            of_kind = _all_who_may(examined, rule, access)
            if of_kind is not None and all(a.isdisjoint(b) for a in of_kind for b in of_all):
                yield Slip(
                    f"rules.{kind}.{name}",
                    f"both lists must let a submitter in, and nobody of it is in global.{name}: "
                    f"nobody may {access} kind {kind}",
                    f"add these keys to global.{name}, or remove that one",
                )


def _all_who_may(
    examined: Examined, rule: Rule, access: Access
) -> tuple[frozenset[str], ...] | None:
    """The keys that a rule lets in; ``None`` where it lets in others, or that is not known."""
    way = only_list(rule, access, examined.policy)
    if way is None or not all(examined.lists.get(name) for name in way.lists):
        return None
    return sets_of(way, examined.lists)


CHECKS = (Check("lists-share-nobody", _lists_that_share_nobody),)
