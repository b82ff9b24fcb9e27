"""The two databases: where work on a connection is done, off the event loop, and how it ends."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from threading import Lock
from typing import Any, Final, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from orly_policy_hookspecs.logs import get_log
from orly_policy_plugin.extras import how_to_install

from ....session import StoreUnavailable
from .dialects import Dialect, PostgreSQL, SQLite
from .listening import Hear, Listening, Lost, listening
from .statements import Statements

T = TypeVar("T")

_READERS: Final = 4
_SECONDS_TO_WAIT_FOR_THE_LOCK: Final = 30
_SECONDS_BETWEEN_INTERRUPTS: Final = 0.02
_WRITERS_LOCK: Final = 0x6F726C79
"""An advisory lock of PostgreSQL: one process writes at a time. The number is ``orly``."""
_MIGRATIONS_LOCK: Final = _WRITERS_LOCK + 1
"""Another, held while the schema is brought up to date."""

_BY_INDEX: Final = ", ".join(
    f"set_config('enable_{what}', 'off', true)" for what in ("hashjoin", "mergejoin", "seqscan")
)
"""What arrives is looked up by indexes. PostgreSQL knows not how little that is, and reads whole
tables instead."""

_PRAGMAS: Final = (
    # As nostr-relay sets them.
    "journal_mode = wal",
    "synchronous = normal",
    "temp_store = memory",
    "mmap_size = 30000000000",
    "foreign_keys = ON",
    # Ours: the same pages are written again and again, so they are copied back to the database
    # more seldom. A third less time for an event in a database of 100,000.
    "wal_autocheckpoint = 10000",
)


_LOG_NAME: Final = "orly_policy"
_UNLOGGED: Final[Mapping[str, Any]] = {"hide_parameters": True, "logging_name": _LOG_NAME}
"""What events say is not for the log: no parameters, and no rows, which SQLAlchemy logs where all
is switched on."""
logging.getLogger(f"sqlalchemy.engine.Engine.{_LOG_NAME}").setLevel(logging.WARNING)

log = get_log(__name__)


class Database(Protocol):
    """A database. Work is a plain function of its statements, and done off the event loop."""

    dialect: Dialect

    async def read(self, work: Callable[[Statements], T]) -> T:
        """Do work that only reads. When the task is cancelled, its statement ends."""

    async def look_up(self, work: Callable[[Statements], T]) -> T:
        """Do work that only reads and takes little time. No long read holds it up."""

    async def write(self, work: Callable[[Statements], T]) -> T:
        """Do work in one transaction, alone of all writers, and commit."""

    async def close(self) -> None:
        """Finish what was begun, and close."""


def database_at(url: str, options: Mapping[str, Any]) -> Database:
    """The database at a URL of SQLAlchemy.

    :param options: for the engine of PostgreSQL.
    """
    made = sa.make_url(url)
    if made.get_backend_name() == "sqlite":
        return SQLiteDatabase(made)
    return PostgreSQLDatabase(made, options)


@asynccontextmanager
async def alone_at(url: str, options: Mapping[str, Any]) -> AsyncIterator[None]:
    """Have the processes that bring a schema up to date take turns, also those of other machines.
    SQLite's are on one machine, and take turns by a file.

    :param options: for the engine.
    """
    if sa.make_url(url).get_backend_name() == "sqlite":
        yield
        return
    async with unpooled(url, options).connect() as connection:
        await connection.execute(sa.text(f"SELECT pg_advisory_lock({_MIGRATIONS_LOCK})"))
        yield


def why_unusable(url: str, error: Exception) -> str:
    """What to tell an operator whose database has failed, in a line and without its password.

    :param url: SQLAlchemy's.
    """
    try:
        shown = sa.make_url(url).render_as_string(hide_password=True)
    except sa.exc.ArgumentError:
        return "this is no URL of SQLAlchemy, such as postgresql+asyncpg://user@host/name"
    if isinstance(error, ImportError) and error.name == "asyncpg":
        return f"PostgreSQL needs asyncpg: {how_to_install('nostr-relay-postgresql')}"
    return f"the database {shown} cannot be used: {reason_of(error)}"


def reason_of(error: Exception) -> str:
    """What a database, or the network, says of a failure."""
    reason = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    return str(reason) or type(reason).__name__


def unpooled(url: str | sa.URL, options: Mapping[str, Any]) -> AsyncEngine:
    """An engine that makes a connection each time, and none before.

    :param options: for an engine that may have a pool.
    """
    kept = {each: value for each, value in options.items() if not each.startswith(_OF_POOLS)}
    return create_async_engine(url, **kept, poolclass=sa.NullPool)


_OF_POOLS: Final = ("max_overflow", "pool")
"""How options begin that are for pools."""


def _is_out_of_reach(error: Exception) -> bool:
    """Whether it is the database's state, or the network's, that has made PostgreSQL fail."""
    if isinstance(error, sa.exc.DBAPIError):
        state = getattr(error.orig, "sqlstate", None) or ""
        return error.connection_invalidated or state.startswith(_AWAY)
    return isinstance(error, (OSError, sa.exc.TimeoutError))


_AWAY: Final = ("08", "53300", "57P")
"""How PostgreSQL's error codes begin when a connection fails, there are too many, or the server
starts, stops or has crashed."""


class _Interruptible:
    """A connection that another thread may stop."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._connection: Any = None

    def hold(self, connection: Any) -> None:
        """Name the connection that works; ``None`` when it is done."""
        with self._lock:
            self._connection = connection

    def interrupt(self) -> None:
        """Stop its statement, if there is one."""
        with self._lock:
            if self._connection is not None:
                self._connection.interrupt()


class SQLiteDatabase:
    """A file of SQLite, by threads of its own.

    Not by aiosqlite, which changes threads for each statement, 0.37 ms each, and logs parameters.
    One thread writes, one looks up, a few read; each has a connection for as long as its work
    takes.
    """

    def __init__(self, url: sa.URL) -> None:
        self.dialect: Dialect = SQLite()
        self._engine = sa.create_engine(
            url.set(drivername="sqlite"),
            **_UNLOGGED,
            pool_size=_READERS + 2,
            connect_args={"check_same_thread": False, "timeout": _SECONDS_TO_WAIT_FOR_THE_LOCK},
        )
        sa.event.listen(self._engine, "connect", _set_pragmas)
        self._readers = ThreadPoolExecutor(_READERS, "orly-policy-sql-read")
        self._looking_up = ThreadPoolExecutor(1, "orly-policy-sql-look-up")
        self._writer = ThreadPoolExecutor(1, "orly-policy-sql-write")

    async def read(self, work: Callable[[Statements], T]) -> T:
        """See :class:`Database`."""
        return await self._read_by(self._readers, work)

    async def look_up(self, work: Callable[[Statements], T]) -> T:
        """See :class:`Database`."""
        return await self._read_by(self._looking_up, work)

    async def _read_by(self, threads: ThreadPoolExecutor, work: Callable[[Statements], T]) -> T:
        held = _Interruptible()
        future = threads.submit(self._read, work, held)
        waiting = asyncio.wrap_future(future)
        try:
            await asyncio.wait({waiting})
        except asyncio.CancelledError:
            waiting.cancel()
            await _end(future, held)
            raise
        return waiting.result()

    def _read(self, work: Callable[[Statements], T], held: _Interruptible) -> T:
        with self._engine.connect() as connection:
            held.hold(connection.connection.driver_connection)
            try:
                return work(Statements(connection, self.dialect))
            finally:
                held.hold(None)

    async def write(self, work: Callable[[Statements], T]) -> T:
        """See :class:`Database`."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._writer, self._write, work)

    def _write(self, work: Callable[[Statements], T]) -> T:
        with self._engine.connect() as connection:
            # At once, as what is looked up before the first change has to hold until the commit.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            result = work(Statements(connection, self.dialect))
            connection.commit()
        return result

    async def close(self) -> None:
        """See :class:`Database`."""
        for threads in (self._writer, self._looking_up, self._readers):
            await asyncio.to_thread(threads.shutdown)
        self._engine.dispose()


async def _end(future: "Future[Any]", held: _Interruptible) -> None:
    """Stop what a thread reads. Repeated, as an interrupt between two statements stops none."""
    while not future.done():
        held.interrupt()
        await asyncio.sleep(_SECONDS_BETWEEN_INTERRUPTS)


def _set_pragmas(connection: Any, _: object) -> None:
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _give_up_if_ended(connection: Any, *_: object) -> None:
    """Have the pool connect anew where the server has ended a connection, as when it restarts.
    asyncpg knows, so no statement has to fail for it, and no round trip asks.
    """
    if connection.driver_connection.is_closed():
        raise sa.exc.DisconnectionError


class PostgreSQLDatabase:
    """A database of PostgreSQL, by asyncpg, which itself ends the statement of a task that is
    cancelled.
    """

    def __init__(self, url: sa.URL, options: Mapping[str, Any]) -> None:
        self.dialect: Dialect = PostgreSQL()
        given = options.get("connect_args", {})
        # What is asked is short; to compile it takes longer than to find it.
        settings = {"jit": "off", **given.get("server_settings", {})}
        arguments = {**given, "server_settings": settings}
        options = {**options, **_UNLOGGED, "connect_args": arguments}
        self._engine = create_async_engine(url, **options)
        sa.event.listen(self._engine.sync_engine, "checkout", _give_up_if_ended)
        self._reading = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._unpooled = unpooled(url, options)
        self._is_away = False

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """Have clients told if the database is out of reach, and the log once each time.

        :raises StoreUnavailable: it is.
        """
        try:
            yield
        except Exception as error:
            if not _is_out_of_reach(error):
                raise
            if not self._is_away:
                log.error("the database is out of reach: %s", reason_of(error))  # noqa: TRY400 -- no fault of ours
            self._is_away = True
            raise StoreUnavailable("the database is out of reach") from error
        self._is_away = False

    async def read(self, work: Callable[[Statements], T]) -> T:
        """See :class:`Database`."""
        with self._reached():
            return await self._read(work)

    async def _read(self, work: Callable[[Statements], T]) -> T:
        async with self._reading.connect() as connection:
            return await connection.run_sync(lambda sync: work(Statements(sync, self.dialect)))

    async def look_up(self, work: Callable[[Statements], T]) -> T:
        """See :class:`Database`."""

        def by_index(connection: sa.Connection) -> T:
            connection.exec_driver_sql(f"SELECT {_BY_INDEX}")
            return work(Statements(connection, self.dialect))

        with self._reached():
            async with self._engine.connect() as connection:
                return await connection.run_sync(by_index)

    async def write(self, work: Callable[[Statements], T]) -> T:
        """See :class:`Database`."""

        def locked(connection: sa.Connection) -> T:
            connection.exec_driver_sql(
                f"SELECT pg_advisory_xact_lock({_WRITERS_LOCK}), {_BY_INDEX}"
            )
            return work(Statements(connection, self.dialect))

        with self._reached():
            async with self._engine.begin() as connection:
                return await connection.run_sync(locked)

    def listening(self, hear: Hear, lost: Lost) -> AbstractAsyncContextManager[Listening]:
        """A connection besides on which what others announce is heard."""
        return listening(self._unpooled, hear, lost)

    async def close(self) -> None:
        """See :class:`Database`."""
        await self._engine.dispose()
