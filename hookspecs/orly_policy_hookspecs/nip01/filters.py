"""What a REQ asks for (NIP-01): read strictly, and held against events. Pure."""

from collections.abc import Mapping
from typing import Any, Final, Self

import attrs

from .events import Event
from .hexes import is_hex32
from .kinds import LARGEST_KIND
from .tags import TagValues, tag_values

LARGEST_TIMESTAMP: Final = 2**63 - 1
"""Unix seconds. A store that keeps less clamps what it is asked for."""


class UnreadableFilter(ValueError):
    """A filter that is none; the text says why, for the client, without prefix."""


@attrs.frozen
class FilterBounds:
    """How much a filter may ask for."""

    values: int = 5_000
    """Values in all lists of a filter together."""
    value_bytes: int = 1_024
    """Of one tag value, and of the text to search for, as UTF-8."""


@attrs.frozen(kw_only=True)
class Filter:
    """A filter: an event matches where all members that are not ``None`` do. A list without a
    value matches nothing.
    """

    ids: frozenset[str] | None = None
    authors: frozenset[str] | None = None
    kinds: frozenset[int] | None = None
    tags: Mapping[str, frozenset[str]] = attrs.field(factory=dict)
    """By the one letter after ``#``: one of the values occurs in a tag of this name."""
    since: int | None = None
    """Unix seconds, inclusive."""
    until: int | None = None
    """Unix seconds, inclusive."""
    limit: int | None = None
    """Stored events to hand out at most, the newest. Nothing for live events."""
    search: str | None = None
    """NIP-50: for a store that searches. :meth:`matches` does not look at it."""
    except_kinds: frozenset[int] = frozenset()
    """Kinds that do not match. No client can ask so: the session does, for a store to pass over
    what the reader may not see."""

    def matches(self, event: Event, tags: TagValues | None = None) -> bool:
        """Whether an event is asked for.

        :param tags: the event's :func:`.tags.tag_values`, where the caller has them.
        """
        if self.kinds is not None and event.kind not in self.kinds:
            return False
        if self.authors is not None and event.pubkey not in self.authors:
            return False
        if self.ids is not None and event.id not in self.ids:
            return False
        if self.since is not None and event.created_at < self.since:
            return False
        if self.until is not None and event.created_at > self.until:
            return False
        if event.kind in self.except_kinds:
            return False
        return not self.tags or self._tags_match(tag_values(event) if tags is None else tags)

    def _tags_match(self, tags: TagValues) -> bool:
        return not any(
            (found := tags.get(name)) is None or values.isdisjoint(found)
            for name, values in self.tags.items()
        )

    @property
    def can_match(self) -> bool:
        """Whether any event could match, stored or live."""
        lists = (self.ids, self.authors, self.kinds, *self.tags.values())
        if any(values is not None and not values for values in lists):
            return False
        return self.since is None or self.until is None or self.since <= self.until

    @classmethod
    def read(cls, value: object, bounds: FilterBounds | None = None) -> Self:
        """Read a filter that a client sent.

        :param value: a decoded JSON value.
        :raises UnreadableFilter: it is none, or asks for more than the bounds allow.
        """
        if not isinstance(value, dict):
            raise UnreadableFilter("a filter is a JSON object")
        bounds = bounds or FilterBounds()
        fields: dict[str, Any] = {}
        tags: dict[str, frozenset[str]] = {}
        for name, given in value.items():
            if name.startswith("#"):
                tags[_letter(name)] = frozenset(_texts(name, given, bounds))
            elif name in _READERS:
                fields[name] = _READERS[name](name, given, bounds)
            else:
                raise UnreadableFilter(f"{name[:40]!r} is not a member of a filter")
        made = cls(tags=tags, **fields)
        lists = (made.ids, made.authors, made.kinds, *tags.values())
        if (count := sum(len(values) for values in lists if values)) > bounds.values:
            raise UnreadableFilter(f"a filter has {count} values, at most {bounds.values} may be")
        return made


def _letter(name: str) -> str:
    if len(name) == 2 and name[1].isascii() and name[1].isalpha():
        return name[1]
    raise UnreadableFilter("a tag filter is # and one letter")


def _list(name: str, value: object, bounds: FilterBounds) -> list[Any]:
    if not isinstance(value, list):
        raise UnreadableFilter(f"{name} is not a list")
    if len(value) > bounds.values:
        raise UnreadableFilter(f"{name} has {len(value)} values, at most {bounds.values} may be")
    return value


def _texts(name: str, value: object, bounds: FilterBounds) -> list[str]:
    values = _list(name, value, bounds)
    for one in values:
        _check_text(name, one, bounds)
    return values


def _check_text(name: str, value: object, bounds: FilterBounds) -> None:
    if not isinstance(value, str):
        raise UnreadableFilter(f"a value of {name} is not a text")
    if (size := len(value.encode("utf-8", "surrogatepass"))) > bounds.value_bytes:
        raise UnreadableFilter(
            f"a value of {name} has {size} bytes, at most {bounds.value_bytes} may be"
        )


def _hexes(name: str, value: object, bounds: FilterBounds) -> frozenset[str]:
    values = _list(name, value, bounds)
    if not all(map(is_hex32, values)):
        raise UnreadableFilter(f"a value of {name} is not 64 lowercase hex characters")
    return frozenset(values)


def _kinds(name: str, value: object, bounds: FilterBounds) -> frozenset[int]:
    values = _list(name, value, bounds)
    if not all(type(kind) is int and 0 <= kind <= LARGEST_KIND for kind in values):
        raise UnreadableFilter(f"a value of {name} is not between 0 and {LARGEST_KIND}")
    return frozenset(values)


def _number(name: str, value: object, _: FilterBounds) -> int | None:
    if value is None:  # some clients write out what they do not ask for
        return None
    if type(value) is not int or not 0 <= value <= LARGEST_TIMESTAMP:
        raise UnreadableFilter(f"{name} is not a whole number between 0 and {LARGEST_TIMESTAMP}")
    return value


def _search(name: str, value: object, bounds: FilterBounds) -> str | None:
    if value is not None:
        _check_text(name, value, bounds)
        assert isinstance(value, str)
    return value


_READERS: Final = {
    "ids": _hexes,
    "authors": _hexes,
    "kinds": _kinds,
    "since": _number,
    "until": _number,
    "limit": _number,
    "search": _search,
}
