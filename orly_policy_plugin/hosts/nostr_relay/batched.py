"""The common part of the stores on nostr-relay's databases: they work on many events at a time."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence

from orly_policy_hookspecs.nip01 import FrozenEvent

from ...session import Added, Deletion, Known, Vanishing
from .capacity import Capacity
from .garbage import Removal
from .together import Keys, Together, nothing_in_common

Job = FrozenEvent | Deletion | Vanishing | Removal
"""A change of a database."""


class BatchedStore(ABC):
    """The part of a host (:class:`.session.Host`) that writes and recalls. What arrives together
    is one transaction.
    """

    def __init__(
        self, capacity: Capacity, keys: Callable[[Job], Keys | None] = nothing_in_common
    ) -> None:
        """:param capacity: of the database.
        :param keys: what a job has to do with, for :class:`.Together`.
        """
        self._capacity = capacity
        self._writes: Together[Job, Added | None] = Together(self._write, keys)
        self._recalls: Together[FrozenEvent, Known | None] = Together(self._recall_all)

    @abstractmethod
    async def _write(self, jobs: Sequence[Job]) -> Sequence[Added | None]:
        """Do the jobs in one transaction; return what has become of each event."""

    @abstractmethod
    async def _recall_all(self, events: Sequence[FrozenEvent]) -> Sequence[Known | None]:
        """What is known of each event."""

    async def _finish(self) -> None:
        """Finish what waits, and take nothing more."""
        await self._writes.close()
        await self._recalls.close()

    async def recall(self, event: FrozenEvent) -> Known | None:
        """What is known of an event; ``None`` where it could be stored, or would be refused."""
        if self._capacity.refusal(event) is not None:
            return None
        return await self._recalls.do(event)

    async def add(self, event: FrozenEvent) -> Added:
        """Store an event."""
        refusal = self._capacity.refusal(event)
        if refusal is not None:
            return refusal
        added = await self._writes.do(event)
        assert added is not None
        return added

    async def delete(self, deletion: Deletion) -> None:
        """Remove what a deletion covers. What remembers it is the kind 5."""
        await self._writes.do(deletion)

    async def vanish(self, vanishing: Vanishing) -> None:
        """Remove what a request to vanish covers, and store the request, which remembers it.

        :raises ValueError: the request cannot be stored; nothing is removed.
        """
        refusal = self._capacity.refusal(vanishing.request)
        if refusal is not None:
            raise ValueError(refusal.message)
        await self._writes.do(vanishing)

    async def remove(self, ids: Collection[str]) -> None:
        """Remove events, for nostr-relay's garbage collector. Nothing remembers it."""
        await self._writes.do(Removal(ids))
