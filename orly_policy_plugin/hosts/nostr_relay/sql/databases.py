"""The two databases: where work on a connection is done, off the event loop, and how it ends."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Any, Final, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from .dialects import Dialect, PostgreSQL, SQLite
from .statements import Statements

T = TypeVar("T")

_READERS: Final = 4
_SECONDS_TO_WAIT_FOR_THE_LOCK: Final = 30
_SECONDS_BETWEEN_INTERRUPTS: Final = 0.02
_WRITERS_LOCK: Final = 0x6F726C79
"""An advisory lock of PostgreSQL: one process writes at a time. The number is ``orly``."""

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
        self._engine = create_async_engine(
            url, **{**options, **_UNLOGGED, "connect_args": arguments}
        )
        self._reading = self._engine.execution_options(isolation_level="AUTOCOMMIT")

    async def read(self, work: Callable[[Statements], T]) -> T:
        """See :class:`Database`."""
        async with self._reading.connect() as connection:
            return await connection.run_sync(lambda sync: work(Statements(sync, self.dialect)))

    async def look_up(self, work: Callable[[Statements], T]) -> T:
        """See :class:`Database`."""

        def by_index(connection: sa.Connection) -> T:
            connection.exec_driver_sql(f"SELECT {_BY_INDEX}")
            return work(Statements(connection, self.dialect))

        async with self._engine.connect() as connection:
            return await connection.run_sync(by_index)

    async def write(self, work: Callable[[Statements], T]) -> T:
        """See :class:`Database`."""

        def locked(connection: sa.Connection) -> T:
            connection.exec_driver_sql(
                f"SELECT pg_advisory_xact_lock({_WRITERS_LOCK}), {_BY_INDEX}"
            )
            return work(Statements(connection, self.dialect))

        async with self._engine.begin() as connection:
            return await connection.run_sync(locked)

    async def close(self) -> None:
        """See :class:`Database`."""
        await self._engine.dispose()
