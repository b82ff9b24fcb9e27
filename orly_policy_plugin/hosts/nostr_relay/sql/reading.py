"""Read the database. Each function is the work of one connection."""

# ruff: noqa: S608 -- statements are made of pieces of our own; what clients send is a parameter

from collections.abc import Sequence
from typing import Final

from orly_policy_hookspecs.nip01 import Filter, FrozenEvent, Position, is_expired

from ..garbage import EPHEMERAL_KINDS, Suspect
from .dialects import Part, SQLite
from .planning import plan
from .querying import NEWEST_FIRST, Asked, all_of, asks_for_empty_values, conditions, storable
from .rows import AS_JSON, COLUMNS, event_of, events_of_json
from .statements import Statements

_COUNTED_AT_ONCE: Final = 500


def page(
    statements: Statements, wanted: Filter, before: Position | None, most: int
) -> Sequence[FrozenEvent]:
    """See :meth:`.session.Host.page`."""
    asked_for = storable(wanted, holds_nul=statements.dialect.capacity.holds_nul)
    if asked_for is None or most < 1:
        return ()
    if not asks_for_empty_values(asked_for):
        return _page(statements, Asked(asked_for, before), most)
    found: list[FrozenEvent] = []
    while len(found) < most:
        some = _page(statements, Asked(asked_for, before), most)
        found += filter(asked_for.matches, some)
        if len(some) < most:
            break
        before = Position.of(some[-1])
    return found[:most]


def _page(statements: Statements, asked: Asked, most: int) -> Sequence[FrozenEvent]:
    source, found = _planned(statements, asked, most)
    if not isinstance(statements.dialect, SQLite):
        sql = f"SELECT {COLUMNS} FROM {source} WHERE {found.sql} {NEWEST_FIRST} LIMIT :most"
        return list(map(event_of, statements.rows(sql, found, most=most)))
    # Rows that are sorted are narrow, and then the whole of those that are left is read.
    sql = (
        f"SELECT {AS_JSON} FROM (SELECT e.rowid AS number FROM {source} WHERE {found.sql} "
        f"{NEWEST_FIRST} LIMIT :most) AS first CROSS JOIN events AS e ON e.rowid = first.number"
    )
    ((value,),) = statements.rows(sql, found, most=most)
    return sorted(events_of_json(value), key=Position.of)


def _planned(statements: Statements, asked: Asked, most: int | None) -> tuple[str, Part]:
    """The table, with the index by which events are found where it has to be said, and the
    conditions.
    """
    if not isinstance(statements.dialect, SQLite):
        return "events AS e", all_of(conditions(asked, statements.dialect, asked.wanted.tags))
    planned = plan(statements, asked, most)
    found_by = () if planned.tag is None else (planned.tag,)
    found = all_of(conditions(asked, statements.dialect, found_by))
    return f"events AS e INDEXED BY {planned.index}", found


def count(statements: Statements, wanted: Filter, now: int, most: int) -> int:
    """See :meth:`.session.Counting.count`. Those that have an ``expiration`` tag are read: as
    texts, times cannot be compared.
    """
    asked_for = storable(wanted, holds_nul=statements.dialect.capacity.holds_nul)
    if asked_for is None:
        return 0
    if asks_for_empty_values(asked_for):
        return _count_by_pages(statements, asked_for, now, most)
    asked = Asked(asked_for)
    source, found = _planned(statements, asked, None)
    ((number,),) = statements.rows(
        f"SELECT count(*) FROM (SELECT 1 FROM {source} WHERE {found.sql} LIMIT :limit) AS counted",
        found,
        limit=most + 1,
    )
    if number > most:
        return int(number)
    expiring = statements.rows(
        f"SELECT {COLUMNS} FROM {source} WHERE {found.sql} AND EXISTS "
        "(SELECT 1 FROM tags AS t WHERE t.id = e.id AND t.name = 'expiration')",
        found,
    )
    return int(number) - sum(is_expired(event_of(row), now) for row in expiring)


def _count_by_pages(statements: Statements, wanted: Filter, now: int, most: int) -> int:
    number, looked_at, before = 0, 0, None
    while some := page(statements, wanted, before, _COUNTED_AT_ONCE):
        looked_at += len(some)
        if looked_at > most:
            return looked_at
        number += sum(not is_expired(event, now) for event in some)
        before = Position.of(some[-1])
    return number


def suspects(statements: Statements) -> list[Suspect]:
    """Events that may be garbage: those of ephemeral kinds, and all that expire."""
    first, end = EPHEMERAL_KINDS.start, EPHEMERAL_KINDS.stop
    ephemeral = statements.rows(
        "SELECT id FROM events WHERE kind >= :first AND kind < :last", first=first, last=end
    )
    expiring = statements.rows("SELECT id, value FROM tags WHERE name = 'expiration'")
    return [
        *(Suspect(event_id.hex()) for (event_id,) in ephemeral),
        *(Suspect(event_id.hex(), value) for event_id, value in expiring),
    ]
