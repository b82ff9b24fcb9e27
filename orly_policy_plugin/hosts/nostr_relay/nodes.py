"""Live events for the readers of every process that serves one PostgreSQL, on whatever machines.

Each process listens on a connection of its own. Whoever stores an event tells its id in the same
transaction, so that nobody hears of what he cannot read. A process reads an event if somebody
there may want it, verifies it, and has its own policy decide who is given it. Ephemeral events
are carried whole. A notification is a hint: after a lost connection a process reads what was
stored meanwhile.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from orly_policy_hookspecs.logs import get_log
from orly_policy_hookspecs.nip01 import FrozenEvent, KindClass, class_of, kinds

from ...errors import PolicyError
from ...session import Server, StoreUnavailable
from .announcements import MOST_BYTES, Unreadable, of_ephemeral, of_stored, read
from .heard import FellBehind, Heard
from .sql import SharedSQLStore
from .sql.listening import Listening, Snapshot
from .together import Together

_BETWEEN_SNAPSHOTS_SECONDS: Final = 5.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.1, 5.0
"""Before the connection is made again; each pause is twice the last."""
_HEARS_NOTHING: Final = (
    "not even this process hears what it announces: LISTEN has no effect on its connection, so "
    "its readers miss what other processes store; is there a pooler that keeps no sessions, such "
    "as PgBouncer with pool_mode = transaction?"
)

_OUTAGES: Final = (OSError, SQLAlchemyError, StoreUnavailable, FellBehind)
"""What is no fault of this process."""

log = get_log(__name__)


class Nodes:
    """This process among all that serve one database."""

    def __init__(
        self, store: SharedSQLStore, server: Callable[[], Awaitable[Server | None]]
    ) -> None:
        """:param server: the relay in this process, once it has opened; ``None`` where it cannot,
        or is closed.
        """
        self._store = store
        self._server = server
        self._sending: Together[str, None] = Together(self._send)
        self._heard = Heard(store)
        self._news = asyncio.Event()
        self._snapshot: Snapshot | None = None
        """Whatever is in it has been told here, or need not be."""
        self._following: asyncio.Task[None] | None = None
        self._is_deaf = False
        self._hears_itself = False
        self._has_said: set[str] = set()

    async def open(self) -> None:
        """Listen from now on.

        :raises PolicyError: the database does not let this process listen.
        """
        listens: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._following = asyncio.create_task(self._follow_always(listens))
        await listens

    async def close(self) -> None:
        """Tell what is to be told, and listen no more."""
        await self._sending.close()
        if self._following is not None:
            self._following.cancel()
            await asyncio.wait({self._following})

    # --- telling

    async def announce(self, event: FrozenEvent) -> None:
        """Tell the others of an event that is not told of by the transaction that stores it."""
        self._heard.has_told(event.id)
        if class_of(event.kind) is KindClass.EPHEMERAL:
            await self._tell(of_ephemeral(self._store.origin, event))
        elif event.kind == kinds.VANISH:  # stored whatever the policy says, told where it says so
            await self._tell(of_stored(self._store.origin, [event])[0])

    async def _tell(self, payload: str) -> None:
        size_bytes = len(payload.encode())
        if size_bytes > MOST_BYTES:
            self._say_once(
                "size",
                f"an ephemeral event that takes {size_bytes} bytes reaches the readers of this "
                f"process alone: PostgreSQL carries {MOST_BYTES}",
            )
            return
        try:
            await self._sending.do(payload)
        except Exception as error:  # noqa: BLE001 -- its own readers have it, whatever the others get
            log.warning("other processes are not told of an event: %s", _why(error))

    async def _send(self, payloads: Sequence[str]) -> Sequence[None]:
        await self._store.notify(payloads)
        return [None] * len(payloads)

    # --- being told

    async def _follow_always(self, listens: "asyncio.Future[None]") -> None:
        """Listen until cancelled, with another connection after one is lost."""
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                async with self._store.listening(self._hear, self._news.set) as listening:
                    if not listens.done():
                        listens.set_result(None)
                    await self._follow(listening)
            except Exception as error:  # noqa: BLE001 -- whatever it was, events go on
                if not listens.done():
                    listens.set_exception(
                        PolicyError(f"the database does not let the relay listen: {_why(error)}")
                    )
                    return
                if not self._is_deaf:
                    pause = _FIRST_PAUSE_SECONDS
                self._is_deaf_for(error)
            await asyncio.sleep(random.uniform(pause / 2, pause))  # noqa: S311 -- no secret
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _is_deaf_for(self, error: Exception) -> None:
        """Say why nothing is heard: of an outage once, of a fault of ours always and where."""
        is_outage = isinstance(error, _OUTAGES)
        if not (self._is_deaf and is_outage):
            log.warning(
                "what other processes store is not heard of: %s",
                _why(error),
                exc_info=None if is_outage else error,
            )
        self._is_deaf = True

    async def _follow(self, listening: Listening) -> None:
        """Tell what comes on a connection until it ends, at first what came before it."""
        snapshot = await listening.snapshot()
        if self._snapshot is None:
            self._snapshot = snapshot
        else:
            await self._heard.look_up(self._snapshot)
        loop = asyncio.get_running_loop()
        due = loop.time() + _BETWEEN_SNAPSHOTS_SECONDS
        had_told = False
        while not listening.is_lost:
            if self._heard and (server := await self._server()) is not None:
                await self._heard.tell(server)
            if self._is_deaf:
                self._is_deaf = False
                log.warning("what other processes store is heard of again")
            if loop.time() >= due:
                # What was in the last one has been heard of by now, and told.
                self._snapshot, snapshot = snapshot, await listening.snapshot()
                due = loop.time() + _BETWEEN_SNAPSHOTS_SECONDS
                if had_told and not self._hears_itself:
                    self._say_once("itself", _HEARS_NOTHING)
                had_told = self._store.has_told
            await self._wait_for_news(due - loop.time())
        raise ConnectionError("the connection was lost")

    async def _wait_for_news(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return
        self._news.clear()

    def _hear(self, payload: str) -> None:
        try:
            announcement = read(payload)
        except Unreadable as error:
            self._say_once("garbage", f"what was announced is not understood: {error}")
            return
        if announcement.origin == self._store.origin:
            self._hears_itself = True
        else:
            self._heard.hear(announcement)
            self._news.set()

    def _say_once(self, about: str, text: str) -> None:
        if about not in self._has_said:
            self._has_said.add(about)
            log.warning(text)


def _why(error: Exception) -> str:
    return str(error) or type(error).__name__
