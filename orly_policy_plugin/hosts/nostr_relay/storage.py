"""nostr-relay's storages, for what it does besides serving clients: events go by the session.

Its HTTP, its lists, its roles and its command use these; clients never do.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from aionostr.event import Event as TheirEvent
from nostr_relay.config import Config
from nostr_relay.errors import StorageError
from nostr_relay.rate_limiter import get_rate_limiter
from nostr_relay.storage.db import DBStorage
from nostr_relay.storage.kv import LMDBStorage

from orly_policy_hookspecs import GateError, OperatorError
from orly_policy_hookspecs.nip01 import Filter, FrozenEvent, Position

from ...errors import PolicyError
from ...session import Server
from .hazards import hazards_of_lmdb, hazards_of_postgres, hazards_of_sqlite
from .lmdb import LMDBStore
from .migrations import migrate
from .nodes import Nodes
from .rules import their_event
from .served import ServedStore
from .serving import OPTION, Serving
from .sql import SharedSQLStore, SQLStore, alone_at, why_unusable
from .workers import Workers

_HERE: Final = "orly_policy_plugin.hosts.nostr_relay"
_EVENTS_A_PAGE: Final = 500
_MOST_EVENTS: Final = 600_000
"""Events that a query of nostr-relay's own finds: its own bound."""


class _SessionStorage:
    """The common part of both storages. Mixed in before nostr-relay's own."""

    authenticator: Any
    store: Any
    DEFAULT_GARBAGE_COLLECTOR = f"{_HERE}.garbage.GarbageCollector"

    def __init__(self, options: dict[str, Any]) -> None:
        try:
            self._serving: Serving = options.pop(OPTION)
        except KeyError:
            raise StorageError(
                "this storage is served by orly_policy_plugin.hosts.nostr_relay.create_app alone"
            ) from None
        self._life = AsyncExitStack()
        super().__init__(options)  # type: ignore[call-arg]

    async def setup(self) -> None:
        """Open the database, and then the relay."""
        await super().setup()  # type: ignore[misc]
        serving = self._serving
        self.store = await self._opened_store()
        self._life.push_async_callback(self.store.close)
        if serving.rules is not None:
            serving.rules.use(self.authenticator)
        serving.rate_limiter = get_rate_limiter(Config)
        others = self._other_processes()
        served = ServedStore(self.store, others, self.authenticator, serving)
        self._has_opened = asyncio.Event()
        try:
            await others.open()
            self._life.push_async_callback(others.close)
            server = Server(serving.gate, served, serving.settings)
            serving.opened(await self._life.enter_async_context(server))
            serving.hazards = self._hazards
        except (OperatorError, GateError) as error:
            serving.why_not_started = error
            self._has_opened.set()
            await self._life.aclose()
            raise
        self._has_opened.set()

    async def close(self) -> None:
        """Close the relay, and then the database."""
        await self._life.aclose()
        self._serving.opened(None)
        await super().close()  # type: ignore[misc]

    async def _opened_store(self) -> Any:
        raise NotImplementedError

    async def _hazards(self) -> list[str]:
        """What loses events in this database, a line each."""
        raise NotImplementedError

    def _beside(self, ending: str) -> Path:
        """A path beside the database, which all processes of the relay share."""
        raise NotImplementedError

    def _other_processes(self) -> Workers | Nodes:
        """How this process and the others that serve the database tell each other of events."""
        return Workers(self._beside("workers"), self._announced)

    async def _announced(self, event: FrozenEvent) -> None:
        """Take an event that another process has stored. What it tells while this one opens waits
        until it has, or is nobody's where it cannot.
        """
        if (server := await self._opened_server()) is not None:
            await server.announced(event)

    async def _opened_server(self) -> Server | None:
        """The relay, once it has opened; ``None`` where it cannot, or is closed."""
        await self._has_opened.wait()
        return self._serving.server if self._serving.is_open else None

    # --- what nostr-relay's own parts ask

    async def add_event(
        self, event_json: Any, auth_token: dict[str, Any] | None = None
    ) -> tuple[TheirEvent, bool]:
        """Take an event of the relay's own, such as a role or a list.

        :raises StorageError: it is refused.
        """
        answer = await self._serving.server.submit(event_json)
        if not answer.accepted:
            raise StorageError(answer.message)
        return TheirEvent(**event_json), not answer.message.startswith("duplicate:")

    async def get_event(self, event_id: str) -> TheirEvent | None:
        """A stored event, as nostr-relay has it."""
        found = await self.find_event(event_id)
        return None if found is None else their_event(found)

    async def find_event(self, event_id: str) -> FrozenEvent | None:
        """A stored event."""
        found = await self.store.page(Filter(ids=frozenset({event_id})), None, 1)
        return found[0] if found else None

    async def delete_event(self, event_id: str) -> None:
        """Delete an event of the relay's own."""
        await self.store.remove([event_id])

    async def run_single_query(self, queries: Any) -> AsyncIterator[TheirEvent]:
        """Run a query of nostr-relay's own, whoever may read the events."""
        for query in [queries] if isinstance(queries, dict) else queries:
            async for event in self._found(_filter(query)):
                yield their_event(event)

    async def _found(self, wanted: Filter) -> AsyncIterator[FrozenEvent]:
        before, left = None, _MOST_EVENTS if wanted.limit is None else wanted.limit
        while left > 0:
            most = min(left, _EVENTS_A_PAGE)
            events = await self.store.page(wanted, before, most)
            for event in events:
                yield event
            left -= len(events)
            if len(events) < most:
                return
            before = Position.of(events[-1])


def _filter(query: Any) -> Filter:
    """Read a query of nostr-relay's. It is like a client's, with sets and tuples for lists, and a
    key that may be empty where no ``service_privatekey`` is configured.
    """
    listed = {
        name: list(value) if isinstance(value, Iterable) and not isinstance(value, str) else value
        for name, value in dict(query).items()
        if name != "tags"
    }
    for name in ("ids", "authors"):
        if name in listed:
            listed[name] = [key.lower() for key in listed[name] or () if key]
    return Filter.read(listed)


class PolicyDBStorage(_SessionStorage, DBStorage):  # type: ignore[misc]
    """SQL storage."""

    async def setup(self) -> None:
        """Bring the schema up to date, and open.

        :raises PolicyError: the database cannot be used.
        """
        try:
            async with alone_at(self.db_url, self.sqlalchemy_options):
                await asyncio.to_thread(migrate, self._lock_file)
        except (OSError, ImportError, sa.exc.SQLAlchemyError) as error:
            problem = PolicyError(f"storage.sqlalchemy.url: {why_unusable(self.db_url, error)}")
            self._serving.why_not_started = problem
            raise problem from error
        self.sqlalchemy_options.setdefault("hide_parameters", True)  # or the log has events
        await super().setup()

    async def _opened_store(self) -> SQLStore:
        urls = self._serving.settings.relay_urls
        made = SharedSQLStore if self.is_postgres else SQLStore
        return await made.open(self.db_url, urls, self.sqlalchemy_options)

    def _other_processes(self) -> Workers | Nodes:
        if isinstance(self.store, SharedSQLStore):
            return Nodes(self.store, self._opened_server)
        return super()._other_processes()

    async def _hazards(self) -> list[str]:
        if isinstance(self.store, SharedSQLStore):
            return [*hazards_of_postgres(await self.store.durability())]
        return hazards_of_sqlite(self._file)

    @property
    def _file(self) -> str:
        return str(self.db_url.partition(":///")[2].partition("?")[0])

    @property
    def _path(self) -> Path | None:
        """The file, of SQLite that has one."""
        in_memory = self.is_postgres or not self._file or ":memory:" in self._file
        return None if in_memory else Path(self._file).absolute()

    @property
    def _lock_file(self) -> Path | None:
        """By which those that open a file take turns; see :func:`.alone_at` for a server."""
        return None if self._path is None else self._beside("lock")

    def _beside(self, ending: str) -> Path:
        if (path := self._path) is not None:
            return path.with_name(f"{path.name}.{ending}")
        name = hashlib.sha256(self.db_url.encode()).hexdigest()[:16]
        return Path(Config.config_file).absolute().parent / f"nostr-relay-{name}.{ending}"


class PolicyLMDBStorage(_SessionStorage, LMDBStorage):  # type: ignore[misc]
    """LMDB storage."""

    async def _opened_store(self) -> LMDBStore:
        serving = self._serving
        store = LMDBStore(self.db, serving.settings.relay_urls, serving.searched_kinds)
        if store.searches:
            store.index_what_is_stored()
        return store

    async def _hazards(self) -> list[str]:
        page_bytes, pages = self.db.stat()["psize"], self.db.info()["last_pgno"] + 1
        path = Path(self.options["path"])
        return hazards_of_lmdb(path, page_bytes * pages, self.db.info()["map_size"])

    def _beside(self, ending: str) -> Path:
        path = Path(self.options["path"]).absolute()
        return path.with_name(f"{path.name}.{ending}")
