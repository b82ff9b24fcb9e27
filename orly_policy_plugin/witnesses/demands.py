"""The demands that a rule's fields make of an event: each can be met, or broken, by itself."""

import math
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from types import MappingProxyType
from typing import Any, Final

import attrs

from ..decisions.rates import TIME_CONSTANT_SECONDS
from ..policy import Duration, Regex, Rule
from ..policy.fields import Access, fields_of, value_in_effect


class Measure(Enum):
    """A number of an event that a limit is about."""

    SIZE = "bytes of the event"
    CONTENT = "bytes of content"
    LIFETIME = "seconds from created_at to expiration"
    AGE = "seconds since created_at"
    AHEAD = "seconds until created_at"


@attrs.frozen
class AtMost:
    """A number is no more than this. Of a lifetime: there is one."""

    measure: Measure
    most: int


@attrs.frozen
class HasTag:
    """A tag of this name occurs."""

    tag: str


@attrs.frozen
class OnlyTags:
    """No tag of another name occurs."""

    tags: frozenset[str]


@attrs.frozen
class TagMatches:
    """The value of each tag of this name, where there is one, matches."""

    tag: str
    regex: Regex


Demand = AtMost | HasTag | OnlyTags | TagMatches


def _at_most(measure: Measure) -> "Callable[[int], Iterator[Demand]]":
    def demands(most: int) -> Iterator[Demand]:
        yield AtMost(measure, most)

    return demands


def _expires(most: Duration | int) -> Iterator[Demand]:
    yield AtMost(Measure.LIFETIME, most.seconds if isinstance(most, Duration) else most)


def _has_tags(names: tuple[str, ...]) -> Iterator[Demand]:
    return map(HasTag, names)


def _only_tags(names: tuple[str, ...]) -> Iterator[Demand]:
    yield OnlyTags(frozenset(names))


def _protected(_: bool) -> Iterator[Demand]:
    yield HasTag("-")


def _identifier(regex: Regex) -> Iterator[Demand]:
    yield HasTag("d")
    yield TagMatches("d", regex)


def _tags_match(regexes: Mapping[str, Regex]) -> Iterator[Demand]:
    return (TagMatches(name, regex) for name, regex in regexes.items())


def _fits_the_rate(most: int) -> Iterator[Demand]:
    """The first event of a submitter: a larger one can never fit."""
    yield AtMost(Measure.SIZE, math.floor(most * TIME_CONSTANT_SECONDS))


DEMANDS: Final[Mapping[str, Callable[[Any], Iterator[Demand]]]] = MappingProxyType(
    {
        "size_limit": _at_most(Measure.SIZE),
        "content_limit": _at_most(Measure.CONTENT),
        "must_have_tags": _has_tags,
        "allowed_tags": _only_tags,
        "max_expiry_duration": _expires,
        "max_expiry": _expires,
        "protected_required": _protected,
        "identifier_regex": _identifier,
        "tag_validation": _tags_match,
        "max_age_of_event": _at_most(Measure.AGE),
        "max_age_event_in_future": _at_most(Measure.AHEAD),
        "rate_limit": _fits_the_rate,
    }
)
"""By the name of a field. Of one that can only deny and is not here, nothing can be told."""


def demands_of(rule: Rule, access: Access) -> Iterator[Demand]:
    """The demands of a rule for one access, in the order of its fields."""
    for name, field in fields_of(type(rule)).items():
        if access not in field.asked_on or name not in DEMANDS:
            continue
        if (value := value_in_effect(rule, name)) is not None:
            yield from DEMANDS[name](value)
