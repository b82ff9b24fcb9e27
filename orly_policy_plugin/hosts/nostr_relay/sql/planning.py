"""Plan by which index SQLite finds events.

SQLite keeps no statistics, and does not merge in the order of time what it finds for several
authors. Either it reads all that one index has for the filter and sorts that, or it goes back in
time and holds each event against the filter. The wrong way takes a hundred times as long, so the
entries of each index are counted, up to a bound.
"""

# ruff: noqa: S608 -- statements are made of pieces of our own; what clients send is a parameter

from collections.abc import Iterator
from math import isqrt
from typing import Final

import attrs

from orly_policy_hookspecs.nip01 import Filter

from .dialects import Bytes, Numbers, Part
from .querying import Asked, kind_of, with_tag
from .rows import binary
from .statements import Statements

AUTHOR_INDEX: Final = "orly_policy_authoridx"
"""Ours: ``pubkey, kind, created_at``. Nothing of nostr-relay's finds what an author has of a
kind."""
_TIME_INDEX: Final = "kindcreatedpubkeyidx"
_ID_INDEX: Final = "sqlite_autoindex_events_1"

# Microseconds, measured with 100,000 events.
_TO_READ: Final = 6.0
"""An event that an index has."""
_TO_PASS: Final = 0.1
"""An event that is held against kinds and authors."""
_TO_PASS_TAGS: Final = 3.0
"""An event that is held against tags."""

_FEWEST_COUNTED: Final = 200
_MOST_COUNTED: Final = 50_000


@attrs.frozen
class Plan:
    """A way to find events."""

    index: str
    """Of the table ``events``."""
    tag: str | None = None
    """The name of the tag whose index finds their ids."""


@attrs.frozen
class _Choice:
    plan: Plan
    counted: Part
    """From what to count: tables and conditions."""


def plan(statements: Statements, asked: Asked, most: int | None) -> Plan:
    """The best way to find events.

    :param most: how many are wanted; ``None`` for all.
    """
    if asked.wanted.ids is not None:
        return Plan(_ID_INDEX)
    choices = list(_choices(statements, asked))
    by_time = Plan(_TIME_INDEX)
    if not choices:
        return by_time
    stored = statements.rows("SELECT max(rowid) FROM events")[0][0] or 0
    bound = _worth_counting(stored, most, tags=bool(asked.wanted.tags))
    counts = _counts(statements, [*choices, _of_time(asked)], bound)
    fewest = min(counts)
    if fewest > bound or counts[-1] == fewest:
        return by_time
    return choices[counts.index(fewest)].plan


def _worth_counting(stored: int, most: int | None, *, tags: bool) -> int:
    """The number of events in an index from which on it is quicker to go back in time: where that
    finds ``most`` of them, which lie evenly among those stored.
    """
    to_pass = _TO_PASS_TAGS if tags else _TO_PASS
    if most is None:
        return int(stored * to_pass / _TO_READ)
    bound = isqrt(int(stored * most * to_pass / _TO_READ))
    return min(max(bound, _FEWEST_COUNTED), _MOST_COUNTED)


def _counts(statements: Statements, choices: list[_Choice], bound: int) -> list[int]:
    """How many events each finds, ``bound + 1`` for more."""
    columns = ", ".join(
        f"(SELECT count(*) FROM (SELECT 1 FROM {choice.counted.sql} LIMIT :bound))"
        for choice in choices
    )
    parts = [choice.counted for choice in choices]
    (counts,) = statements.rows(f"SELECT {columns}", *parts, bound=bound + 1)
    return list(counts)


def _choices(statements: Statements, asked: Asked) -> Iterator[_Choice]:
    wanted, dialect = asked.wanted, statements.dialect
    for name in wanted.tags:
        tagged = with_tag(wanted, name, dialect)
        counted = Part(f"tags AS t INDEXED BY tagidx WHERE {tagged.sql}", tagged.parameters)
        yield _Choice(Plan(_ID_INDEX, name), counted)
    if wanted.authors is not None:
        yield _Choice(Plan(AUTHOR_INDEX), _of_authors(statements, wanted))
    elif wanted.kinds is not None:
        kinds = dialect.is_in("e.kind", "kinds", Numbers(list(wanted.kinds)))
        counted = Part(f"events AS e INDEXED BY kindidx WHERE {kinds.sql}", kinds.parameters)
        yield _Choice(Plan("kindidx"), counted)


def _of_authors(statements: Statements, wanted: Filter) -> Part:
    assert wanted.authors is not None
    dialect = statements.dialect
    found = dialect.is_in("e.pubkey", "authors", Bytes(binary(wanted.authors)))
    sql, parameters = found.sql, dict(found.parameters)
    if wanted.kinds is not None:
        kinds = dialect.is_in(kind_of(wanted), "kinds", Numbers(list(wanted.kinds)))
        sql, parameters = f"{sql} AND {kinds.sql}", {**parameters, **kinds.parameters}
    return Part(f"events AS e INDEXED BY {AUTHOR_INDEX} WHERE {sql}", parameters)


def _of_time(asked: Asked) -> _Choice:
    counted = Part(
        "events AS e INDEXED BY createdidx WHERE e.created_at >= :since "
        "AND e.created_at <= :until",
        {"since": asked.since, "until": asked.until},
    )
    return _Choice(Plan(_TIME_INDEX), counted)
