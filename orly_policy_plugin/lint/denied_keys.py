"""Keys that a list lets in and another keeps out: a deny list always wins."""

from collections.abc import Iterator

import attrs

from ..policy import Rule, rules_of
from ..policy.fields import BOTH, Access
from ..policy.named_lists import SIGN
from ..policy.who import Step
from ..policy.who_may import Way, listing_field, ways
from .in_effect import only_list, sets_of
from .slip import Check, Examined, Slip


@attrs.frozen
class _DenyList:
    """A deny list of a rule."""

    place: str
    items: frozenset[str]
    """As they are written."""
    sets: tuple[frozenset[str], ...]
    """Its own keys, and those of the named lists that are known."""

    def denies(self, item: str) -> bool:
        """Whether it has a key, or a list's name."""
        return item in self.items or any(item in keys for keys in self.sets)


@attrs.frozen
class _AllowList:
    """An allow list of a rule, and the deny lists that hold beside it."""

    examined: Examined
    rule: Rule
    access: Access
    place: str
    items: tuple[str, ...]
    denied_by: tuple[_DenyList, ...]

    def denying(self, item: str) -> str | None:
        """The place of the first list that denies an item."""
        return next((each.place for each in self.denied_by if each.denies(item)), None)

    @property
    def lets_nobody_in(self) -> bool:
        """Whether it is the rule's only way in, and all that it has is denied."""
        way = only_list(self.rule, self.access, self.examined.policy)
        return way is not None and all(self.denying(item) for item in self._known_items(way))

    def _known_items(self, way: Way) -> Iterator[str]:
        """The keys, those of named lists too; of one that is not known, or of nobody, its name."""
        yield from way.keys
        for name in way.lists:
            yield from self.examined.lists.get(name) or [f"{SIGN}{name}"]


def _allow_lists(examined: Examined) -> Iterator[_AllowList]:
    """Those beside which there is a deny list."""
    for access in BOTH:
        allow = listing_field(access, Step.ALLOW)
        of_all = _deny_lists(examined, "global", examined.policy.rule_of_all, access)
        for place, rule in rules_of(examined.policy):
            own = () if place == "global" else _deny_lists(examined, place, rule, access)
            items = getattr(rule, allow)
            if items and (denied_by := (*of_all, *own)):
                where = f"{place}.{allow}"
                yield _AllowList(examined, rule, access, where, items, denied_by)


def _deny_lists(
    examined: Examined, place: str, rule: Rule, access: Access
) -> tuple[_DenyList, ...]:
    """A rule's own: one, or none."""
    return tuple(
        _DenyList(f"{place}.{way.field}", frozenset(way.written), sets_of(way, examined.lists))
        for way in ways(rule, access, examined.policy)
        if way.who.step is Step.DENY
    )


def _keys_in_both(examined: Examined) -> Iterator[Slip]:
    for allowed in _allow_lists(examined):
        if allowed.lets_nobody_in:
            continue  # told as a whole
        for i, item in enumerate(allowed.items):
            if by := allowed.denying(item):
                yield Slip(
                    f"{allowed.place}[{i}]",
                    f"{by} has it as well, and a deny list always wins",
                    "keep it in one of the two lists",
                )


def _emptied_lists(examined: Examined) -> Iterator[Slip]:
    for allowed in _allow_lists(examined):
        if allowed.lets_nobody_in:
            by = " and ".join(each.place for each in allowed.denied_by)
            yield Slip(
                allowed.place,
                f"all of its keys are denied by {by}, so nobody may {allowed.access}",
                "take from the deny list who is to be let in",
            )


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
