"""Keys that a list lets in and another keeps out: a deny list always wins."""

from collections.abc import Collection, Iterator

from ..policy import Rule, rules_of
from ..policy.fields import BOTH, Access
from ..policy.named_lists import SIGN
from ..policy.who import Step, Whom
from ..policy.who_may import Way, listing_field, ways
from .in_effect import rules_for
from .slip import Check, Examined, Slip


def _places_of_denial(examined: Examined, rule: Rule, access: Access) -> dict[str, str]:
    """Each item of the deny lists that hold beside a rule, names of lists and the keys of those
    that are known included, with the place of the list.
    """
    policy = examined.policy
    kind = next((kind for kind, each in policy.rules.items() if each is rule), None)
    denied: dict[str, str] = {}
    for place, each in rules_for(policy, kind):
        for way in ways(each, access, policy):
            if way.who.step is Step.DENY:
                for item in (*way.written, *way.all_keys(examined.lists)):
                    denied.setdefault(item, f"{place}.{way.field}")
    return denied


def _denied_allow_lists(examined: Examined, *, wholly: bool) -> Iterator[Slip]:
    """The allow lists that name somebody whom a deny list names as well.

    :param wholly: those that let nobody in then; or else the others, item by item.
    """
    for place, rule in rules_of(examined.policy):
        for access in BOTH:
            name = listing_field(access, Step.ALLOW)
            items = getattr(rule, name) or ()
            denied = _places_of_denial(examined, rule, access)
            where = f"{place}.{name}"
            if items and denied and _lets_nobody_in(examined, rule, access, denied):
                if wholly:
                    yield Slip(
                        where,
                        f"all of its keys are denied by {_lists_in(denied, items, examined)}, "
                        f"so nobody may {access}",
                        "take from the deny list who is to be let in",
                    )
            elif not wholly:
                for i, item in enumerate(items):
                    if item in denied:
                        yield Slip(
                            f"{where}[{i}]",
                            f"{denied[item]} has it as well, and a deny list always wins",
                            "keep it in one of the two lists",
                        )


def _lets_nobody_in(
    examined: Examined, rule: Rule, access: Access, denied: Collection[str]
) -> bool:
    """Whether the rule lets in by its allow list alone, and all of that is denied."""
    letting_in = [
        way for way in ways(rule, access, examined.policy) if way.who.step is not Step.DENY
    ]
    if [way.who.whom for way in letting_in] != [Whom.LISTED] or _asks_plugins(rule):
        return False
    [way] = letting_in
    return all(key in denied for key in _known_items(way, examined))


def _known_items(way: Way, examined: Examined) -> Iterator[str]:
    """The keys of a list, and those of the named lists in it; the name where these are not
    known.
    """
    yield from way.keys
    for name in way.lists:
        yield from examined.lists.get(name, ()) or [f"{SIGN}{name}"]


def _asks_plugins(rule: Rule) -> bool:
    """Whether a criterion may let somebody in besides."""
    return bool(rule.criteria)


def _lists_in(denied: dict[str, str], items: Collection[str], examined: Examined) -> str:
    keys = {*items}.union(*(examined.lists.get(item.removeprefix(SIGN), ()) for item in items))
    return " and ".join(dict.fromkeys(denied[key] for key in sorted(keys & denied.keys())))


def _keys_in_both(examined: Examined) -> Iterator[Slip]:
    return _denied_allow_lists(examined, wholly=False)


def _emptied_lists(examined: Examined) -> Iterator[Slip]:
    return _denied_allow_lists(examined, wholly=True)


def _denied_owners(examined: Examined) -> Iterator[Slip]:
    policy = examined.policy
    owners = frozenset(policy.owners).union(examined.owners)
    for place, rule in rules_of(policy):
        for access in BOTH:
            name = listing_field(access, Step.DENY)
            for i, item in enumerate(getattr(rule, name)):
                named = item.removeprefix(SIGN) if item.startswith(SIGN) else ""
                if owners & (examined.lists.get(named, frozenset()) if named else {item}):
                    whom = f"an owner is in the list {item}" if named else "this is an owner"
                    yield Slip(
                        f"{place}.{name}[{i}]",
                        f"{whom}, who may then not {access}",
                        "take the key from the list, or from owners",
                    )


CHECKS = (
    Check("allowed-and-denied", _keys_in_both),
    Check("all-are-denied", _emptied_lists),
    Check("owner-is-denied", _denied_owners),
)
