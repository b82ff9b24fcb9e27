"""What other processes have announced, until the readers of this one have been told."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Sequence
from typing import Final

from orly_policy_hookspecs.logs import get_log
from orly_policy_hookspecs.nip01 import FrozenEvent

from ...authority import verify
from ...session import Server
from .announcements import Announced, Announcement, Stored
from .sql import SharedSQLStore
from .sql.listening import Snapshot

_AT_A_TIME: Final = 200
"""Events that are read together."""
_REMEMBERED: Final = 20_000
"""Events that are known to have been dealt with. In two intervals between snapshots there are
fewer, or some are told again after a lost connection."""
_WAITING: Final = 50_000
"""Events that have been heard of and not been dealt with."""
_LOOKED_UP: Final = 10_000
"""Events that are told after a lost connection."""
_LOOKED_UP_CREATED_SECONDS: Final = 3_600
"""How old they may be, by their own account, when the connection is lost."""

log = get_log(__name__)


class FellBehind(Exception):
    """More has been heard of than can wait. The text is for the log."""


class Heard:
    """The events that wait to be told."""

    def __init__(self, store: SharedSQLStore) -> None:
        self._store = store
        self._waiting: deque[Announced] = deque()
        self._has_dropped = False
        self._told = _Recent()
        self._dealt_with = _Recent()
        """Those besides that nobody wanted. It is what others say, and so no reason not to tell
        of an event that is announced, but not to look one up."""

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def hear(self, announcement: Announcement) -> None:
        """Have what is announced told soon."""
        if len(self._waiting) < _WAITING:
            self._waiting.extend(announcement.events)
        else:
            self._has_dropped = True

    def has_told(self, event_id: str) -> None:
        """Do not tell of an event: its readers have it."""
        self._told.add(event_id)
        self._dealt_with.add(event_id)

    async def look_up(self, snapshot: Snapshot) -> None:
        """Have told what was stored since a snapshot, before all that waits."""
        created_since = snapshot.taken_at - _LOOKED_UP_CREATED_SECONDS
        missed = await self._store.stored_since(snapshot.text, created_since, _LOOKED_UP)
        if len(missed) == _LOOKED_UP:
            log.warning("of what was stored meanwhile, readers are told the last %d", _LOOKED_UP)
        self._waiting.extendleft(
            each for each in reversed(missed) if each.event_id not in self._dealt_with
        )

    async def tell(self, server: Server) -> None:
        """Tell of all that waits. Where the database fails, the rest goes on waiting.

        :raises FellBehind: what waited is forgotten, and has to be looked up.
        """
        while self._waiting:
            if self._has_dropped:
                self._has_dropped = False
                self._waiting.clear()
                raise FellBehind("more has come than can wait; it is looked up")
            some = [self._waiting[i] for i in range(min(len(self._waiting), _AT_A_TIME))]
            for event in await self._wanted(some, server):
                if verify(event) and self._told.add(event.id):
                    await server.announced(event)
                await asyncio.sleep(0)
            for each in some:
                self._dealt_with.add(_id_of(each))
                self._waiting.popleft()

    async def _wanted(
        self, announced: Sequence[Announced], server: Server
    ) -> Sequence[FrozenEvent]:
        """The events that somebody here may want and has not been told, in their order."""
        wanted = {
            _id_of(each): each
            for each in announced
            if server.awaits(each.kind) and _id_of(each) not in self._told
        }
        ids = [each.event_id for each in wanted.values() if isinstance(each, Stored)]
        stored = {event.id: event for event in await self._store.read(ids)} if ids else {}
        events = [
            each if isinstance(each, FrozenEvent) else stored.get(each.event_id)
            for each in wanted.values()
        ]
        return [event for event in events if event is not None]


def _id_of(announced: Announced) -> str:
    return announced.event_id if isinstance(announced, Stored) else announced.id


class _Recent:
    """The last ids that were added; the oldest are forgotten first."""

    def __init__(self) -> None:
        self._ids: OrderedDict[str, None] = OrderedDict()

    def __contains__(self, event_id: str) -> bool:
        return event_id in self._ids

    def add(self, event_id: str) -> bool:
        """Add an id; return whether it is new."""
        if event_id in self._ids:
            return False
        self._ids[event_id] = None
        if len(self._ids) > _REMEMBERED:
            self._ids.popitem(last=False)
        return True
