"""nostr-relay's SQL database as the store of a relay."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, Self

from orly_policy_hookspecs.nip01 import Filter, FrozenEvent, Position, address_of, frozen, kinds

from ....session import Added, Deletion, Known, Vanishing
from ..batched import BatchedStore, Job
from ..garbage import Removal, Suspect
from ..together import Keys
from . import reading, writing
from .databases import Database, database_at
from .judging import judge
from .planning import AUTHOR_INDEX
from .statements import Statements

_ALONE: Final = (kinds.DELETION, kinds.VANISH)
"""Kinds that bear on other events of their author."""


class SQLStore(BatchedStore):
    """A host (:class:`.session.Host`) over nostr-relay's tables ``events`` and ``tags``, that can
    recall, delete, make vanish and count. Made by :meth:`open`.
    """

    def __init__(self, database: Database, relay_urls: Collection[str]) -> None:
        super().__init__(database.dialect.capacity, _keys)
        self._database = database
        self._relay_urls = relay_urls

    @classmethod
    async def open(
        cls, url: str, relay_urls: Collection[str], options: Mapping[str, Any] | None = None
    ) -> Self:
        """Open a database that has nostr-relay's newest schema. An index is added to it, which
        does not bother nostr-relay.

        :param url: SQLAlchemy's, ``sqlite+aiosqlite:///…`` or ``postgresql+asyncpg://…``.
        :param relay_urls: of this relay, for requests to vanish.
        :param options: for SQLAlchemy's engine, where it is PostgreSQL.
        """
        database = database_at(url, options or {})
        try:
            await database.write(_add_index)
        except BaseException:
            await database.close()
            raise
        return cls(database, relay_urls)

    async def close(self) -> None:
        """Finish what waits, and close the database."""
        await self._finish()
        await self._database.close()

    # --- reading

    async def page(
        self, wanted: Filter, before: Position | None, most: int
    ) -> Sequence[FrozenEvent]:
        """The first events that match: see :meth:`.session.Host.page`."""
        return await self._database.read(lambda db: reading.page(db, wanted, before, most))

    async def count(self, wanted: Filter, now: int, most: int) -> int:
        """How many events match: see :meth:`.session.Counting.count`."""
        return await self._database.read(lambda db: reading.count(db, wanted, now, most))

    async def _recall_all(self, events: Sequence[FrozenEvent]) -> Sequence[Known | None]:
        judged = await self._database.look_up(lambda db: judge(db, events, self._relay_urls))
        return [each.known for each in judged]

    # --- writing

    async def suspects(self) -> Sequence[Suspect]:
        """Events that may be garbage."""
        return await self._database.read(reading.suspects)

    async def _write(self, jobs: Sequence[Job]) -> Sequence[Added | None]:
        return await self._database.write(lambda db: self._work(db, jobs))

    def _work(self, statements: Statements, jobs: Sequence[Job]) -> Sequence[Added | None]:
        match jobs[0]:
            case Deletion() as deletion:
                writing.delete(statements, deletion)
                return [None]
            case Vanishing() as vanishing:
                writing.vanish(statements, vanishing, frozen(vanishing.request))
                return [None]
            case Removal() as removal:
                writing.remove(statements, removal.ids)
                return [None]
            case _:
                events = [job for job in jobs if isinstance(job, FrozenEvent)]
                return self._add(statements, events)

    def _add(self, statements: Statements, events: Sequence[FrozenEvent]) -> list[Added]:
        return writing.add(statements, events, self._relay_urls)


def _keys(job: Job) -> Keys | None:
    """What an event has to do with; ``None`` for what is to be alone in a transaction."""
    if not isinstance(job, FrozenEvent) or job.kind in _ALONE:
        return None
    address = address_of(job)
    return (job.id,) if address is None else (job.id, address)


def _add_index(statements: Statements) -> None:
    statements.run(
        f"CREATE INDEX IF NOT EXISTS {AUTHOR_INDEX} ON events (pubkey, kind, created_at)"
    )
