"""What was rejected in silence, so that it looks stored when it is sent again. Pure."""

from collections import OrderedDict
from typing import Final

from orly_policy_hookspecs.nip01 import Address, Event, Position, address_of

from .host import Known

_MOST: Final = 10_000


class Shadows:
    """The last events that were shadow-rejected; the oldest are forgotten first."""

    def __init__(self) -> None:
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._newest: OrderedDict[Address, Position] = OrderedDict()

    def add(self, event: Event) -> Known:
        """Remember one.

        :return: what a store would say of it.
        """
        known = Known.DUPLICATE if event.id in self._ids else Known.STORED
        self._ids[event.id] = None
        if address := address_of(event):
            newest = self._newest.get(address)
            here = Position.of(event)
            self._newest[address] = here if newest is None else min(newest, here)
        for kept in (self._ids, self._newest):
            if len(kept) > _MOST:
                kept.popitem(last=False)
        return known

    def recall(self, event: Event) -> Known | None:
        """Whether an event is an older version of one of those."""
        address = address_of(event)
        newest = self._newest.get(address) if address else None
        if newest is not None and newest < Position.of(event):
            return Known.SUPERSEDED
        return None
