"""Which questions a script is asked, and whose an answer is."""

import weakref
from collections import Counter
from collections.abc import Iterator

import attrs
import pytest
from examples import ALICE, BOB, NOW, AnEvent
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from orly_policy_hookspecs import Origin
from orly_policy_plugin.decisions.access import Access
from orly_policy_plugin.decisions.replies import ACCEPTED, Reply
from orly_policy_plugin.scripts.questions import Asked, Question, Questions

MOST = 6
IDS = ("a", "b", "c", "d")
askeds = st.builds(
    Asked,
    event_id=st.sampled_from(IDS),
    access=st.sampled_from(("read", "write")),
    logged_in_pubkey=st.sampled_from((None, ALICE)),
    ip=st.just(""),
)


def question(
    event_id: str = "a", access: Access = "write", key: str | None = None, *, since: float = 0.0
) -> Question:
    """One that came at ``since``."""
    asked = Asked(event_id, access, key, "")
    return Question(asked, AnEvent(id=event_id), Origin.CLIENT, NOW, since=since)


def asked_next(questions: Questions) -> Asked | None:
    found = questions.ask_next(0.0)
    return found.asked if found else None


def test_one_is_asked_once() -> None:
    """And is in flight until its answer."""
    questions = Questions(MOST)
    one = question()
    assert questions.add(one)
    assert questions.ask_next(0.0) is one
    assert (questions.ask_next(0.0), questions.in_flight, len(questions)) == (None, 1, 1)
    assert questions.answered("a") is one
    assert (questions.in_flight, len(questions)) == (0, 0)


def test_an_answer_to_nothing_is_told_apart() -> None:
    """What was not asked, or not yet, or is answered already."""
    questions = Questions(MOST)
    with pytest.raises(KeyError):
        questions.answered("a")
    questions.add(question())
    with pytest.raises(KeyError):
        questions.answered("a")
    questions.ask_next(0.0)
    questions.answered("a")
    with pytest.raises(KeyError):
        questions.answered("a")


def test_different_ids_are_in_flight_together() -> None:
    """In the order in which they came, and answered in any."""
    questions = Questions(MOST)
    for event_id in IDS:
        questions.add(question(event_id))
    assert [asked_next(questions).event_id for _ in IDS] == list(IDS)  # type: ignore[union-attr]
    for event_id in reversed(IDS):
        assert questions.answered(event_id).asked.event_id == event_id  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "other",
    [question(access="read"), question(key=ALICE), question(access="read", key=BOB)],
    ids=["access", "pubkey", "both"],
)
def test_of_one_id_one_is_asked_after_the_other(other: Question) -> None:
    """An answer carries nothing but the id."""
    questions = Questions(MOST)
    first = question()
    questions.add(first)
    questions.add(other)
    assert (questions.ask_next(0.0), questions.ask_next(0.0)) == (first, None)
    assert questions.answered("a") is first
    assert (questions.ask_next(0.0), questions.ask_next(0.0)) == (other, None)
    assert questions.answered("a") is other


def test_the_address_tells_questions_apart() -> None:
    """A script may look at it."""
    questions = Questions(MOST)
    first, other = question(), question()
    other.asked = attrs.evolve(other.asked, ip="192.0.2.1")
    questions.add(first)
    questions.add(other)
    assert (questions.ask_next(0.0), len(questions)) == (first, 2)


@pytest.mark.parametrize("in_flight", [True, False])
def test_the_same_question_is_asked_once(in_flight: bool) -> None:
    """Whether the first is in flight or not; all who wait are told, each once."""
    told: list[tuple[str, Reply]] = []
    questions = Questions(1)
    first, again = question(), question()
    for one, name in ((first, "first"), (again, "again")):
        one.waiters.append(lambda reply, name=name: told.append((name, reply)))  # type: ignore[misc]
    questions.add(first)
    if in_flight:
        questions.ask_next(0.0)
    assert questions.add(again)
    if not in_flight:
        questions.ask_next(0.0)
    assert (questions.ask_next(0.0), len(questions)) == (None, 1)
    found = questions.answered("a")
    assert found is not None
    found.tell(ACCEPTED)
    assert told == [("first", ACCEPTED), ("again", ACCEPTED)]


def test_there_is_a_bound() -> None:
    """It counts those in flight; the same question again needs no room."""
    questions = Questions(2)
    assert questions.add(question("a"))
    questions.ask_next(0.0)
    assert questions.add(question("b"))
    assert not questions.add(question("c"))
    assert questions.add(question("b"))
    questions.answered("a")
    assert questions.add(question("c"))


def test_nothing_of_an_id_is_asked_while_its_late_answer_may_come() -> None:
    """The late answer goes to nobody; then the id can be asked again."""
    questions = Questions(MOST)
    first, later = question(since=1.0), question(access="read", since=2.0)
    questions.add(first)
    questions.ask_next(1.0)
    questions.add(later)
    assert questions.unanswered(0.9) == []
    assert questions.unanswered(1.0) == [first]
    assert (questions.late, questions.in_flight, len(questions)) == (1, 0, 1)
    assert questions.ask_next(0.0) is None
    assert questions.answered("a") is None
    assert questions.late == 0
    assert questions.ask_next(0.0) is later
    assert questions.answered("a") is later


def test_the_same_question_again_waits_for_the_late_answer_as_well() -> None:
    """It may be meant for another time."""
    questions = Questions(MOST)
    questions.add(question())
    questions.ask_next(0.0)
    questions.unanswered(1.0)
    again = question(since=2.0)
    questions.add(again)
    assert questions.ask_next(0.0) is None
    assert questions.answered("a") is None
    assert questions.ask_next(0.0) is again


def test_what_was_not_asked_owes_no_answer() -> None:
    """One that waited in the queue until its time was over."""
    questions = Questions(MOST)
    first, behind = question(since=1.0), question(access="read", since=2.0)
    questions.add(first)
    questions.add(behind)
    assert questions.unanswered(1.0) == []
    assert questions.unsent(1.0) == [first]
    assert questions.late == 0
    assert questions.ask_next(0.0) is behind


def test_time_counts_from_when_it_is_sent() -> None:
    """How long it waited for others makes no difference."""
    questions = Questions(MOST)
    first, second = question("a"), question("b")
    questions.add(first)
    questions.add(second)
    questions.ask_next(1.0)
    questions.ask_next(5.0)
    assert questions.unanswered(4.9) == [first]
    assert questions.unsent(9.0) == []
    assert questions.unanswered(5.0) == [second]


def test_a_new_process_owes_nothing() -> None:
    """What the old one was asked has failed; what waits, and waits for late ones, is asked."""
    questions = Questions(MOST)
    late, in_flight = question("a"), question("b")
    questions.add(late)
    questions.ask_next(0.0)
    questions.unanswered(1.0)
    questions.add(in_flight)
    questions.ask_next(0.0)
    waiting = [
        question("a"),
        question("b", "read"),
        question("c"),
    ]
    for one in waiting:
        questions.add(one)
    assert asked_next(questions) == waiting[2].asked
    assert questions.process_ended() == [in_flight, waiting[2]]
    assert (questions.late, questions.in_flight) == (0, 0)
    assert {questions.ask_next(0.0), questions.ask_next(0.0)} == set(waiting[:2])


def test_what_waits_can_be_dropped() -> None:
    """What was asked stays."""
    questions = Questions(MOST)
    kept = question("a")
    questions.add(kept)
    questions.ask_next(0.0)
    waiting = [question("a", "read"), question("b")]
    for one in waiting:
        questions.add(one)
    assert questions.drop_waiting() == waiting
    assert (questions.ask_next(0.0), len(questions)) == (None, 1)
    assert questions.answered("a") is kept
    assert questions.add(question("b"))
    assert questions.ask_next(0.0) is not None


@attrs.define
class Waiting:
    """What the model knows of a question."""

    number: int
    asked: Asked
    since: float
    waiters: list[int]
    in_flight: bool = False


class AgainstAModel(RuleBasedStateMachine):
    """Whatever happens in whichever order, a plain list gives the same."""

    def __init__(self) -> None:
        super().__init__()
        self.questions = Questions(MOST)
        self.model: list[Waiting] = []  # oldest first
        self.late: set[str] = set()
        self.now = 0.0
        self.number = 0
        self.told: Counter[int] = Counter()
        self.kept: weakref.WeakSet[Question] = weakref.WeakSet()

    @rule(asked=askeds)
    def add(self, asked: Asked) -> None:
        self.number += 1
        number = self.number
        same = next((one for one in self.model if one.asked == asked), None)
        is_taken = same is not None or len(self.model) < MOST
        assert self.questions.add(self.made(asked)) is is_taken
        if same is not None:
            same.waiters.append(number)
        elif is_taken:
            self.model.append(Waiting(number, asked, self.now, [number]))

    def made(self, asked: Asked) -> Question:
        number = self.number
        made = Question(
            asked,
            AnEvent(id=asked.event_id),
            Origin.CLIENT,
            number,
            [lambda _: self.told.update([number])],
            self.now,
        )
        self.kept.add(made)
        return made

    @rule(most=st.integers(1, 3))
    def ask_next(self, most: int) -> None:
        for _ in range(most):
            found = self.questions.ask_next(self.now)
            may_be_asked = list(self.may_be_asked())
            if found is None:
                assert may_be_asked == []
                return
            (asked,) = [one for one in may_be_asked if one.number == found.received_at]
            asked.in_flight, asked.since = True, self.now

    def may_be_asked(self) -> Iterator[Waiting]:
        """The oldest of each id of which nothing is in flight or late."""
        taken = self.late | {one.asked.event_id for one in self.model if one.in_flight}
        for one in self.model:
            if one.asked.event_id not in taken:
                taken.add(one.asked.event_id)
                yield one

    @rule(event_id=st.sampled_from(IDS))
    def answered(self, event_id: str) -> None:
        in_flight = [one for one in self.model if one.in_flight and one.asked.event_id == event_id]
        if in_flight:
            self.has_ended(self.questions.answered(event_id), in_flight[0])
        elif event_id in self.late:
            assert self.questions.answered(event_id) is None
            self.late.remove(event_id)
        else:
            with pytest.raises(KeyError):
                self.questions.answered(event_id)

    @rule(seconds=st.sampled_from((0, 1, 5)))
    def unanswered(self, seconds: int) -> None:
        self.now += 1
        before = self.now - seconds
        expired = [one for one in self.model if one.in_flight and one.since <= before]
        self.have_ended(self.questions.unanswered(before), expired, are_late=True)

    @rule(seconds=st.sampled_from((0, 1, 5)))
    def unsent(self, seconds: int) -> None:
        self.now += 1
        before = self.now - seconds
        expired = [one for one in self.model if not one.in_flight and one.since <= before]
        self.have_ended(self.questions.unsent(before), expired)

    @precondition(lambda self: self.model or self.late)
    @rule()
    def process_ended(self) -> None:
        lost = [one for one in self.model if one.in_flight]
        self.late.clear()
        self.have_ended(self.questions.process_ended(), lost)

    @rule()
    def drop_waiting(self) -> None:
        waiting = [one for one in self.model if not one.in_flight]
        self.have_ended(self.questions.drop_waiting(), waiting)

    def have_ended(
        self, found: list[Question], expected: list[Waiting], *, are_late: bool = False
    ) -> None:
        numbers = [one.received_at for one in found]
        assert sorted(numbers) == [one.number for one in expected]
        for one in expected:
            if are_late and one.in_flight:
                self.late.add(one.asked.event_id)
            self.has_ended(found[numbers.index(one.number)], one)

    def has_ended(self, found: Question | None, expected: Waiting) -> None:
        """It tells all who waited for it, who had been told nothing before."""
        assert found is not None
        assert found.received_at == expected.number
        found.tell(ACCEPTED)
        assert [self.told[waiter] for waiter in expected.waiters] == [1] * len(expected.waiters)
        self.model.remove(expected)

    @invariant()
    def the_counts_are_right(self) -> None:
        in_flight = [one.asked.event_id for one in self.model if one.in_flight]
        assert len(in_flight) == len(set(in_flight))
        assert not self.late & set(in_flight)
        assert self.questions.in_flight == len(in_flight)
        assert self.questions.late == len(self.late)
        assert len(self.questions) == len(self.model) <= MOST

    @invariant()
    def nothing_else_is_kept(self) -> None:
        """A question that has ended is forgotten at once, with its event."""
        kept = sorted(one.received_at for one in self.kept)
        assert kept == [one.number for one in self.model]

    def teardown(self) -> None:
        """All is settled, and whoever waits was told once."""
        self.unanswered(0)
        self.unsent(0)
        self.process_ended()
        self.the_counts_are_right()
        self.nothing_else_is_kept()
        assert self.questions.ask_next(self.now) is None
        assert set(self.told.values()) <= {1}


TestAgainstAModel = AgainstAModel.TestCase
TestAgainstAModel.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
