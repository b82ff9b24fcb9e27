"""One write at a time to an address, so that its versions are announced in their order."""

import asyncio
from contextlib import AbstractAsyncContextManager, nullcontext
from weakref import WeakValueDictionary

from orly_policy_hookspecs.nip01 import Address, Event, address_of


class Versions:
    """A lock for each address that is being written to."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[Address, asyncio.Lock] = WeakValueDictionary()

    def lock(self, event: Event) -> AbstractAsyncContextManager[object]:
        """The lock to hold while a version is stored and announced. An event that replaces nothing
        has none.
        """
        address = address_of(event)
        if address is None:
            return nullcontext()
        return self._locks.setdefault(address, asyncio.Lock())
