"""One connection to the database. No call on it waits for longer than it may.

The server is told how long a statement and a lock may take. That is not enough where the network
is cut: nothing says so then. So each wait for an answer has an end here as well, and a connection
on which one was waited for in vain is given up.
"""

import contextlib
import math
import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, LiteralString

import attrs
import psycopg
from psycopg import sql

from ...errors import Busy, Unreachable
from ..address import Address
from .faults import translated
from .schema import check_version

READING: Final = "ISOLATION LEVEL REPEATABLE READ READ ONLY"
"""All statements see one moment."""
CHANGING: Final = "ISOLATION LEVEL READ COMMITTED"
"""Whoever changes something has locked the fleet's row first, and sees what was committed."""

_APPLICATION: Final = "orly-policy"
_IDLE_SECONDS: Final = 30.0
"""How long a step may do nothing before the server ends it: a policy may be compiled in it."""
_MARGIN_SECONDS: Final = 1.0
"""For the way of an answer: the server's own word that it took too long is the better one."""


@attrs.frozen
class Patience:
    """How long is waited for the database."""

    connect_seconds: int = 3
    """At least 2, for a connection."""
    answer_seconds: float = 8.0
    """For a statement."""
    lock_seconds: float = 5.0
    """For whoever is changing the same fleet. Less than for a statement."""


class _TimedConnection(psycopg.Connection[tuple[Any, ...]]):
    """A connection whose waits end."""

    answer_by: float = math.inf
    """On the monotonic clock."""
    is_stopping: Callable[[], bool] = staticmethod(lambda: False)
    """Whether nobody waits any more."""

    def wait(self, gen: Any, *args: Any, **named: Any) -> Any:
        """As psycopg waits, and no longer than until :attr:`answer_by`."""
        return super().wait(_until(gen, self), *args, **named)


def _until(
    gen: Generator[Any, Any, Any], connection: _TimedConnection
) -> Generator[Any, Any, Any]:
    """The steps of a wait. psycopg asks for the next one ten times a second at least."""
    try:
        wanted = next(gen)
        while True:
            is_ready = yield wanted
            if time.monotonic() > connection.answer_by:
                raise psycopg.OperationalError("no answer in time")
            if connection.is_stopping():
                raise psycopg.OperationalError("nobody waits any more")
            wanted = gen.send(is_ready)
    except StopIteration as end:
        return end.value


class Link:
    """A connection, made when it is needed, and again after it broke; for one thread at a time.

    Every method raises the engine's errors.
    """

    def __init__(
        self,
        address: Address,
        patience: Patience,
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        """:param is_stopping: asked now and then whether to wait on."""
        self._address = address
        self._patience = patience
        self._is_stopping = is_stopping
        self._connection: _TimedConnection | None = None
        self._process = os.getpid()

    def begin(self, mode: LiteralString) -> None:
        """Begin a transaction. A connection that has broken since it was last used is made again.

        :param mode: :data:`READING` or :data:`CHANGING`.
        """
        words = self._beginning(mode)
        if (reused := self._usable()) is not None:
            try:
                self._execute(reused, words)
                return
            except psycopg.OperationalError:
                self.close()
        with self._translating():
            self._execute(self._connected(), words)

    def run(
        self, query: LiteralString, values: Sequence[Any] | Mapping[str, Any] = ()
    ) -> list[Any]:
        """Run one statement in the transaction, and return its rows."""
        assert self._connection is not None
        with self._translating():
            cursor = self._execute(self._connection, query, values)
            return cursor.fetchall() if cursor.description else []

    def run_each(self, query: LiteralString, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement for each row of values, all in one go."""
        assert self._connection is not None
        with self._translating(), self._connection.cursor() as cursor:
            self._set_the_time(self._connection)
            cursor.executemany(query, rows)

    def commit(self) -> None:
        """End the transaction; it counts when this returns."""
        assert self._connection is not None
        with self._translating():
            self._execute(self._connection, "COMMIT")

    def undo(self) -> None:
        """End the transaction; nothing of it counts. Raises nothing."""
        if self._connection is None:
            return
        try:
            self._execute(self._connection, "ROLLBACK")
        except psycopg.Error:
            self.close()

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """A transaction to read in.

        :raises Unreachable: also where somebody has locked a whole table for too long.
        """
        self.begin(READING)
        try:
            yield
        except Busy as error:  # nobody who changes a policy keeps readers out
            raise Unreachable(str(error)) from error
        finally:
            self.undo()

    def listen(self, channel: str) -> None:
        """Have the server tell of notifications from now on."""
        with self._translating():
            connection = self._usable() or self._connected()
            self._execute(connection, sql.SQL("LISTEN {}").format(sql.Identifier(channel)))

    def notifications(self, seconds: float) -> list[tuple[str, str]]:
        """Wait for the next ones, for so long at most: the channel and the payload of each."""
        assert self._connection is not None
        with self._translating():
            self._connection.answer_by = math.inf
            found = self._connection.notifies(timeout=seconds, stop_after=1)
            return [(each.channel, each.payload) for each in found]

    def close(self) -> None:
        """Give the connection up; the next use makes another."""
        connection, self._connection = self._connection, None
        if connection is not None and self._process == os.getpid():
            connection.close()

    def _usable(self) -> _TimedConnection | None:
        if self._process != os.getpid():
            self._connection, self._process = None, os.getpid()  # the parent's: not ours to close
        if self._connection is not None and self._connection.closed:
            self._connection = None
        return self._connection

    def _connected(self) -> _TimedConnection:
        made = _TimedConnection.connect(
            self._address.url,
            autocommit=True,
            prepare_threshold=None,  # a pooler may hand out another connection each time
            connect_timeout=self._patience.connect_seconds,
            application_name=_APPLICATION,
            client_encoding="utf8",  # text of a database without one comes as bytes otherwise
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=3,
        )
        self._connection = made
        made.is_stopping = self._is_stopping
        try:
            self._set_the_time(made)
            check_version(made, self._address)
        except BaseException:
            self.close()
            raise
        return made

    def _beginning(self, mode: LiteralString) -> sql.Composed:
        """One round trip, and local to the transaction, as a pooler needs it."""
        settings = {
            "lock_timeout": self._patience.lock_seconds,
            "statement_timeout": self._patience.answer_seconds,
            "idle_in_transaction_session_timeout": _IDLE_SECONDS,
        }
        local = (
            sql.SQL("SET LOCAL {} = {}").format(sql.Identifier(name), int(seconds * 1000))
            for name, seconds in settings.items()
        )
        return sql.SQL("; ").join([sql.SQL("BEGIN {}").format(sql.SQL(mode)), *local])

    def _set_the_time(self, connection: _TimedConnection) -> None:
        seconds = self._patience.answer_seconds + _MARGIN_SECONDS
        connection.answer_by = time.monotonic() + seconds

    def _execute(
        self,
        connection: _TimedConnection,
        query: Any,
        values: Sequence[Any] | Mapping[str, Any] = (),
    ) -> psycopg.Cursor[Any]:
        self._set_the_time(connection)
        return connection.execute(query, values or None)

    @contextlib.contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            if isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError)) and (
                error.sqlstate is None
            ):
                self.close()
            raise translated(error, self._address) from None
