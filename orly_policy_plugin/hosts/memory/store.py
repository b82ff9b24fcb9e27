"""A store that keeps events in a dictionary."""

from collections.abc import Sequence

from orly_policy_hookspecs.nip01 import Filter, FrozenEvent, Position, address_of, frozen, replaces

from ...session import Added, Deletion, Known, Vanishing


class MemoryStore:
    """A host (:class:`.session.Host`) that can delete and make vanish."""

    def __init__(self) -> None:
        self._events: dict[str, FrozenEvent] = {}
        self._deletions: list[Deletion] = []
        self._vanished: list[Vanishing] = []

    async def add(self, event: FrozenEvent) -> Added:
        """Store an event."""
        if event.id in self._events:
            return Known.DUPLICATE
        address = address_of(event)
        others = self._events.values() if address else ()
        versions = [each for each in others if address_of(each) == address]
        if any(replaces(version, event) for version in versions):
            return Known.SUPERSEDED
        if any(each.covers(event) for each in self._deletions):
            return Known.DELETED
        if any(each.forbids(event) for each in self._vanished):
            return Known.DELETED
        for version in versions:
            del self._events[version.id]
        self._events[event.id] = event
        return Known.STORED

    async def page(
        self, wanted: Filter, before: Position | None, most: int
    ) -> Sequence[FrozenEvent]:
        """The first events that match."""
        found = [event for event in self._events.values() if wanted.matches(event)]
        if before is not None:
            found = [event for event in found if Position.of(event) > before]
        return sorted(found, key=Position.of)[:most]

    async def delete(self, deletion: Deletion) -> None:
        """Remove what it covers, for good."""
        self._deletions.append(deletion)
        self._remove(deletion)

    async def vanish(self, vanishing: Vanishing) -> None:
        """Remove what it covers, for good."""
        self._vanished.append(vanishing)
        self._remove(vanishing)
        await self.add(frozen(vanishing.request))

    def _remove(self, covering: Deletion | Vanishing) -> None:
        for event in [each for each in self._events.values() if covering.covers(each)]:
            del self._events[event.id]
