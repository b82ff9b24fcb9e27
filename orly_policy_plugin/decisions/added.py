"""What all contributions that stand add together, by kind (section 9 of the spec).

Made in one pass over what they say, however often they say it. What a kind's plan needs is then
looked up, and costs a decision the same for one contribution and for a hundred.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

import attrs

from ..authority.contributions import Contribution, Extension
from ..policy import Rule

Extensions = list[tuple[str, Extension]]
"""What contributions extend a rule by, each with its event id, oldest first."""

_LISTS: Final = ("write_allow_add", "read_allow_add", "write_deny_add", "read_deny_add")
_OVERRIDES: Final = (
    "size_limit_override",
    "content_limit_override",
    "max_age_of_event_override",
    "max_age_event_in_future_override",
)
_AUTHORS: Final = "follows_whitelist_admins_add"


@attrs.frozen
class AddedToRule:
    """What contributions add to one of the owner's rules."""

    where: str
    """In each of the contributions: ``rules_extend.1`` or ``global_extend``."""
    extensions: Extensions
    keys: Mapping[str, frozenset[str]]
    """By the extension's list: all keys that one of them has."""
    authors: frozenset[str]
    """Whose follow lists grant."""
    overrides: Mapping[str, tuple[str, int]]
    """By the extension's field: the largest, with its place."""
    admins_follows: str | None
    """Where ``write_allow_follows`` is switched on."""

    def place_of(self, field: str, keys: Iterable[str] = ()) -> str:
        """Where it says so: the first list that has one of the keys, or else that is there."""
        wanted = frozenset(keys)
        written = [
            (event_id, listed)
            for event_id, extension in self.extensions
            if (listed := getattr(extension, field))
        ]
        naming = (each for each in written if not wanted.isdisjoint(each[1]))
        event_id, _ = next(naming, written[0])
        return _place(event_id, f"{self.where}.{field}")

    def opens_reads(self) -> bool:
        """Whether somebody may read what the owner's rule does not let them read."""
        return bool(
            self.keys["read_allow_add"] or self.authors or self.admins_follows or self.overrides
        )


@attrs.frozen
class AddedRule:
    """A rule for a kind that the owner has none for."""

    place: str
    rule: Rule


@attrs.frozen
class Added:
    """What contributions add to a policy. Where several say the same, the oldest has the place."""

    whitelist: Mapping[int, str]
    """Kinds with the place that adds them."""
    blacklist: Mapping[int, str]
    """The same for those that are denied."""
    rules: Mapping[int, AddedRule]
    to_rules: Mapping[int, AddedToRule]
    to_global: AddedToRule | None


def add_up(contributions: Iterable[Contribution]) -> Added:
    """What they add together.

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
        _merged("global_extend", to_global) if to_global else None,
    )


def _list(kinds: dict[int, str], added: Iterable[int], place: str) -> None:
    for kind in added:
        kinds.setdefault(kind, place)


def _place(event_id: str, where: str) -> str:
    return f"contributions.{event_id}.{where}"


def _merged(where: str, extensions: Extensions) -> AddedToRule:
    keys: dict[str, set[str]] = {field: set() for field in _LISTS}
    authors: set[str] = set()
    overrides: dict[str, tuple[str, int]] = {}
    admins_follows = None
    for event_id, extension in extensions:
        for field, listed in keys.items():
            listed.update(getattr(extension, field))
        authors.update(extension.follows_whitelist_admins_add)
        for field in _OVERRIDES:
            value = getattr(extension, field)
            if value is not None and value > overrides.get(field, ("", -1))[1]:
                overrides[field] = _place(event_id, f"{where}.{field}"), value
        if extension.write_allow_follows and admins_follows is None:
            admins_follows = _place(event_id, f"{where}.write_allow_follows")
    return AddedToRule(
        where,
        extensions,
        {field: frozenset(listed) for field, listed in keys.items()},
        frozenset(authors),
        overrides,
        admins_follows,
    )
