"""A connection of PostgreSQL on which a process hears what others announce."""

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final

import attrs
from sqlalchemy.ext.asyncio import AsyncEngine

from .announcing import CHANNEL

_ANSWER_SECONDS: Final = 10.0

Hear = Callable[[str], None]
"""Called with a payload, on the event loop."""
Lost = Callable[[], None]
"""Called when the connection has ended, on the event loop."""


@attrs.frozen
class Snapshot:
    """What could be seen at a time."""

    text: str
    """As PostgreSQL writes it."""
    taken_at: int
    """Unix seconds."""


@attrs.define(eq=False)
class Listening:
    """The connection. Made by :func:`listening`."""

    _driver: Any
    """asyncpg's, under SQLAlchemy's: this has no LISTEN."""
    is_lost: bool = False
    """Whether it has ended."""

    async def snapshot(self) -> Snapshot:
        """What can be seen now. Asked now and then, it finds out about a cut cable, too.

        :raises OSError: there is no answer, or none in time.
        """
        taken_at = int(time.time())
        with _errors_of_asyncpg():
            text = await self._driver.fetchval(_SNAPSHOT, timeout=_ANSWER_SECONDS)
        return Snapshot(text, taken_at)


_SNAPSHOT: Final = "SELECT CAST(pg_current_snapshot() AS text)"


@contextmanager
def _errors_of_asyncpg() -> Iterator[None]:
    """Raise them as what is known without asyncpg."""
    import asyncpg  # there is none where there is no PostgreSQL

    try:
        yield
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise ConnectionError(str(error)) from error


@asynccontextmanager
async def listening(engine: AsyncEngine, hear: Hear, lost: Lost) -> AsyncIterator[Listening]:
    """Listen.

    :raises OSError: or an error of SQLAlchemy: this is not possible.
    :param engine: without a pool: a connection of a pool may be one that was lost.
    """
    async with engine.connect() as connection:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        made = Listening(driver)

        def ended(_: Any) -> None:
            made.is_lost = True
            lost()

        driver.add_termination_listener(ended)
        with _errors_of_asyncpg():
            channel = await driver.fetchval(f"SELECT {CHANNEL}", timeout=_ANSWER_SECONDS)
            await driver.add_listener(channel, lambda *notification: hear(notification[-1]))
        try:
            yield made
        finally:
            driver.terminate()
