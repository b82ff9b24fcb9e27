"""Whole pages, in the order of NIP-01, from relays that answer ``until`` and ``limit``. Pure.

A relay gives the newest events. Where it stops within a second nobody says which events of that
second it leaves out: so what an answer that was cut off has of its last second does not count, and
is asked for again.
"""

from collections.abc import Iterable, Sequence
from operator import attrgetter, ge
from typing import Final

import attrs

from orly_policy_hookspecs.nip01 import Filter, FrozenEvent, Position
from orly_policy_hookspecs.nip01.kinds import EPHEMERAL_KINDS

_SPARE: Final = 1
"""Events to ask for beyond a page: the last one is seldom of the same second as that before."""
_GROWTH: Final = 4
_id_of: Final = attrgetter("id")
_created_at_of: Final = attrgetter("created_at")
_LARGEST_ASKED: Final = 2**53 - 1
"""Unix seconds, for ``until``: what every JSON parser reads. Later ones are not asked for."""


@attrs.frozen
class Answers:
    """How a relay answers, as far as it has shown."""

    largest: int
    """The highest ``limit`` that it heeds."""
    proven: int = 0
    """So many events it has answered with, or says that it does: a shorter answer was not cut
    off."""
    until_is_inclusive: bool = False
    """Whether it gives events of the second of ``until``, as NIP-01 has it. Not all do: it is
    asked for a second more until it has shown that."""
    keeps_order: bool | None = None
    """Whether newer events come first; ``None`` before it has shown that."""

    def with_those_of(self, other: "Answers") -> "Answers":
        """What either knows."""
        return attrs.evolve(
            self,
            proven=max(self.proven, other.proven),
            until_is_inclusive=self.until_is_inclusive or other.until_is_inclusive,
            keeps_order=_both(self.keeps_order, other.keeps_order),
        )


@attrs.define
class Pager:
    """One page: what to ask for next, until there is nothing more to ask."""

    answers: Answers
    """As known by now."""
    _wanted: Filter
    _before: Position | None
    _most: int
    _until: int | None = attrs.field(init=False)
    _limit: int = attrs.field(init=False)
    _found: dict[str, FrozenEvent] = attrs.field(init=False, factory=dict)
    _coming: list[FrozenEvent] = attrs.field(init=False, factory=list)
    """Of the answer that comes."""
    _of_a_second: list[FrozenEvent] = attrs.field(init=False, factory=list)
    """Its last ones: more of their second may come."""
    _hands_on_early: bool = attrs.field(init=False)
    _given: set[str] = attrs.field(init=False, factory=set)
    """Ids of events that were handed on."""
    _seen: set[str] = attrs.field(init=False, factory=set)
    is_over: bool = attrs.field(init=False, default=False)
    has_skipped: bool = attrs.field(init=False, default=False)
    """Whether events were passed over that may be there: one second had more than the relay ever
    answers with, or what it answered was no answer."""

    def __attrs_post_init__(self) -> None:
        after = None if self._before is None else self._before.created_at
        self._hands_on_early = self.answers.keeps_order is True
        bounds = [each for each in (self._wanted.until, after) if each is not None]
        self._until = min(bounds) if bounds else None
        self._limit = min(self._most + _SPARE, self.answers.largest)

    @property
    def question(self) -> Filter:
        """The filter of the next REQ."""
        return attrs.evolve(self._wanted, until=self._asked_until, limit=self._limit)

    @property
    def _asked_until(self) -> int | None:
        if self._until is None or self._until >= _LARGEST_ASKED:
            return None
        return self._until if self.answers.until_is_inclusive else self._until + 1

    def come(self, events: Sequence[FrozenEvent]) -> Sequence[FrozenEvent]:
        """Take the next genuine events of the answer.

        :returns: those of the page that none can come before, where the relay keeps the order.
        """
        self._coming += events
        if not self._hands_on_early:
            return ()
        some = [*self._of_a_second, *events]
        if _is_ordered(some) is False:
            self._hands_on_early = False
            return ()
        begin = [event.created_at for event in some].index(some[-1].created_at)
        self._of_a_second = some[begin:]
        return self._next_of(some[:begin])

    def end_of_answer(self, number: int) -> None:
        """The answer has ended.

        :param number: of all that came, others than genuine events included: they count for
            ``limit``.
        """
        events, self._coming, self._of_a_second = self._coming, [], []
        is_short = number < self._limit
        is_whole = not number or (is_short and number < self.answers.proven)
        is_new = any(event.id not in self._seen for event in events)
        knew_of_until = self.answers.until_is_inclusive
        self._learn(events, number)
        self._seen.update(event.id for event in events)
        asked = [
            event for event in events if self._until is None or event.created_at <= self._until
        ]
        if is_whole:
            self._take(asked)
            self.is_over = True
        elif asked:
            self._go_on(asked, is_short=is_short, is_new=is_new)
        elif self.answers.until_is_inclusive == knew_of_until:
            self.is_over = self.has_skipped = True

    def _learn(self, events: Sequence[FrozenEvent], number: int) -> None:
        until = self._asked_until
        self.answers = self.answers.with_those_of(
            Answers(
                self.answers.largest,
                proven=min(number, self._limit),
                until_is_inclusive=any(event.created_at == until for event in events),
                keeps_order=_is_ordered(events),
            )
        )

    def _go_on(self, events: Sequence[FrozenEvent], *, is_short: bool, is_new: bool) -> None:
        """There may be more: these are the newest, maybe cut off within their last second.

        :param is_short: whether they are fewer than were asked for.
        :param is_new: whether any of them is.
        """
        last = min(event.created_at for event in events)
        whole = [event for event in events if event.created_at > last]
        if is_short and not (whole and is_new):
            self._pass(last, events)
        elif whole:
            self._continue_from(last, events, whole)
        elif self._limit < self.answers.largest:
            self._limit = min(_GROWTH * self._limit, self.answers.largest)
        else:
            self.has_skipped = True
            self._pass(last, events)

    def _continue_from(
        self, last: int, events: Sequence[FrozenEvent], whole: Sequence[FrozenEvent]
    ) -> None:
        """Ask for the last second again, and for what is older."""
        before = len(self._found)
        self._take(whole)
        self.is_over = len(self._found) >= self._most
        self._until = last
        again = sum(event.created_at <= last + 1 for event in events)
        enough = self._most - len(self._found) + again + _SPARE
        is_poor = 2 * (len(self._found) - before) < len(whole)
        self._limit = min(_GROWTH * self._limit if is_poor else enough, self.answers.largest)

    def _pass(self, last: int, events: Sequence[FrozenEvent]) -> None:
        """More of the last second does not come: ask for what is older."""
        self._take(events)
        self._until = last - 1
        is_oldest = self._until < (self._wanted.since or 0)
        self.is_over = is_oldest or len(self._found) >= self._most

    def _take(self, events: Sequence[FrozenEvent]) -> None:
        for event in events:
            if event.id in self._given or self._is_of_the_page(event):
                self._found[event.id] = event

    def _is_of_the_page(self, event: FrozenEvent) -> bool:
        return (
            self._wanted.matches(event)
            and not _should_be_gone(event)
            and (self._before is None or Position.of(event) > self._before)
        )

    @property
    def rest(self) -> Sequence[FrozenEvent]:
        """What was not handed on of the page that is over: newest first, of the same second the
        lowest id first.
        """
        return self._next_of(self._found.values())

    def _next_of(self, events: Iterable[FrozenEvent]) -> Sequence[FrozenEvent]:
        """Those of the page that were not handed on: no others come before them."""
        given = self._given
        some = [each for each in events if each.id not in given and self._is_of_the_page(each)]
        some.sort(key=_id_of)  # twice at half the price of once by positions
        some.sort(key=_created_at_of, reverse=True)
        some = some[: self._most - len(given)]
        given.update([event.id for event in some])
        return some


def _is_ordered(events: Sequence[FrozenEvent]) -> bool | None:
    """Whether no event comes after an older one; ``None`` where all are of one second."""
    times = [event.created_at for event in events]
    is_ordered = all(map(ge, times, times[1:]))
    return None if is_ordered and times[:1] == times[-1:] else is_ordered


def _both(one: bool | None, other: bool | None) -> bool | None:
    """What is known by two answers: one without order is enough."""
    known = [each for each in (one, other) if each is not None]
    return all(known) if known else None


def _should_be_gone(event: FrozenEvent) -> bool:
    """Whether an event was for those who listened. Some relays keep such events for a time."""
    return event.kind in EPHEMERAL_KINDS
