"""Pages are whole and in order whatever a relay makes of ``until`` and ``limit``."""

import random
from collections import Counter
from collections.abc import Sequence
from itertools import cycle, islice

import attrs
from hypothesis import given
from hypothesis import strategies as st

from orly_policy_hookspecs.nip01 import Filter, FrozenEvent, Position
from orly_policy_plugin.hosts.upstream.paging import Answers, Pager

MOST_QUESTIONS = 200


def note(number: int, created_at: int, kind: int = 1) -> FrozenEvent:
    return FrozenEvent(f"{number:064x}", "ab" * 32, created_at, kind, (), "", "")


@attrs.frozen
class Relay:
    """A relay as they are: some events, and how it answers."""

    events: Sequence[FrozenEvent]
    cap: int
    """Events that it ever answers with."""
    until_is_inclusive: bool
    order: Sequence[int]
    """What stands first of one second is nobody's business."""

    def answer(self, asked: Filter) -> Sequence[FrozenEvent]:
        assert asked.limit is not None
        found = [
            event
            for event in self.events
            if attrs.evolve(asked, except_kinds=frozenset()).matches(event)
            and (self.until_is_inclusive or asked.until is None or event.created_at < asked.until)
        ]
        found.sort(key=lambda event: (-event.created_at, self.order[int(event.id, 16)]))
        return found[: min(asked.limit, self.cap)]


@st.composite
def relays(draw: st.DrawFn) -> Relay:
    times = draw(st.lists(st.integers(0, 30), max_size=60))
    kinds = draw(st.lists(st.integers(1, 2), min_size=len(times), max_size=len(times)))
    events = [note(*each) for each in zip(range(len(times)), times, kinds, strict=True)]
    return Relay(
        events,
        cap=draw(st.integers(1, 40)),
        until_is_inclusive=draw(st.booleans()),
        order=draw(st.permutations(range(len(times)))),
    )


filters = st.builds(
    Filter,
    since=st.none() | st.integers(0, 30),
    until=st.none() | st.integers(0, 30),
    except_kinds=st.frozensets(st.just(2)),
)


def taken(pager: Pager, events: Sequence[FrozenEvent]) -> list[FrozenEvent]:
    """What is handed on while an answer comes, some events at a time."""
    first: list[FrozenEvent] = []
    coming = iter(events)
    for number in cycle((1, 3, 2)):
        if not (some := list(islice(coming, number))):
            break
        first += pager.come(some)
    pager.end_of_answer(len(events))
    return first


def page(relay: Relay, pager: Pager) -> Sequence[FrozenEvent]:
    found: list[FrozenEvent] = []
    for _ in range(MOST_QUESTIONS):
        found += taken(pager, relay.answer(pager.question))
        if pager.is_over:
            return [*found, *pager.rest]
    raise AssertionError(f"still asking {pager.question}")


def in_order(relay: Relay, wanted: Filter) -> list[FrozenEvent]:
    return sorted(filter(wanted.matches, relay.events), key=Position.of)


def crowded(relay: Relay, largest: int) -> set[int]:
    """Seconds of which the relay does not give all, whatever it is asked."""
    count = Counter(event.created_at for event in relay.events)
    most = min(relay.cap, largest)
    return {second for second in count if count[second] + count[second + 1] >= most}


@given(relays(), filters, st.integers(1, 30), st.integers(1, 60))
def test_pages_are_all_that_is_there(
    relay: Relay, wanted: Filter, most: int, largest: int
) -> None:
    """In the order of NIP-01, one after the other, but for seconds that no answer has room for."""
    answers, before, pages = Answers(largest), None, list[FrozenEvent]()
    while True:
        pager = Pager(answers, wanted, before, most)
        found = page(relay, pager)
        answers = answers.with_those_of(pager.answers)
        pages += found
        if len(found) < most:
            break
        before = Position.of(found[-1])
    there = in_order(relay, wanted)
    full = crowded(relay, largest)
    assert pages == [event for event in there if event in pages]
    assert [event for event in there if event.created_at not in full and event not in pages] == []


@given(relays(), filters, st.integers(1, 30))
def test_one_page_of_a_relay_that_tells_its_limit(relay: Relay, wanted: Filter, most: int) -> None:
    """It is whole, or says that it may not be."""
    pager = Pager(Answers(relay.cap, proven=relay.cap), wanted, None, most)
    found = page(relay, pager)
    assert pager.has_skipped or found == in_order(relay, wanted)[:most]


@given(relays(), st.integers(1, 30))
def test_what_a_relay_has_shown_is_true(relay: Relay, most: int) -> None:
    """Nothing is learned of it that another answer could belie."""
    pager = Pager(Answers(500), Filter(), None, most)
    page(relay, pager)
    assert pager.answers.proven <= relay.cap
    assert relay.until_is_inclusive or not pager.answers.until_is_inclusive


def test_one_question_is_enough_where_the_relay_is_known() -> None:
    """What the last second lacks is not asked for with the whole page again."""
    events = [note(number, 1000 - number // 3) for number in range(400)]
    relay = Relay(events, 500, until_is_inclusive=True, order=range(400))
    known = Answers(500, proven=300, until_is_inclusive=True)

    asked, found = [], list[FrozenEvent]()
    pager = Pager(known, Filter(), None, 200)
    while not pager.is_over:
        asked.append(pager.question.limit)
        found += taken(pager, relay.answer(pager.question))

    assert [*found, *pager.rest] == in_order(relay, Filter())[:200]
    assert asked[0] == 201
    assert sum(asked[1:]) < 20
    few = Pager(known, Filter(since=1000), None, 200)
    taken(few, relay.answer(few.question))
    assert few.is_over


def test_a_crowded_second_costs_little() -> None:
    """Where a page ends within a second, only the rest of it is asked for."""
    events = [note(number, 1000 - number // 10) for number in range(400)]
    relay = Relay(events, 500, until_is_inclusive=True, order=range(400))
    pager = Pager(Answers(500, proven=300, until_is_inclusive=True), Filter(), None, 200)
    limits, found = [], list[FrozenEvent]()
    while not pager.is_over:
        assert pager.question.limit is not None
        limits.append(pager.question.limit)
        found += taken(pager, relay.answer(pager.question))
    assert [*found, *pager.rest] == in_order(relay, Filter())[:200]
    assert sum(limits) < 250


def test_a_relay_that_does_not_heed_until_is_given_up() -> None:
    """It gives the same again and again."""
    same = [note(number, 1000) for number in range(10)]
    pager = Pager(Answers(10), Filter(until=500), None, 20)
    for _ in range(MOST_QUESTIONS):
        taken(pager, same)
        if pager.is_over:
            break
    assert pager.is_over
    assert pager.has_skipped
    assert pager.rest == []


def test_what_is_not_genuine_counts_for_the_limit() -> None:
    """Ten came, one of them forged: there may be more."""
    pager = Pager(Answers(10), Filter(), None, 20)
    pager.come([note(number, 100 - number) for number in range(9)])
    pager.end_of_answer(10)
    assert not pager.is_over
    assert pager.question.until == 93


def test_no_time_is_too_late_to_ask_for() -> None:
    """A JSON number beyond 53 bits is not the same everywhere: it is left out."""
    pager = Pager(Answers(10), Filter(until=2**63 - 1), None, 20)
    assert pager.question.until is None


def test_first_events_do_not_wait_for_the_last() -> None:
    """A second's are handed on when older ones come, of a relay that has shown that it keeps the
    order; once it does not, all wait for the end.
    """
    notes = [note(2, 9), note(1, 9), note(3, 8), note(4, 7)]
    known = Answers(10, proven=10, until_is_inclusive=True)
    first = Pager(known, Filter(), None, 4)
    assert not any(first.come([each]) for each in notes)
    first.end_of_answer(4)
    assert first.answers.keeps_order
    assert first.rest == [notes[1], notes[0], *notes[2:]]

    second = Pager(first.answers, Filter(kinds=frozenset({1})), None, 3)
    came = [second.come([each]) for each in [note(5, 9, kind=2), *notes]]
    assert came == [[], [], [], [notes[1], notes[0]], [notes[2]]]
    assert not second.come([note(6, 20)])
    second.end_of_answer(6)
    assert second.rest == []
    assert second.answers.keeps_order is False
    assert first.answers.with_those_of(second.answers).keeps_order is False


@given(relays(), filters, st.integers(1, 30), st.randoms())
def test_no_order_loses_nothing(
    relay: Relay, wanted: Filter, most: int, chance: random.Random
) -> None:
    """A relay that was in order once, and answers in any order now: each event comes once."""
    answers = Answers(relay.cap, proven=relay.cap, keeps_order=True)
    pager = Pager(answers, wanted, None, most)
    found: list[FrozenEvent] = []
    while not pager.is_over:
        answer = list(relay.answer(pager.question))
        chance.shuffle(answer)
        found += taken(pager, answer)
    found += pager.rest
    ids = [event.id for event in found]
    there = in_order(relay, wanted)
    assert len(ids) == len(set(ids))
    assert set(ids) <= {event.id for event in there}
    assert pager.has_skipped or len(ids) == min(most, len(there))
