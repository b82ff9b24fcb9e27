"""Remember what was shadow-rejected, so that it looks stored when it is sent again. Pure."""

from collections import OrderedDict
from hashlib import sha256
from typing import Final

from orly_policy_hookspecs.nip01 import Address, Event, Position, address_of

from .host import Known

_MOST: Final = 10_000


class Shadows:
    """The last events that were shadow-rejected; the oldest are forgotten first."""

    def __init__(self) -> None:
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._newest: OrderedDict[bytes, Position] = OrderedDict()

    def add(self, event: Event) -> Known:
        """Remember an event.

        :return: what a store would say of it.
        """
        known = Known.DUPLICATE if event.id in self._ids else Known.STORED
        self._ids[event.id] = None
        if address := address_of(event):
            name, here = _short(address), Position.of(event)
            self._newest[name] = min(self._newest.get(name, here), here)
        for kept in (self._ids, self._newest):
            if len(kept) > _MOST:
                kept.popitem(last=False)
        return known

    def recall(self, event: Event) -> Known | None:
        """Whether an event is an older version of one of those."""
        address = address_of(event)
        newest = self._newest.get(_short(address)) if address else None
        if newest is not None and newest < Position.of(event):
            return Known.SUPERSEDED
        return None


def _short(address: Address) -> bytes:
    """A digest of an address, whose identifier may be as long as a message."""
    return sha256(repr(address).encode()).digest()
