"""nostr-relay's garbage collection: what has expired, and ephemeral events of earlier times.

Its own compares expiry as text, so that some events never expire and others do too soon.
"""

import time
from collections.abc import Collection, Iterable
from typing import Any, Final

import attrs
from nostr_relay.util import Periodic

from orly_policy_hookspecs.logs import get_log
from orly_policy_hookspecs.nip01 import Filter, FrozenEvent, KindClass, class_of, is_expired, kinds

_EVENTS_AT_A_TIME: Final = 200
_REMEMBERED: Final = (kinds.DELETION, kinds.VANISH)
"""What they have removed does not come back: they stay, though nobody is handed them any more."""
EPHEMERAL_KINDS: Final = range(20_000, 30_000)

log = get_log(__name__)


@attrs.frozen
class Removal:
    """Events to remove. Nothing remembers that they were there."""

    ids: Collection[str]


@attrs.frozen
class Suspect:
    """An event that may be garbage, as far as an index tells."""

    event_id: str
    expiration: str | None = None
    """The value of one of its ``expiration`` tags; ``None`` for one of an ephemeral kind."""

    def may_be_garbage(self, now: int) -> bool:
        """Whether the event has to be looked at."""
        value = self.expiration
        return value is None or (value.isascii() and value.isdecimal() and int(value) <= now)


class GarbageCollector(Periodic):  # type: ignore[misc]
    """Started by nostr-relay, in one of its processes."""

    def __init__(self, storage: Any, **options: Any) -> None:
        """:param options: of the YAML file's ``garbage_collector``."""
        self._storage = storage
        super().__init__(options.get("collect_interval", 300), swallow_exceptions=True)

    async def run_once(self) -> None:
        """Collect once."""
        if count := await collect(self._storage.store, int(time.time())):
            log.info("removed %d events that had expired or were not to be kept", count)


async def collect(store: Any, now: int) -> int:
    """Remove garbage from a store.

    :param now: Unix seconds.
    :return: how many events.
    """
    suspects = [each.event_id for each in await store.suspects() if each.may_be_garbage(now)]
    count = 0
    for begin in range(0, len(suspects), _EVENTS_AT_A_TIME):
        ids = frozenset(suspects[begin : begin + _EVENTS_AT_A_TIME])
        found = await store.page(Filter(ids=ids), None, len(ids))
        garbage = _garbage(found, now)
        await store.remove(garbage)
        count += len(garbage)
    return count


def _garbage(events: Iterable[FrozenEvent], now: int) -> list[str]:
    return [
        event.id
        for event in events
        if class_of(event.kind) is KindClass.EPHEMERAL
        or (is_expired(event, now) and event.kind not in _REMEMBERED)
    ]
