"""Tags that one field needs and ``allowed_tags`` has not."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from ..policy import Rule
from ..policy.fields import value_in_effect
from .in_effect import kinds_and_none, rules_for
from .slip import Check, Examined, Slip

Needs = Iterator[tuple[str, str]]
"""Places within a field's value, and names of tags."""


def _always(name: str) -> Callable[[Any], Needs]:
    return lambda _: iter([("", name)])


def _each_item(names: tuple[str, ...]) -> Needs:
    return ((f"[{i}]", name) for i, name in enumerate(names))


def _each_member(regexes: Mapping[str, Any]) -> Needs:
    return ((f".{name}", name) for name in regexes)


_NEEDS: Final[Mapping[str, Callable[[Any], Needs]]] = MappingProxyType(
    {
        "must_have_tags": _each_item,
        "max_expiry_duration": _always("expiration"),
        "max_expiry": _always("expiration"),
        "protected_required": _always("-"),
        "identifier_regex": _always("d"),
        "tag_validation": _each_member,
        "write_allow_if_tagged": _always("p"),
    }
)
"""By field, the tags without which it refuses, or has nothing to look at."""


def _needed_tags_that_are_not_allowed(examined: Examined) -> Iterator[Slip]:
    told: set[tuple[str, str]] = set()
    for kind in kinds_and_none(examined.policy):
        rules = dict(rules_for(examined.policy, kind))
        for place, rule in rules.items():
            for where, name in _needed(place, rule):
                for by, limiting in rules.items():
                    allowed = limiting.allowed_tags
                    if allowed and name not in allowed and (where, by) not in told:
                        told.add((where, by))
                        yield Slip(
                            where,
                            f"it needs a {name!r} tag, which {by}.allowed_tags does not allow",
                            f"add {name!r} to {by}.allowed_tags, or remove this",
                        )


def _needed(place: str, rule: Rule) -> Iterator[tuple[str, str]]:
    """The place of each need in a rule, and the tag's name."""
    for field, needs in _NEEDS.items():
        if (value := value_in_effect(rule, field)) is not None:
            yield from ((f"{place}.{field}{within}", name) for within, name in needs(value))


CHECKS = (Check("tag-is-not-allowed", _needed_tags_that_are_not_allowed),)
