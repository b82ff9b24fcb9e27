"""Replaceable and addressable events (NIP-01): which version is the newest.

nostr-relay stores an older version that arrives late, and announces it too. It keeps versions of
the same second side by side, SQL storage fails where an older one has no ``d`` tag, and LMDB
storage takes ``d`` tags that are part of another for the same.
"""

import asyncio
from weakref import WeakValueDictionary

from aionostr.event import Event

Address = tuple[str, int, str]
"""Author, kind, and the ``d`` tag's value (empty for replaceable kinds)."""


def address(event: Event) -> Address | None:
    """What an event replaces the older versions of; ``None`` for a kind that is kept."""
    kind = event.kind
    if kind in (0, 3) or 10000 <= kind < 20000:
        return event.pubkey, kind, ""
    if 30000 <= kind < 40000:
        return event.pubkey, kind, _identifier(event)
    return None


def newer(event: Event, other: Event) -> bool:
    """Whether ``event`` replaces ``other``: later, or of the same second with the lower id."""
    return (-event.created_at, event.id) < (-other.created_at, other.id)


def _identifier(event: Event) -> str:
    return next((tag[1] if len(tag) > 1 else "" for tag in event.tags if tag[0] == "d"), "")


class Locks:
    """Serialises the writes to one address."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[Address, asyncio.Lock] = WeakValueDictionary()

    def lock(self, address: Address) -> asyncio.Lock:
        """The lock to hold while a version is compared and stored."""
        return self._locks.setdefault(address, asyncio.Lock())
