"""Events as rows of monstr's tables ``events`` and ``event_tags``. Pure.

monstr checks a signature against the id that an event claims, and neither the id nor a type: what
it has stored need not be an event.
"""

# ruff: noqa: S608 -- statements are made of pieces of our own; what clients send is a parameter

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

import attrs
import orjson

from orly_policy_hookspecs.nip01 import (
    FIELDS,
    Address,
    Filter,
    FrozenEvent,
    KindClass,
    MalformedEvent,
    Position,
    address_of,
    class_of,
    is_unicode,
    read_event,
)

from ...authority import has_right_id

_OF_EVENTS: Final = (
    *("id", "event_id", "pubkey", "created_at", "kind", "tags", "content", "sig"),
    *("d_tag", "deleted"),
)
TABLES: Final[Mapping[str, Collection[str]]] = {
    "events": _OF_EVENTS,
    "event_tags": ("id", "type", "value"),
}
"""The columns that are used."""

INDEXES: Final = (
    "CREATE INDEX IF NOT EXISTS orly_policy_by_time ON events (created_at DESC, event_id)",
    "CREATE INDEX IF NOT EXISTS orly_policy_by_kind ON events (kind, created_at DESC, event_id)",
    "CREATE INDEX IF NOT EXISTS orly_policy_by_author ON events (pubkey, kind, created_at)",
    "CREATE INDEX IF NOT EXISTS orly_policy_by_tag ON event_tags (type, value)",
)
"""monstr looks through all events for each question. These do not bother it."""

_COLUMNS: Final = "e.event_id, e.pubkey, e.created_at, e.kind, e.tags, e.content, e.sig"
_NAMES: Final = dict(zip(FIELDS, _COLUMNS.split(", "), strict=True))
_ORDER: Final = "e.created_at DESC, e.event_id"
_IS_THERE: Final = (
    "e.deleted IS NULL AND typeof(e.created_at) = 'integer' AND typeof(e.kind) = 'integer'"
)
"""A deletion may flag what it deletes; and a client could send monstr anything as a number."""


@attrs.frozen
class Sql:
    """A condition, and its parameters."""

    text: str
    parameters: tuple[Any, ...] = ()

    def __and__(self, other: "Sql") -> "Sql":
        return Sql(f"{self.text} AND ({other.text})", self.parameters + other.parameters)


def found(condition: Sql, most: int) -> Sql:
    """A statement with the first rows that meet a condition in one value: a list of lists.

    With a row an event, a thread would have to get Python's lock back for each, which takes 5 ms
    where the event loop is busy.
    """
    return Sql(
        f"SELECT json_group_array(json_array({', '.join(FIELDS)})) FROM ("
        f"SELECT {', '.join(f'{column} AS {name}' for name, column in _NAMES.items())} "
        f"FROM events AS e WHERE {_IS_THERE} AND ({condition.text}) ORDER BY {_ORDER} LIMIT ?)",
        (*condition.parameters, most),
    )


def read_rows(value: str) -> list[list[Any]]:
    """The rows of a value of :func:`found`."""
    rows: list[list[Any]] = orjson.loads(value)
    return rows


def position_of(row: Sequence[Any]) -> Position:
    """Where a row stands, whether it is an event or not."""
    return Position(-row[FIELDS.index("created_at")], row[FIELDS.index("id")])


def event_of(row: Sequence[Any]) -> FrozenEvent | None:
    """The event of a row; ``None`` where it is none, or not the one that its id names."""
    fields = dict(zip(FIELDS, row, strict=True))
    try:
        fields["tags"] = json.loads(fields["tags"])
        event = read_event(fields)
    except (MalformedEvent, ValueError, TypeError, RecursionError):
        return None
    return event if has_right_id(event) else None


def events_of(rows: Sequence[Sequence[Any]]) -> list[FrozenEvent]:
    """The events among rows."""
    return [event for row in rows if (event := event_of(row)) is not None]


# --- conditions


def matching(wanted: Filter) -> Sql | None:
    """A condition that all events meet which match, and few others: monstr's index of tags does
    not tell a from A. ``None`` where nothing matches.
    """
    condition = Sql("true")
    for name, values in _lists(wanted):
        storable = [value for value in values if not isinstance(value, str) or is_unicode(value)]
        if not storable:
            return None
        condition &= _among(name, storable)
    if wanted.since is not None:
        condition &= Sql("e.created_at >= ?", (wanted.since,))
    if wanted.until is not None:
        condition &= Sql("e.created_at <= ?", (wanted.until,))
    if wanted.except_kinds:
        kinds = tuple(sorted(wanted.except_kinds))
        condition &= Sql(f"e.kind NOT IN ({_marks(kinds)})", kinds)
    return condition


def _lists(wanted: Filter) -> Iterator[tuple[str, Collection[Any]]]:
    named = {"e.event_id": wanted.ids, "e.pubkey": wanted.authors, "e.kind": wanted.kinds}
    for name, values in named.items():
        if values is not None:
            yield name, values
    for letter, texts in wanted.tags.items():
        yield f"#{letter}", texts


def _among(name: str, values: Collection[Any]) -> Sql:
    ordered = tuple(sorted(values))
    if not name.startswith("#"):
        return Sql(f"{name} IN ({_marks(ordered)})", ordered)
    return Sql(
        "e.id IN (SELECT t.id FROM event_tags AS t "
        f"WHERE t.type = ? AND t.value IN ({_marks(ordered)}))",
        (name[1:], *ordered),
    )


def _marks(values: Collection[Any]) -> str:
    return ", ".join("?" * len(values))


def after(place: Position) -> Sql:
    """A condition that rows meet which come later in the order."""
    seconds = place.created_at
    return Sql(
        "e.created_at <= ? AND (e.created_at < ? OR e.event_id > ?)", (seconds, seconds, place.id)
    )


def versions_of(address: Address) -> Sql:
    """A condition that all versions of an address meet, and no other event."""
    condition = Sql("e.pubkey = ? AND e.kind = ?", (address.pubkey, address.kind))
    if class_of(address.kind) is KindClass.ADDRESSABLE:
        condition &= Sql("e.d_tag = ?", (address.identifier,))
    return condition


# --- writing


def row_of(event: FrozenEvent) -> tuple[Any, ...]:
    """What is inserted by :data:`INSERT`, as monstr writes it."""
    address = address_of(event)
    tags, identifier = json.dumps(event.tags), address.identifier if address else ""
    named = (event.id, event.pubkey, event.created_at, event.kind)
    return (*named, tags, event.content, event.sig, identifier)


INSERT: Final = (
    "INSERT INTO events (event_id, pubkey, created_at, kind, tags, content, sig, d_tag) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
INSERT_TAG: Final = "INSERT INTO event_tags (id, type, value) VALUES (?, ?, ?)"


def tag_rows(event: FrozenEvent) -> Iterator[tuple[str, str]]:
    """Type and value of the tags that monstr's index has; it has a hashtag as t."""
    for tag in event.tags:
        if len(tag) > 1:
            yield ("t" if tag[0].lower() == "hashtag" else tag[0]), tag[1]
