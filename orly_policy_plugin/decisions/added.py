"""The sum of all standing contributions, by kind (section 9 of the spec).

Made in one pass over what they say, however often they say it. What a kind's plan needs is then
looked up, and costs a decision the same for one contribution and for a hundred.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

import attrs

from ..authority.contributions import NO_EXTENSION, Contribution, Extension
from ..policy import Policy, Rule
from ..policy.fields import Right, rights_in
from ..policy.who_may import ways_in

Extensions = list[tuple[str, Extension]]
"""The extensions of a rule, each with its contribution's event id, oldest first."""

_EXTENDED_BY: Final = {each.name: each.extending for each in rights_in(Rule)}
"""A rule's field, and the field of an extension that adds to it."""


@attrs.frozen
class AddedToRule:
    """The additions of contributions to one of the owner's rules."""

    where: str
    """In each of the contributions: ``rules_extend.1`` or ``global_extend``."""
    extensions: Extensions
    total: Extension
    """The sum of the extensions: all keys of their lists, the largest limits."""

    def place_of(self, field: str, keys: Iterable[str] = ()) -> str:
        """The place of an extension's list or switch: in the first that names one of the keys, or
        else in the first that has it.
        """
        wanted = frozenset(keys)
        written = [
            (event_id, value)
            for event_id, extension in self.extensions
            if (value := getattr(extension, field))
        ]
        naming = (each for each in written if wanted and not wanted.isdisjoint(each[1]))
        event_id, _ = next(naming, written[0])
        return _place(event_id, f"{self.where}.{field}")

    def raised(self, name: str, own: tuple[str, Any]) -> tuple[str, Any]:
        """The place and the value of a limit: the owner's own, or a larger one that is added.

        :param name: the rule's field.
        """
        if (extending := _EXTENDED_BY.get(name)) is None:
            return own
        most = getattr(self.total, extending)
        if most is None or most <= own[1]:
            return own
        event_id = next(
            event_id
            for event_id, extension in self.extensions
            if getattr(extension, extending) == most
        )
        return _place(event_id, f"{self.where}.{extending}"), most

    def opens_reads(self, policy: Policy) -> bool:
        """Whether somebody may read what the owner's rule does not let them read."""
        return bool(ways_in(self.total, "read", policy)) or any(
            getattr(self.total, extending) is not None for extending in _RAISING
        )


_RAISING: Final = tuple(each.extending for each in rights_in(Rule) if each.right is Right.RAISE)


@attrs.frozen
class AddedRule:
    """A rule for a kind that the owner has none for."""

    place: str
    rule: Rule


@attrs.frozen
class Added:
    """The additions of contributions to a policy. Where several say the same, the oldest has the
    place.
    """

    whitelist: Mapping[int, str]
    """Kinds with the place that adds them."""
    blacklist: Mapping[int, str]
    """The same for those that are denied."""
    rules: Mapping[int, AddedRule]
    to_rules: Mapping[int, AddedToRule]
    to_global: AddedToRule


def add_up(contributions: Iterable[Contribution]) -> Added:
    """Sum contributions up.

    :param contributions: those that stand, oldest first.
    """
    whitelist: dict[int, str] = {}
    blacklist: dict[int, str] = {}
    rules: dict[int, AddedRule] = {}
    to_rules: defaultdict[int, Extensions] = defaultdict(list)
    to_global: Extensions = []
    for made in contributions:
        _list(whitelist, made.kind_whitelist_add, _place(made.event_id, "kind_whitelist_add"))
        _list(blacklist, made.kind_blacklist_add, _place(made.event_id, "kind_blacklist_add"))
        for kind, rule in made.rules_add.items():
            place = _place(made.event_id, f"rules_add.{kind}")
            rules.setdefault(kind, AddedRule(place, rule))
        for kind, extension in made.rules_extend.items():
            to_rules[kind].append((made.event_id, extension))
        if made.global_extend is not None:
            to_global.append((made.event_id, made.global_extend))
    return Added(
        whitelist,
        blacklist,
        rules,
        {kind: _merged(f"rules_extend.{kind}", of_kind) for kind, of_kind in to_rules.items()},
        _merged("global_extend", to_global),
    )


def _list(kinds: dict[int, str], added: Iterable[int], place: str) -> None:
    for kind in added:
        kinds.setdefault(kind, place)


def _place(event_id: str, where: str) -> str:
    return f"contributions.{event_id}.{where}"


def _merged(where: str, extensions: Extensions) -> AddedToRule:
    return AddedToRule(where, extensions, _total([extension for _, extension in extensions]))


def _total(extensions: list[Extension]) -> Extension:
    """The sum of extensions: lists as one set, the largest limit, any switch."""
    together: dict[str, Any] = {}
    for each in rights_in(Rule):
        said = [value for one in extensions if (value := getattr(one, each.extending))]
        if not said:
            continue
        if each.right is Right.RAISE:
            together[each.extending] = max(said)
        elif each.right is Right.SWITCH_ON:
            together[each.extending] = True
        else:
            together[each.extending] = frozenset().union(*said)
    return attrs.evolve(NO_EXTENSION, **together)
