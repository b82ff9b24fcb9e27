"""A filter as the conditions of a statement. Pure.

No text of a client is part of a statement, and no statement depends on how many values a filter
has: the statements are few.
"""

# ruff: noqa: S608 -- statements are made of pieces of our own; what clients send is a parameter

from collections.abc import Container, Iterator, Sequence
from typing import Final

import attrs

from orly_policy_hookspecs.nip01 import Filter, Position

from .dialects import Bytes, Dialect, Numbers, Part, Texts
from .rows import binary

_LATEST: Final = 2**63 - 1

_MOST_PAIRS: Final = 5_000
"""Of author and kind, to look each up in an index."""

NEWEST_FIRST: Final = "ORDER BY e.created_at DESC, e.id"


@attrs.frozen
class Asked:
    """What a page is asked for, such as a database can hold it."""

    wanted: Filter
    before: Position | None = None

    @property
    def since(self) -> int:
        """Unix seconds, inclusive."""
        return self.wanted.since or 0

    @property
    def until(self) -> int:
        """Unix seconds, inclusive."""
        until = _LATEST if self.wanted.until is None else self.wanted.until
        return until if self.before is None else min(until, self.before.created_at)


def storable(wanted: Filter, *, holds_nul: bool) -> Filter | None:
    """A filter without the values that no stored event has; ``None`` where nothing can match."""
    if not all(len(name) == 1 and _is_storable(name, holds_nul) for name in wanted.tags):
        return None
    tags = {
        name: frozenset(value for value in values if _is_storable(value, holds_nul))
        for name, values in wanted.tags.items()
    }
    left = attrs.evolve(wanted, tags=tags)
    return left if left.can_match else None


def _is_storable(text: str, holds_nul: bool) -> bool:
    if text.isascii():
        return holds_nul or "\0" not in text
    try:
        text.encode()
    except UnicodeEncodeError:  # half a surrogate pair
        return False
    return holds_nul or "\0" not in text


def asks_for_empty_values(wanted: Filter) -> bool:
    """Whether the table ``tags`` is not exact: a tag without a value has an empty one there."""
    return any("" in values for values in wanted.tags.values())


def conditions(asked: Asked, dialect: Dialect, found_by: Container[str]) -> list[Part]:
    """What rows of ``events AS e`` have to fulfil, all of it.

    :param found_by: names of tags by which events are found; others are held against the event.
    """
    return [
        *_of_times(asked),
        *_of_lists(asked.wanted, dialect),
        *_of_tags(asked.wanted, dialect, found_by),
    ]


def _of_times(asked: Asked) -> Iterator[Part]:
    yield Part("e.created_at >= CAST(:since AS bigint)", {"since": asked.since})
    yield Part("e.created_at <= CAST(:until AS bigint)", {"until": asked.until})
    if asked.before is not None:
        yield Part(
            "(e.created_at < CAST(:second AS bigint) OR e.id > :after_id)",
            {"second": asked.before.created_at, "after_id": bytes.fromhex(asked.before.id)},
        )


def _of_lists(wanted: Filter, dialect: Dialect) -> Iterator[Part]:
    if wanted.ids is not None:
        yield dialect.is_in("e.id", "ids", Bytes(binary(wanted.ids)))
    if wanted.authors is not None:
        yield dialect.is_in("e.pubkey", "authors", Bytes(binary(wanted.authors)))
    if wanted.kinds is not None:
        yield dialect.is_in(kind_of(wanted), "kinds", Numbers(list(wanted.kinds)))
    if wanted.except_kinds:
        hidden = dialect.is_in("e.kind", "hidden", Numbers(list(wanted.except_kinds)))
        yield Part(f"NOT ({hidden.sql})", hidden.parameters)


def kind_of(wanted: Filter) -> str:
    """The kind of a row, for a condition: with a plus no index is asked for each pair of author
    and kind, which may be millions.
    """
    pairs = len(wanted.authors or ()) * len(wanted.kinds or ())
    return "+e.kind" if pairs > _MOST_PAIRS else "e.kind"


def _of_tags(wanted: Filter, dialect: Dialect, found_by: Container[str]) -> Iterator[Part]:
    for name in wanted.tags:
        if name in found_by:
            tagged = with_tag(wanted, name, dialect)
            sql = f"e.id IN (SELECT t.id FROM tags AS t WHERE {tagged.sql})"
        else:
            # With a plus, as else the index is asked for each value.
            tagged = with_tag(wanted, name, dialect, value="+t.value")
            sql = f"EXISTS (SELECT 1 FROM tags AS t WHERE t.id = e.id AND {tagged.sql})"
        yield Part(sql, tagged.parameters)


def with_tag(wanted: Filter, name: str, dialect: Dialect, value: str = "t.value") -> Part:
    """What rows of ``tags AS t`` have to fulfil that are what a filter asks for. The name is a
    parameter, too.
    """
    number = sorted(wanted.tags).index(name)
    values = dialect.is_in(value, f"values{number}", Texts(list(wanted.tags[name])))
    parameters = {f"name{number}": name, **values.parameters}
    return Part(f"t.name = :name{number} AND {values.sql}", parameters)


def all_of(parts: Sequence[Part]) -> Part:
    """Several conditions as one."""
    parameters = {name: value for part in parts for name, value in part.parameters.items()}
    return Part(" AND ".join(part.sql for part in parts), parameters)
