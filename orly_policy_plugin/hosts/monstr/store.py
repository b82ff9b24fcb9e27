"""monstr's SQLite database as the store of a relay."""

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Self

import attrs

from orly_policy_hookspecs.nip01 import (
    Filter,
    FrozenEvent,
    Position,
    address_of,
    frozen,
    kinds,
    replaces,
)

from ...session import Added, Deletion, Known, Vanishing
from ...session.deletions import deletion_of, vanishing_of
from . import rows
from .database import Database
from .rows import Sql

_EVERY: Final = 2**62
"""Rows."""


class MonstrStore:
    """A host (:class:`.session.Host`) over monstr's tables, that can recall and make vanish. Made
    by :meth:`open`.

    monstr's own store is not asked: it replaces what is newer, lets anybody delete anything, and
    tells of no failure.
    """

    def __init__(self, database: Database, relay_urls: Collection[str]) -> None:
        self._database = database
        self._relay_urls = relay_urls

    @classmethod
    async def open(cls, path: Path, relay_urls: Collection[str]) -> Self:
        """Open a database that monstr has created. Indexes are added to it.

        :param relay_urls: of this relay, for requests to vanish.
        :raises PolicyError: it is no database of monstr's.
        """
        return cls(await Database.open(path, rows.TABLES, rows.INDEXES), relay_urls)

    async def close(self) -> None:
        """Finish what waits, and close the database."""
        await self._database.close()

    async def page(
        self, wanted: Filter, before: Position | None, most: int
    ) -> Sequence[FrozenEvent]:
        """The first events that match: see :meth:`.session.Host.page`."""
        return await self._database.read(lambda db: _page(db, wanted, before, most))

    async def recall(self, event: FrozenEvent) -> Known | None:
        """What is known of an event: see :meth:`.session.Recalling.recall`."""
        return await self._database.read(lambda db: _judge(db, event, self._relay_urls).known)

    async def add(self, event: FrozenEvent) -> Added:
        """Store an event: see :meth:`.session.Host.add`."""
        return await self._database.write(lambda db: _add(db, event, self._relay_urls))

    async def vanish(self, vanishing: Vanishing) -> None:
        """Make somebody vanish: see :meth:`.session.Forgetting.vanish`."""
        await self._database.write(lambda db: _vanish(db, vanishing, self._relay_urls))


class DeletingStore(MonstrStore):
    """The same, where monstr's ``delete_mode`` is ``delete``."""

    _deleting = "DELETE FROM events WHERE event_id = ?"

    async def delete(self, deletion: Deletion) -> None:
        """Delete: see :meth:`.session.Deleting.delete`."""
        await self._database.write(lambda db: _delete(db, deletion, self._deleting))


class FlaggingStore(DeletingStore):
    """The same, where it is ``flag``: what is deleted is hidden."""

    _deleting = "UPDATE events SET deleted = 1 WHERE event_id = ?"


# --- reading


def _rows(db: sqlite3.Connection, condition: Sql, most: int) -> list[list[Any]]:
    statement = rows.found(condition, most)
    return rows.read_rows(db.execute(statement.text, statement.parameters).fetchone()[0])


def _events(db: sqlite3.Connection, condition: Sql) -> list[FrozenEvent]:
    return rows.events_of(_rows(db, condition, _EVERY))


def _page(
    db: sqlite3.Connection, wanted: Filter, before: Position | None, most: int
) -> list[FrozenEvent]:
    if (condition := rows.matching(wanted)) is None:
        return []
    page: list[FrozenEvent] = []
    while True:
        here = condition if before is None else condition & rows.after(before)
        some = _rows(db, here, most)
        page += [event for event in rows.events_of(some) if wanted.matches(event)]
        if len(page) >= most or len(some) < most:
            return page[:most]
        before = rows.position_of(some[-1])  # among them was what is no event, or did not match


@attrs.frozen
class _Judged:
    """What is known of an event."""

    known: Known | None
    """``None`` where it can be stored."""
    older: Sequence[FrozenEvent] = ()
    """The versions that it replaces."""


def _judge(db: sqlite3.Connection, event: FrozenEvent, relay_urls: Collection[str]) -> _Judged:
    if _events(db, Sql("e.event_id = ?", (event.id,))):
        return _Judged(Known.DUPLICATE)
    address = address_of(event)
    older = _events(db, rows.versions_of(address)) if address else []
    if any(replaces(version, event) for version in older):
        return _Judged(Known.SUPERSEDED)
    if any(_forbidding(db, event, relay_urls)):
        return _Judged(Known.DELETED)
    return _Judged(None, older)


def _forbidding(
    db: sqlite3.Connection, event: FrozenEvent, relay_urls: Collection[str]
) -> Iterator[bool]:
    """Whether each of the author's deletions and requests to vanish covers an event."""
    of_author = Sql("e.pubkey = ?", (event.pubkey,))
    by_id = rows.matching(Filter(kinds=_DELETIONS, tags={"e": frozenset({event.id})}))
    assert by_id is not None
    deletions = of_author & by_id
    for each in _events(db, deletions):
        yield deletion_of(each).covers(event)
    later = of_author & Sql("e.created_at >= ?", (event.created_at,))
    if address_of(event) is not None:  # an address is spelt in several ways
        with_address = "e.id IN (SELECT t.id FROM event_tags AS t WHERE t.type = 'a')"
        for each in _events(db, later & Sql(f"e.kind = ? AND {with_address}", (kinds.DELETION,))):
            yield deletion_of(each).covers(event)
    for each in _events(db, later & Sql("e.kind = ?", (kinds.VANISH,))):
        vanishing = vanishing_of(each, relay_urls)
        yield vanishing is not None and vanishing.forbids(event)


_DELETIONS: Final = frozenset({kinds.DELETION})


# --- writing


def _add(db: sqlite3.Connection, event: FrozenEvent, relay_urls: Collection[str]) -> Known:
    judged = _judge(db, event, relay_urls)
    if judged.known is not None:
        return judged.known
    _remove(db, [each.id for each in judged.older])
    _insert(db, event)
    return Known.STORED


def _insert(db: sqlite3.Connection, event: FrozenEvent) -> None:
    """Store an event. What has its id and is not it, or was deleted by somebody else, makes room
    for it.
    """
    _remove(db, [event.id])
    number = db.execute(rows.INSERT, rows.row_of(event)).lastrowid
    db.executemany(rows.INSERT_TAG, ((number, *tag) for tag in rows.tag_rows(event)))


def _remove(db: sqlite3.Connection, ids: Collection[str]) -> None:
    db.executemany("DELETE FROM events WHERE event_id = ?", ((each,) for each in ids))


def _delete(db: sqlite3.Connection, deletion: Deletion, deleting: str) -> None:
    named = [Sql("e.event_id = ?", (each,)) for each in deletion.ids]
    named += [rows.versions_of(address) for address in deletion.addresses]
    for condition in named:
        covered = filter(deletion.covers, _events(db, condition))
        db.executemany(deleting, [(event.id,) for event in covered])


def _vanish(db: sqlite3.Connection, vanishing: Vanishing, relay_urls: Collection[str]) -> None:
    db.execute(
        "DELETE FROM events WHERE pubkey = ? AND created_at <= ? AND kind <> ?",
        (vanishing.author, vanishing.until, kinds.VANISH),
    )
    to_author = {"p": frozenset({vanishing.author})}
    wraps = rows.matching(
        Filter(kinds=frozenset({kinds.GIFT_WRAP}), tags=to_author, until=vanishing.until)
    )
    assert wraps is not None
    covered = filter(vanishing.covers, _events(db, wraps))
    _remove(db, [event.id for event in covered])
    request = frozen(vanishing.request)
    if _judge(db, request, relay_urls).known is None:
        _insert(db, request)
