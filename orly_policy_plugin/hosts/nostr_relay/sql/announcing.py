"""Tell the other processes of one PostgreSQL what is stored in it, and read what they tell of."""

# ruff: noqa: S608 -- statements are made of pieces of our own; what clients send is a parameter

from collections.abc import Collection, Sequence
from typing import Any, Final

import orjson

from orly_policy_hookspecs.nip01 import FrozenEvent, MalformedEvent, read_event

from ..announcements import Stored
from .dialects import Texts
from .rows import COLUMNS, binary
from .statements import Statements

CHANNEL: Final = "'orly_policy_' || CAST(CAST('events' AS regclass) AS oid)"
"""SQL for the channel's name: that of the table, so that two relays in the schemas of one database
do not hear each other."""

_MASK: Final = 2**32 - 1
_INSERTED: Final = f"(now.next - ((now.next - CAST(CAST(e.xmin AS text) AS bigint)) & {_MASK}))"
"""SQL for the number of the transaction that has stored a row: nostr-relay's tables have no other
order in which their events came. A row has its lowest 32 bits, so it is counted back from the next
transaction's."""


def notify(statements: Statements, payloads: Sequence[str]) -> None:
    """Send payloads to whoever listens. They come when the transaction is committed, or not at
    all.
    """
    if not payloads:
        return
    given = statements.dialect.table("given", payload=Texts(payloads))
    statements.rows(f"SELECT pg_notify({CHANNEL}, given.payload) FROM {given.sql}", given)


def read(statements: Statements, ids: Collection[str]) -> list[FrozenEvent]:
    """The events that are there, in any order. What is no event is left out: others may have
    written it.
    """
    # They are few, and "= ANY" is always looked up by the index.
    rows = statements.rows(
        f"SELECT {COLUMNS} FROM events AS e WHERE e.id = ANY(CAST(:ids AS bytea[]))",
        ids=binary(ids),
    )
    return [event for row in rows if (event := _event_of(row)) is not None]


def durability(statements: Statements) -> dict[str, str]:
    """``fsync`` and ``synchronous_commit``, as they hold for this connection."""
    rows = statements.rows(
        "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit')"
    )
    return {str(name): str(setting) for name, setting in rows}


def _event_of(row: Sequence[Any]) -> FrozenEvent | None:
    event_id, pubkey, created_at, kind, tags, content, sig = row
    try:
        return read_event(
            {
                "id": event_id.hex(),
                "pubkey": (pubkey or b"").hex(),
                "created_at": created_at,
                "kind": kind,
                "tags": orjson.loads(tags or "null"),
                "content": content,
                "sig": (sig or b"").hex(),
            }
        )
    except (MalformedEvent, orjson.JSONDecodeError):  # JSONB nests deeper than is read
        return None


def stored_since(
    statements: Statements, snapshot: str, created_since: int, most: int
) -> list[Stored]:
    """What has been stored since a snapshot was taken, in that order; the last where it is more.

    :param snapshot: of PostgreSQL (``pg_current_snapshot``).
    :param created_since: Unix seconds; older events are not looked for, as no index has the order
        in which they came.
    """
    rows = statements.rows(
        "SELECT encode(e.id, 'hex'), e.kind FROM events AS e, "
        "(SELECT CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS bigint) AS next) "
        "AS now WHERE e.created_at >= CAST(:since AS bigint) AND NOT pg_visible_in_snapshot("
        f"CAST(CAST({_INSERTED} AS text) AS xid8), CAST(CAST(:snapshot AS text) AS pg_snapshot)) "
        f"ORDER BY {_INSERTED} DESC, e.created_at DESC, e.id LIMIT :most",
        since=created_since,
        snapshot=snapshot,
        most=most,
    )
    return [Stored(event_id, kind) for event_id, kind in reversed(rows)]
