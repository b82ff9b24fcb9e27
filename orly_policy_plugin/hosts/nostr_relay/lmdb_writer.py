"""Writing to LMDB so that whoever waits knows that it is on disk."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aionostr.event import Event
from nostr_relay.storage.kv import INDEXES, decode_event, get_event_data

from orly_policy_hookspecs.nip01 import kinds

from .replaceable import Address, address, newer


class LMDBWriter:
    """Stores events in nostr-relay's format, one transaction each, in a thread of its own."""

    def __init__(self, database: Any) -> None:
        self._database = database
        self._indexes = [index for index in INDEXES.values() if index.enabled]
        self._thread = ThreadPoolExecutor(1, "orly-policy-lmdb")

    async def write(self, event: Event) -> bool:
        """Store an event and remove what it replaces or deletes; ``False`` if it is there."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._write, event)

    async def close(self) -> None:
        """Finish what was begun."""
        await asyncio.to_thread(self._thread.shutdown)

    def _write(self, event: Event) -> bool:
        with self._database.begin(write=True, buffers=True) as transaction:
            if get_event_data(transaction, event.id_bytes) is not None:
                return False
            for other in self._removed_by(event, transaction):
                for index in reversed(self._indexes):
                    index.clear(other, transaction)
            for index in self._indexes:
                index.write(event, transaction)
        return True

    def _removed_by(self, event: Event, transaction: Any) -> list[Event]:
        if place := address(event):
            return self._replaced(event, place, transaction)
        return self._deleted(event, transaction) if event.kind == kinds.DELETION else []

    def _replaced(self, event: Event, place: Address, transaction: Any) -> list[Event]:
        author_and_kind = (event.pubkey, event.kind)
        with INDEXES["authorkinds"].scanner(transaction, [author_and_kind]) as ids:
            stored = [decode_event(get_event_data(transaction, event_id)) for event_id in ids]
        return [
            other for other in stored if other and address(other) == place and newer(event, other)
        ]

    def _deleted(self, event: Event, transaction: Any) -> list[Event]:
        """The author's events that a kind 5 names (NIP-09), older than it."""
        named = {bytes.fromhex(tag[1]) for tag in event.tags if tag[0] == "e"}
        stored = [decode_event(get_event_data(transaction, event_id)) for event_id in named]
        return [
            other
            for other in stored
            if other and other.pubkey == event.pubkey and other.created_at < event.created_at
        ]
