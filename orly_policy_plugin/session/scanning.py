"""Stored events in their order: a filter's pages one after the other, and several merged."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol, Self

import attrs

from orly_policy_hookspecs.nip01 import Filter, FrozenEvent, Position

from .host import Enough

_LARGEST_PAGE: Final = 500
_GROWTH: Final = 4
_LARGEST_PAGE_CHARACTERS: Final = 1_000_000
"""Of events that are asked for together, roughly."""
_MOST_WAITING_CHARACTERS: Final = 2_000_000
"""Of a page that comes faster than it is taken."""
_PICKED_AT_A_TIME: Final = 50
_CHARACTERS_OF_A_TAG: Final = 100
"""The characters that a tag counts for, whatever is in it."""


def size(event: FrozenEvent) -> int:
    """The work that an event makes, in characters, roughly."""
    return 1_000 + len(event.content) + _CHARACTERS_OF_A_TAG * len(event.tags)


class Stream(Protocol):
    """Events, newest first, of the same second the lowest id first, some at a time."""

    async def some(self) -> Sequence[FrozenEvent]:
        """The next ones; none where there are no more."""


class Page(Stream, Protocol):
    """The stream of one page."""

    @property
    def is_cut(self) -> bool:
        """Whether it has ended before it was whole."""

    @property
    def size(self) -> int:
        """Of all its events so far (:func:`size`)."""


PageOf = Callable[[Filter, Position | None, int], Page]
"""The stream of one page; its arguments are those of :meth:`.Host.page`."""


@attrs.define(eq=False)
class WholePage:
    """A page that comes at one time."""

    _ask: Callable[[], Awaitable[Sequence[FrozenEvent]]]
    _has_come: bool = False
    is_cut: Final = False
    size: int = 0

    async def some(self) -> Sequence[FrozenEvent]:
        """All of it."""
        if self._has_come:
            return ()
        self._has_come = True
        events = await self._ask()
        self.size = sum(map(size, events))
        return events


class ComingPage:
    """A page whose first events are there before the last, and wait until they are taken. Where
    too much waits it is cut.
    """

    def __init__(self) -> None:
        self.is_cut = False
        """Whether it has ended before it was whole."""
        self.size = 0
        self._waiting: list[FrozenEvent] = []
        self._taken_size = 0
        self._has_changed = asyncio.Event()
        self._has_ended = False
        self._error: Exception | None = None

    def add(self, events: Sequence[FrozenEvent]) -> None:
        """Take the next events, as many as there is room for.

        :raises Enough: there is no room for more.
        """
        self._has_changed.set()
        most = self._taken_size + _MOST_WAITING_CHARACTERS
        for event in events:
            if self.size > most:
                raise Enough
            self._waiting.append(event)
            self.size += size(event)

    async def fill(self, work: Awaitable[None]) -> None:
        """Await what adds the events, for whoever takes them: he is told how it ends."""
        try:
            await work
        except Enough:
            self.is_cut = True
        except Exception as error:  # noqa: BLE001 -- it is raised where the events are taken
            self._error = error
        self._has_ended = True
        self._has_changed.set()

    async def some(self) -> Sequence[FrozenEvent]:
        """What has come meanwhile."""
        while not (self._waiting or self._has_ended):
            self._has_changed.clear()
            await self._has_changed.wait()
        if self._error is not None:
            raise self._error
        taken, self._waiting, self._taken_size = self._waiting, [], self.size
        return taken


@attrs.define(eq=False)
class Scan:
    """The stream of all that a store has for one filter."""

    _page_of: PageOf
    _wanted: Filter
    _most: int
    """Events to ask for; more with each further page, unless they are large."""
    _page: Page | None = None
    """The page that is being read."""
    _count: int = 0
    """Of its events."""
    _before: Position | None = None
    _is_over: bool = False

    async def some(self) -> Sequence[FrozenEvent]:
        """The next events of a page, or of the next page."""
        while not self._is_over:
            if self._page is None:
                self._page = self._page_of(self._wanted, self._before, self._most)
            if found := await self._page.some():
                await asyncio.sleep(0)  # a host that never waits would hold up everybody
                self._count += len(found)
                self._before = Position.of(found[-1])
                return found
            self._end_page(self._page)
        return ()

    def _end_page(self, page: Page) -> None:
        self._is_over = self._count < self._most and not page.is_cut
        self._most = min(_GROWTH * self._most, _LARGEST_PAGE)
        if self._count:
            average = page.size // self._count
            self._most = min(self._most, max(_LARGEST_PAGE_CHARACTERS // average, 1))
        self._page, self._count = None, 0


@attrs.define(eq=False)
class _Lane:
    """One of several streams, with its events that were not handed on yet."""

    stream: Stream
    waiting: Sequence[FrozenEvent] = ()
    is_over: bool = False

    async def fill(self) -> None:
        if not (self.waiting or self.is_over):
            self.waiting = await self.stream.some()
            self.is_over = not self.waiting

    def up_to(self, horizon: Position) -> Sequence[FrozenEvent]:
        """Hand on the events that come no later than that."""
        count = sum(1 for event in self.waiting if Position.of(event) <= horizon)
        taken, self.waiting = self.waiting[:count], self.waiting[count:]
        return taken


class Merged:
    """Several streams as one, each event once."""

    def __init__(self, streams: Sequence[Stream]) -> None:
        self._lanes = [_Lane(stream) for stream in streams]

    async def some(self) -> Sequence[FrozenEvent]:
        """The next events that can be put in their order."""
        for lane in self._lanes:
            await lane.fill()
        self._lanes = [lane for lane in self._lanes if not lane.is_over]
        if not self._lanes:
            return ()
        if len(self._lanes) == 1:
            taken, self._lanes[0].waiting = self._lanes[0].waiting, ()
            return taken
        horizon = min(Position.of(lane.waiting[-1]) for lane in self._lanes)
        found = {event.id: event for lane in self._lanes for event in lane.up_to(horizon)}
        return sorted(found.values(), key=Position.of)


def merged(streams: Sequence[Stream]) -> Stream:
    """Several streams as one."""
    return streams[0] if len(streams) == 1 else Merged(streams)


@attrs.define(eq=False)
class Budget:
    """How many more stored events may be looked at."""

    left: int

    @classmethod
    def about(cls, most: int) -> Self:
        """A budget between half of that and all, at random."""
        return cls(most - secrets.randbelow(most // 2 + 1))

    def take(self, events: Sequence[FrozenEvent]) -> Sequence[FrozenEvent]:
        """Take as many of these events as there is budget left for."""
        taken = events[: self.left]
        self.left -= len(taken)
        return taken


Pick = Callable[[Sequence[FrozenEvent]], Awaitable[Sequence[FrozenEvent]]]


@attrs.define(eq=False)
class Picked:
    """The events of a stream that are picked: at most so many, and within a budget."""

    _stream: Stream
    _pick: Pick
    _most: int
    _budget: Budget
    _waiting: Sequence[FrozenEvent] = ()
    """What is not picked from yet."""

    async def some(self) -> Sequence[FrozenEvent]:
        """The next ones that are picked: the reader has the first before the last are decided."""
        while self._most > 0 and (found := await self._next()):
            picked = (await self._pick(found))[: self._most]
            self._most -= len(picked)
            if picked:
                return picked
        return ()

    async def _next(self) -> Sequence[FrozenEvent]:
        if self._waiting:
            await asyncio.sleep(0)  # so that what was picked is sent meanwhile
        elif self._budget.left > 0:
            self._waiting = self._budget.take(await self._stream.some())
        some = self._waiting[:_PICKED_AT_A_TIME]
        self._waiting = self._waiting[_PICKED_AT_A_TIME:]
        return some
