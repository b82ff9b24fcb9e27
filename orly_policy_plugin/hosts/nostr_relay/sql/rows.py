"""Events as rows of nostr-relay's tables ``events`` and ``tags``."""

# ruff: noqa: S608 -- statements are made of pieces of our own; what clients send is a parameter

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

import orjson

from orly_policy_hookspecs.nip01 import FrozenEvent

from ..capacity import indexed_tags
from .dialects import Bytes, Numbers, Texts
from .statements import Statements

COLUMNS: Final = (
    "e.id, e.pubkey, e.created_at, e.kind, CAST(e.tags AS TEXT) AS tags, e.content, e.sig"
)
"""The columns that :func:`event_of` reads."""

AS_JSON: Final = (
    "CAST('[' || group_concat('[\"' "
    "|| lower(hex(e.id) || '\",\"' || hex(e.pubkey) || '\",\"' || hex(e.sig)) || '\",' "
    "|| e.created_at || ',' || e.kind || ',' || e.tags || ',' || json_quote(e.content) || ']') "
    "|| ']' AS BLOB)"
)
"""All events of a query in one value, for SQLite: with a row an event, a thread would have to
get Python's lock back for each, which takes 5 ms where the event loop is busy (1.2 s for 500
events, against 14 ms)."""


def event_of(row: Sequence[Any]) -> FrozenEvent:
    """The event of a row of :data:`COLUMNS`."""
    event_id, pubkey, created_at, kind, tags, content, sig = row
    return FrozenEvent(
        event_id.hex(), pubkey.hex(), created_at, kind, orjson.loads(tags), content, sig.hex()
    )


def events_of_json(value: bytes | None) -> list[FrozenEvent]:
    """The events of a value of :data:`AS_JSON`."""
    return [
        FrozenEvent(event_id, pubkey, created_at, kind, tags, content, sig)
        for event_id, pubkey, sig, created_at, kind, tags, content in orjson.loads(value or b"[]")
    ]


def insert(statements: Statements, events: Collection[FrozenEvent]) -> None:
    """Store events, of which none is stored."""
    if not events:
        return
    _insert_events(statements, events)
    tags = [(event.id, name, value) for event in events for name, value in tag_rows(event)]
    if tags:
        ids, names, values = zip(*tags, strict=True)
        given = statements.dialect.table(
            "given", id=Bytes(binary(ids)), name=Texts(names), value=Texts(values)
        )
        statements.run(
            "INSERT INTO tags (id, name, value) SELECT given.id, given.name, given.value "
            f"FROM {given.sql} WHERE true ON CONFLICT DO NOTHING",
            given,
        )


def _insert_events(statements: Statements, events: Collection[FrozenEvent]) -> None:
    given = statements.dialect.table(
        "given",
        id=Bytes(binary([event.id for event in events])),
        pubkey=Bytes(binary([event.pubkey for event in events])),
        created_at=Numbers([event.created_at for event in events]),
        kind=Numbers([event.kind for event in events]),
        tags=Texts([orjson.dumps(event.tags).decode() for event in events]),
        content=Texts([event.content for event in events]),
        sig=Bytes(binary([event.sig for event in events]), length=64),
    )
    statements.run(
        "INSERT INTO events (id, pubkey, created_at, kind, tags, content, sig) "
        "SELECT given.id, given.pubkey, given.created_at, given.kind, "
        f"CAST(given.tags AS {statements.dialect.tags_type}), given.content, given.sig "
        f"FROM {given.sql}",
        given,
    )


def tag_rows(event: FrozenEvent) -> Iterator[tuple[str, str]]:
    """The rows of an event in ``tags``, each once. As in nostr-relay, a tag of one letter without
    a value has an empty one there.
    """
    bare = ((tag[0], "") for tag in event.tags if len(tag) == 1 and len(tag[0]) == 1)
    yield from {*indexed_tags(event), *bare}


def binary(hexes: Collection[str]) -> list[bytes]:
    """The bytes of hexadecimal texts."""
    return list(map(bytes.fromhex, hexes))
