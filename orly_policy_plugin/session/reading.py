"""Stored events for a reader: REQ, COUNT and pages of HTTP (section 11 of the spec).

Every event is decided before it counts. Where policy and plugins grant a reader a whole kind,
nobody is asked about its events.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from typing import Final

import attrs

from orly_policy_hookspecs import Context, Gate
from orly_policy_hookspecs.nip01 import Filter, FrozenEvent, Position, is_expired, is_party
from orly_policy_hookspecs.reading import CombinedScopes, ReadScope, Sizes

from ..authority import has_right_id
from ..event_size import content_size, event_size
from .host import Abilities
from .narrowing import narrowed
from .scanning import (
    Budget,
    ComingPage,
    Page,
    PageOf,
    Picked,
    Scan,
    Stream,
    WholePage,
    merged,
    size,
)
from .settings import SessionSettings
from .tasks import Tasks
from .turns import ReadersTurns

_SMALLEST_PAGE: Final = 20
_CHARACTERS_BETWEEN_YIELDS: Final = 200_000

Now = Callable[[], Context]
"""The reader as of now: whoever has authenticated meanwhile counts."""


class TooMuch(Exception):
    """A COUNT would have to look at more events than it may."""


@attrs.frozen
class Reading:
    """Reads a store on behalf of readers."""

    _gate: Gate
    _able: Abilities
    _settings: SessionSettings
    _clock: Callable[[], float]
    _turns: ReadersTurns

    async def stored(
        self, filters: Sequence[Filter], reader: Now
    ) -> AsyncGenerator[Sequence[FrozenEvent], None]:
        """Yield the stored events of a REQ, some at a time: newest first, each event once. To be
        closed by whoever stops before the end.
        """
        async with _asking(reader) as asking:
            streams = [
                stream
                for wanted in filters
                if (stream := self._readable_stream(wanted, asking)) is not None
            ]
            if not streams:
                return
            stream = merged(streams)
            while events := await stream.some():
                yield events

    def _readable_stream(self, wanted: Filter, asking: "_Asking") -> Stream | None:
        most = self._settings.limit
        if wanted.limit is not None:
            most = min(wanted.limit, most)
        if most == 0:
            return None
        return self._stream(wanted, asking, most, Budget.about(self._settings.scanned_events))

    def _stream(
        self, wanted: Filter, asking: "_Asking", most: int, budget: Budget
    ) -> Stream | None:
        reader = asking.reader
        context = reader()
        found = narrowed(wanted, self._gate.read_scopes(context), context.authenticated)
        if not found:
            return None
        page = max(_SMALLEST_PAGE, min(most, self._settings.first_page_events))
        scans = merged([Scan(self._page_of(asking), each, page) for each in found])

        async def pick(events: Sequence[FrozenEvent]) -> Sequence[FrozenEvent]:
            asked_for = [event for event in events if wanted.matches(event)]
            return await self.readable(asked_for, reader())

        return Picked(scans, pick, most, budget)

    def _page_of(self, asking: "_Asking") -> PageOf:
        """Read pages of the store, in turns with other readers."""
        host, streams = self._able.host, self._able.streams

        def whole(wanted: Filter, before: Position | None, most: int) -> Page:
            async def ask() -> Sequence[FrozenEvent]:
                async with self._turns.of(asking.reader()):
                    return await host.page(wanted, before, most)

            return WholePage(ask)

        def coming(wanted: Filter, before: Position | None, most: int) -> Page:
            page = ComingPage()

            async def ask() -> None:
                assert streams is not None
                async with self._turns.of(asking.reader()):
                    await streams.stream(wanted, before, most, page.add)

            asking.tasks.start(page.fill(ask()))
            return page

        return whole if streams is None else coming

    async def readable(
        self, events: Sequence[FrozenEvent], context: Context
    ) -> Sequence[FrozenEvent]:
        """The events that a reader may be given, in their order. Nobody is given expired ones."""
        scopes, now = self._gate.read_scopes(context), int(self._clock())
        of_kind, verifies = scopes.of_kind, self._able.verifies
        foreseen: list[bool | None] = []
        asked: list[FrozenEvent] = []
        looked_at = 0
        for event in events:
            if looked_at > _CHARACTERS_BETWEEN_YIELDS:
                looked_at = 0
                await asyncio.sleep(0)
            looked_at += size(event)
            may = _foreseen(event, of_kind(event.kind), context, now)
            # What is not what its id says, a store has made up.
            if may is not False and not (verifies or has_right_id(event)):
                may = False
            elif may is None:
                asked.append(event)
            foreseen.append(may)
        decisions = iter(await self._gate.reads(asked, context) if asked else ())
        return [
            event
            for event, may in zip(events, foreseen, strict=True)
            if may or (may is None and next(decisions).accepted)
        ]

    def foreseen(self, event: FrozenEvent, context: Context) -> bool | None:
        """Whether a reader may be given a verified event; ``None``: plugins are to be asked."""
        scope = self._gate.read_scopes(context).of_kind(event.kind)
        return _foreseen(event, scope, context, int(self._clock()))

    def tells_addresses_apart(self, kind: int, context: Context) -> bool:
        """Whether a reader with another address might be given other events of a kind."""
        return self._gate.read_scopes(context).of_kind(kind).tells_addresses_apart

    async def count(self, filters: Sequence[Filter], reader: Now) -> int:
        """Count the events that the reader may be given.

        :raises TooMuch: that takes more than the budget.
        """
        if (counted := await self._counted_by_the_store(filters, reader())) is not None:
            if counted > self._settings.counted_events:
                raise TooMuch
            return counted
        budget = Budget.about(self._settings.counted_events + 1)
        async with _asking(reader) as asking:
            streams = [
                stream
                for wanted in filters
                if (stream := self._stream(wanted, asking, budget.left, budget)) is not None
            ]
            number = 0
            if streams:
                stream = merged(streams)
                while events := await stream.some():
                    number += len(events)
        if budget.left <= 0:
            raise TooMuch
        return number

    async def _counted_by_the_store(
        self, filters: Sequence[Filter], context: Context
    ) -> int | None:
        """Let the store count, if it can and the reader may be given all that it would count."""
        if self._able.counts is None or len(filters) != 1:
            return None
        scopes = self._gate.read_scopes(context)
        (wanted,) = filters
        asked = narrowed(wanted, scopes, context.authenticated)
        if asked != [wanted] or not _grants_rest(wanted, scopes):
            return None
        most = self._settings.counted_events
        async with self._turns.of(context):
            return await self._able.counts.count(wanted, int(self._clock()), most)


@attrs.frozen
class _Asking:
    """A REQ or COUNT that is being answered."""

    reader: Now
    tasks: Tasks
    """What reads the store meanwhile."""


@contextlib.asynccontextmanager
async def _asking(reader: Now) -> AsyncIterator[_Asking]:
    tasks = Tasks()
    try:
        yield _Asking(reader, tasks)
    finally:
        await tasks.stop()


def _grants_rest(wanted: Filter, scopes: CombinedScopes) -> bool:
    if wanted.kinds is None:
        return scopes.others.grants_rest and not scopes.named
    return all(scopes.of_kind(kind).grants_rest for kind in wanted.kinds)


def _foreseen(event: FrozenEvent, scope: ReadScope, context: Context, now: int) -> bool | None:
    """Whether a reader may be given an event; ``None`` where plugins are to be asked."""
    if scope.denial is not None or is_expired(event, now):
        return False
    if scope.denial_of_others is not None and not is_party(event, context.authenticated):
        return False
    if scope.grants_rest:
        return True
    most = scope.grants_up_to
    return True if most is not None and _is_within(most, event) else None


def _is_within(most: Sizes, event: FrozenEvent) -> bool:
    size = event_size(event)  # of which the content is a part
    return size <= most.event and (size <= most.content or content_size(event) <= most.content)
