"""nostr-relay's PostgreSQL, as the store of processes on several machines."""

import secrets
from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager

from orly_policy_hookspecs.nip01 import FrozenEvent

from ....session import Added, Known
from ..announcements import Stored, of_stored
from ..batched import Job
from . import announcing
from .databases import Database, PostgreSQLDatabase
from .listening import Hear, Listening, Lost
from .statements import Statements
from .store import SQLStore


class SharedSQLStore(SQLStore):
    """A :class:`SQLStore` that tells the other processes what it stores, in the transaction that
    stores it: so they hear of nothing that they could not read.
    """

    def __init__(self, database: Database, relay_urls: Collection[str]) -> None:
        super().__init__(database, relay_urls)
        assert isinstance(database, PostgreSQLDatabase)
        self._shared = database
        self.origin = secrets.token_hex(8)
        """By which a process knows what it has told itself."""
        self.has_told = False
        """Whether the others have been told of an event."""

    async def _write(self, jobs: Sequence[Job]) -> Sequence[Added | None]:
        added = await super()._write(jobs)
        self.has_told = self.has_told or Known.STORED in added
        return added

    def _add(self, statements: Statements, events: Sequence[FrozenEvent]) -> list[Added]:
        added = super()._add(statements, events)
        stored = [each for each, as_ in zip(events, added, strict=True) if as_ is Known.STORED]
        announcing.notify(statements, of_stored(self.origin, stored))
        return added

    async def notify(self, payloads: Sequence[str]) -> None:
        """Send payloads that tell of nothing that is being stored."""
        await self._database.read(lambda db: announcing.notify(db, payloads))

    def listening(self, hear: Hear, lost: Lost) -> AbstractAsyncContextManager[Listening]:
        """Listen to the others, and to this process itself.

        :param hear: called with each payload.
        :param lost: called when the connection has ended.
        """
        return self._shared.listening(hear, lost)

    async def read(self, ids: Collection[str]) -> list[FrozenEvent]:
        """The events of these ids that are there, unverified and in any order."""
        return await self._database.read(lambda db: announcing.read(db, ids))

    async def durability(self) -> dict[str, str]:
        """PostgreSQL's settings by which it may lose what it has said is stored."""
        return await self._database.read(announcing.durability)

    async def stored_since(self, snapshot: str, created_since: int, most: int) -> list[Stored]:
        """What has been stored since: see :func:`.announcing.stored_since`."""
        return await self._database.read(
            lambda db: announcing.stored_since(db, snapshot, created_since, most)
        )
