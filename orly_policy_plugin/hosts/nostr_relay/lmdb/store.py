"""nostr-relay's LMDB database as the store of a relay."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, TypeVar

import attrs
import lmdb

from orly_policy_hookspecs.logs import get_log
from orly_policy_hookspecs.nip01 import Filter, FrozenEvent, Position, frozen, is_expired

from ....session import Added, Deletion, Known, Search, Vanishing
from .. import capacity
from ..batched import BatchedStore, Job
from ..garbage import Removal, Suspect
from . import keys, reading, scanning, writing
from .indexing import index, index_stored, unindexed
from .judging import judge
from .keys import Span
from .scanning import Transaction
from .words import words_asked, words_of

T = TypeVar("T")

log = get_log(__name__)

_READERS: Final = 4
_COUNTED_AT_ONCE: Final = 1_000


class LMDBStore(BatchedStore):
    """A host (:class:`.session.Host`) over an environment in nostr-relay's format, that can
    recall, delete, make vanish, count and search.
    """

    def __init__(
        self,
        environment: lmdb.Environment,
        relay_urls: Collection[str],
        searched_kinds: frozenset[int] = frozenset(),
    ) -> None:
        """
        :param environment: whoever opened it closes it, after :meth:`close`.
        :param relay_urls: of this relay, for requests to vanish.
        :param searched_kinds: of which the words are indexed; without one nothing is searched.
        """
        super().__init__(capacity.LMDB)
        self._environment = environment
        self._relay_urls = relay_urls
        self._searched_kinds = searched_kinds
        self.searches = bool(searched_kinds)
        self._indexing: asyncio.Task[None] | None = None
        self._readers = ThreadPoolExecutor(_READERS, "orly-policy-lmdb-read")
        self._writer = ThreadPoolExecutor(1, "orly-policy-lmdb-write")

    async def close(self) -> None:
        """Finish what waits."""
        if self._indexing is not None:
            self._indexing.cancel()
            await asyncio.wait({self._indexing})
        await self._finish()
        await asyncio.to_thread(self._writer.shutdown)
        await asyncio.to_thread(self._readers.shutdown)

    # --- reading

    async def page(
        self, wanted: Filter, before: Position | None, most: int
    ) -> Sequence[FrozenEvent]:
        """The first events that match: see :meth:`.session.Host.page`.

        It is read in slices, of which one at most is still read when the task is cancelled.
        """
        words: list[Span] = []
        if wanted.search:
            words = list(map(keys.of_word, words_asked(wanted.search)))
            wanted = attrs.evolve(wanted, kinds=self._searched(wanted.kinds))
        asked_for = reading.askable(wanted)
        found: list[FrozenEvent] = []
        while asked_for is not None and len(found) < most:
            left = most - len(found)
            look = partial(reading.look, wanted=asked_for, before=before, most=left, words=words)
            some = await self._read(look)
            found += some.events
            before = some.reached
            if before is None:
                break
        return found

    async def count(self, wanted: Filter, now: int, most: int) -> int:
        """How many events match: see :meth:`.session.Counting.count`."""
        number, looked_at, before = 0, 0, None
        while some := await self.page(wanted, before, _COUNTED_AT_ONCE):
            looked_at += len(some)
            if looked_at > most:
                return looked_at
            number += sum(not is_expired(event, now) for event in some)
            before = Position.of(some[-1])
        return number

    def search_for(self, text: str) -> Search:
        """What is found by a text: see :meth:`.session.Searching.search_for`."""
        asked = words_asked(text)
        return lambda event: (
            event.kind in self._searched_kinds and asked <= words_of(event.content)
        )

    def _searched(self, kinds: frozenset[int] | None) -> frozenset[int]:
        return self._searched_kinds if kinds is None else self._searched_kinds & kinds

    async def _recall_all(self, events: Sequence[FrozenEvent]) -> Sequence[Known | None]:
        return await self._read(
            lambda db: [judge(db, event, self._relay_urls)[0] for event in events]
        )

    async def _read(self, work: Callable[[Transaction], T]) -> T:
        def read() -> T:
            with self._environment.begin(buffers=True) as transaction:
                return work(transaction)

        return await asyncio.get_running_loop().run_in_executor(self._readers, read)

    # --- writing

    async def suspects(self) -> Sequence[Suspect]:
        """Events that may be garbage."""
        return await self._read(lambda db: list(scanning.suspects(db)))

    def index_what_is_stored(self) -> None:
        """Begin to index what has been stored without: before there was a search, or by
        nostr-relay itself. Until it is, it is not found.
        """
        self._indexing = asyncio.create_task(self._index_what_is_stored())

    async def _index_what_is_stored(self) -> None:
        number, before = 0, None
        try:
            while True:
                look = partial(unindexed, kinds=self._searched_kinds, before=before)
                found = await self._read(look)
                if found.ids:
                    await self._change(partial(index_stored, ids=found.ids))
                    number += len(found.ids)
                before = found.reached
                if before is None:
                    break
        except Exception:
            log.exception("of what is stored only %d events could be indexed for search", number)
        else:
            log.info("all that is stored can be searched; %d events were indexed", number)

    async def _write(self, jobs: Sequence[Job]) -> Sequence[Added | None]:
        return await self._change(lambda db: [self._do(db, job) for job in jobs])

    async def _change(self, work: Callable[[Transaction], T]) -> T:
        def change() -> T:
            with self._environment.begin(write=True) as transaction:
                return work(transaction)

        return await asyncio.get_running_loop().run_in_executor(self._writer, change)

    def _do(self, transaction: Transaction, job: Job) -> Added | None:
        match job:
            case FrozenEvent():
                added = writing.add(transaction, job, self._relay_urls)
                if added is Known.STORED and job.kind in self._searched_kinds:
                    index(transaction, job)
                return added
            case Deletion():
                writing.delete(transaction, job)
            case Vanishing():
                writing.vanish(transaction, job, frozen(job.request))
            case Removal():
                for event_id in job.ids:
                    writing.remove(transaction, event_id)
        return None
