"""The life of a relay: its plugins, its store, and the sessions of its clients."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self

from orly_policy_hookspecs import Context, Gate
from orly_policy_hookspecs.nip01 import FrozenEvent, UnreadableFilter, kinds

from ..addresses import address_group, is_loopback
from .feeding import STORED, Feeding, tell_of_list
from .host import Abilities, Host, Search
from .information import information
from .live import Live
from .outbox import Send, SendMany
from .reading import Reading
from .session import Session
from .settings import SessionSettings
from .tasks import Tasks
from .turns import ReadersTurns
from .writing import Ok, Writing

_LAST_WORDS_SECONDS: Final = 3.0
_LATE_SECONDS: Final = 10.0
"""An event that another process has stored is found here before it is announced here."""


class Server:
    """A relay behind a gate. To be entered, on the event loop on which it serves::

        async with Server(gate, host) as server:
            ...
            async with server.connect(websocket.send, ip=ip) as session:
                async for text in websocket:
                    await session.incoming(text)

    Entering it starts the plugins, hands them the lists that are stored and opens them;
    leaving it ends all sessions and stops the plugins. It raises a :class:`PluginError` where a
    plugin does not start, and what a plugin raises that refuses to open.
    """

    def __init__(
        self,
        gate: Gate,
        host: Host,
        settings: SessionSettings | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """:param gate: with its plugins registered.
        :param clock: Unix seconds.
        """
        self.gate = gate
        self.settings = settings or SessionSettings()
        self.clock = clock
        self._able = Abilities.of(host)
        self.late_seconds = 0.0 if self._able.announces is None else _LATE_SECONDS
        """So long after it was stored an event may still come as a live one."""
        self._tasks = Tasks()
        self.writes = Tasks()
        """The events that clients have sent. Each is finished although its client has gone."""
        turns = ReadersTurns(self.settings.reads_at_a_time)
        self.reading = Reading(gate, self._able, self.settings, clock, turns)
        self.live = Live(self.reading, self._tasks)
        self.writing = Writing(gate, self._able, self.settings, clock, self._taken)
        self._feeding = Feeding(host, gate)
        self._sessions: set[Session] = set()
        self._of_address: Counter[str] = Counter()
        self._are_gone = asyncio.Event()
        self._are_gone.set()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()

        def changed() -> None:
            with suppress(RuntimeError):  # the loop is closed: the relay has ended
                loop.call_soon_threadsafe(self._feeding.due)

        await self.gate.start(relay_urls=self.settings.relay_urls, changed=changed)
        try:
            await self._feeding.feed()
            self.gate.open()
        except BaseException:
            await self.gate.stop()
            raise
        self._tasks.start(self._feeding.go_on())
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for session in list(self._sessions):
            session.end("the relay is closing")
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORDS_SECONDS):
                await self._are_gone.wait()
        await self.writes.stop()
        await self._tasks.stop()
        await self.gate.stop()

    # --- clients

    def connect(self, send: Send, *, ip: str = "", send_many: SendMany | None = None) -> Session:
        """The session of a client that has connected, to be entered for as long as it is there.

        :param send: sends one text, and returns when there is room for another.
        :param ip: the client's address; empty where there is none.
        :param send_many: sends several texts for less than as many calls of ``send`` take.
        """
        return Session(self, send, ip, send_many)

    def came(self, session: Session) -> bool:
        """Add a session that has begun; return whether its address may have another."""
        ip, group = session.context.ip, address_group(session.context.ip)
        is_counted = ip and not is_loopback(ip)  # a proxy's on this machine are everybody's
        if is_counted and self._of_address[group] >= self.settings.connections_an_address:
            return False
        self._sessions.add(session)
        self._are_gone.clear()
        self._of_address[group] += 1
        return True

    def left(self, session: Session) -> None:
        """Remove a session that has ended."""
        if session in self._sessions:
            self._sessions.remove(session)
            group = address_group(session.context.ip)
            self._of_address[group] -= 1
            if not self._of_address[group]:
                del self._of_address[group]
            if not self._sessions:
                self._are_gone.set()

    async def admit(self, command: str, context: Context) -> str | None:
        """Why the relay takes no such message now; ``None``: it takes it."""
        if self._able.admits is None:
            return None
        return await self._able.admits.admit(command, context)

    def search_for(self, text: str) -> Search:
        """How the store searches for a text.

        :raises UnreadableFilter: it does not search, or not for that.
        """
        if self._able.searches is None:
            raise UnreadableFilter("there is no search here")
        return self._able.searches.search_for(text)

    # --- events

    async def submit(self, value: object, context: Context = STORED) -> Ok:
        """Take an event that comes on no session: the relay's own, or one of an import."""
        return await self.writing.take(value, context)

    def awaits(self, kind: int) -> bool:
        """Whether somebody here may have to be told of an event of a kind. Others a host need not
        read, where another process has taken them.
        """
        return kind in kinds.LISTS or self.live.asks_for_kind(kind)

    async def announced(self, event: FrozenEvent) -> None:
        """Tell plugins and readers of an event that another process of the relay has taken."""
        await self._tell(event, STORED)

    async def readable(
        self, events: Sequence[FrozenEvent], context: Context
    ) -> Sequence[FrozenEvent]:
        """The events that a reader may be given, for a relay that shows them not by REQ alone."""
        return await self.reading.readable(events, context)

    async def _taken(self, event: FrozenEvent, context: Context) -> None:
        await self._tell(event, context)
        if self._able.announces is not None:
            await self._able.announces.announce(event)

    async def _tell(self, event: FrozenEvent, context: Context) -> None:
        if event.kind in kinds.LISTS:
            self._tasks.start(tell_of_list(self.gate, event, context))
        self.live.publish(event)

    # --- NIP-11

    def information(self, own: Mapping[str, Any]) -> dict[str, Any]:
        """The document of NIP-11.

        :param own: what the operator says, such as ``name``: see :func:`.information.information`.
        """
        return information(self._able, self.settings, self.gate.relay_limits(), own)
