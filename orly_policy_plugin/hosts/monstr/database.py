"""An SQLite database, asked on threads of its own."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self, TypeVar

from ...errors import PolicyError

_READERS: Final = 3
_BUSY_SECONDS: Final = 30.0
"""How long others may keep the database to themselves, such as monstr's own parts."""

_Result = TypeVar("_Result")
Work = Callable[[sqlite3.Connection], _Result]
"""What is done in one transaction."""


class Database:
    """A database that one process writes to. Made by :meth:`open`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._of_thread = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._writer = ThreadPoolExecutor(1, "monstr-writer")
        self._readers = ThreadPoolExecutor(_READERS, "monstr-reader")

    @classmethod
    async def open(
        cls, path: Path, tables: Mapping[str, Collection[str]], indexes: Collection[str]
    ) -> Self:
        """Open a database that is there, and add indexes to it.

        :param tables: the columns that each table has to have.
        :raises PolicyError: it is not there, has other tables, or cannot be used.
        """
        if not await asyncio.to_thread(path.is_file):
            raise PolicyError(f"{path}: there is no database yet; await store.create() makes it")
        database = cls(path)
        try:
            await database.write(lambda db: _prepare(db, path, tables, indexes))
        except sqlite3.Error as error:
            await database.close()
            raise PolicyError(f"{path}: {error}") from error
        except BaseException:
            await database.close()
            raise
        return database

    async def close(self) -> None:
        """Finish what is being done, and close."""
        for executor in (self._writer, self._readers):
            await asyncio.to_thread(executor.shutdown)
        while self._connections:
            self._connections.pop().close()

    async def write(self, work: Work[_Result]) -> _Result:
        """Do something in a transaction. There is one at a time."""
        return await self._on(self._writer, "BEGIN IMMEDIATE", work)

    async def read(self, work: Work[_Result]) -> _Result:
        """Look at one state of the database."""
        return await self._on(self._readers, "BEGIN", work)

    async def _on(self, executor: ThreadPoolExecutor, begin: str, work: Work[_Result]) -> _Result:
        def done() -> _Result:
            with _transaction(self._connection(), begin) as connection:
                return work(connection)

        return await asyncio.get_running_loop().run_in_executor(executor, done)

    def _connection(self) -> sqlite3.Connection:
        """The connection of this thread."""
        known: sqlite3.Connection | None = getattr(self._of_thread, "connection", None)
        if known is None:
            known = sqlite3.connect(
                self._path,
                timeout=_BUSY_SECONDS,
                isolation_level=None,  # transactions are our own
                check_same_thread=False,  # to be closed by another
            )
            self._connections.append(known)
            known.execute("PRAGMA journal_mode = WAL")  # as monstr's own: readers hinder no writer
            self._of_thread.connection = known
        return known


@contextmanager
def _transaction(connection: sqlite3.Connection, begin: str) -> Iterator[sqlite3.Connection]:
    connection.execute(begin)
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _prepare(
    db: sqlite3.Connection,
    path: Path,
    tables: Mapping[str, Collection[str]],
    indexes: Collection[str],
) -> None:
    for table, columns in tables.items():
        found = {row[0] for row in db.execute("SELECT name FROM pragma_table_info(?)", (table,))}
        if missing := sorted(set(columns) - found):
            raise PolicyError(f"{path}: the table {table} has no {', '.join(missing)}")
    for index in indexes:
        db.execute(index)
