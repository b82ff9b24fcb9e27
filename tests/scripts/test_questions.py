"""Which questions a script is asked, and whose an answer is."""

import weakref
from collections import Counter
from collections.abc import Iterator
from itertools import islice

import attrs
import pytest
from depth import times
from examples import ALICE, BOB, NOW, AnEvent
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from orly_policy_hookspecs import Origin
from orly_policy_plugin.decisions.replies import ACCEPTED, Reply
from orly_policy_plugin.fair_queue import Asker
from orly_policy_plugin.policy.fields import Access
from orly_policy_plugin.scripts.asked import Asked, Question, Request, Waiter
from orly_policy_plugin.scripts.questions import OTHERS_SECONDS, SUSPECTS_SECONDS, Questions
from orly_policy_plugin.scripts.window import FIRST

MOST = 6
IDS = ("a", "b", "c", "d")
HERE: Asker = ("192.0.2.1", 1, None)
THERE: Asker = ("192.0.2.2", 2, None)
ASKERS = (HERE, THERE, ("192.0.2.2", 3, ALICE), ("192.0.2.2", 3, BOB))
askeds = st.builds(
    Asked,
    event_id=st.sampled_from(IDS),
    access=st.sampled_from(("read", "write")),
    logged_in_pubkey=st.sampled_from((None, ALICE)),
    ip=st.just(""),
)


@attrs.define(eq=False)
class Told(Waiter):
    """Remembers what it is told."""

    replies: list[Reply] = attrs.Factory(list)
    gone: bool = False

    def tell(self, reply: Reply) -> None:
        self.replies.append(reply)

    @property
    def is_gone(self) -> bool:
        return self.gone


def question(
    event_id: str = "a", access: Access = "write", key: str | None = None, ip: str = ""
) -> Question:
    asked = Asked(event_id, access, key, ip)
    return Question(asked, AnEvent(id=event_id), Origin.CLIENT, NOW)


def holding(*added: Question, most: int = MOST, now: float = 0.0) -> Questions:
    """What one asker has asked."""
    questions = Questions(most, 5.0)
    for one in added:
        assert add(questions, one, now=now) == []
    return questions


def add(
    questions: Questions,
    one: Question,
    asker: Asker = HERE,
    waiter: Waiter | None = None,
    now: float = 0.0,
) -> list[Question]:
    over = questions.add(one, asker, waiter or Told(), now)
    return [request.question for request in over]


def ask_all(questions: Questions, now: float = 0.0) -> list[Question]:
    """What is asked until nothing may be."""
    return list(iter(lambda: questions.ask_next(now), None))


def test_one_is_asked_once() -> None:
    """And is in flight until its answer."""
    one = question()
    questions = holding(one)
    assert questions.ask_next(0.0) is one
    assert (questions.ask_next(0.0), questions.in_flight, len(questions)) == (None, 1, 1)
    assert questions.answered("a", 0.0) is one
    assert (questions.in_flight, len(questions)) == (0, 0)


def test_an_answer_to_nothing_is_told_apart() -> None:
    """What was not asked, or not yet, or is answered already."""
    questions = holding()
    with pytest.raises(KeyError):
        questions.answered("a", 0.0)
    add(questions, question())
    with pytest.raises(KeyError):
        questions.answered("a", 0.0)
    questions.ask_next(0.0)
    questions.answered("a", 0.0)
    with pytest.raises(KeyError):
        questions.answered("a", 0.0)


def test_different_ids_are_in_flight_together() -> None:
    """In the order in which one asker has asked, and answered in any."""
    questions = holding(*map(question, IDS))
    assert [one.asked.event_id for one in ask_all(questions)] == list(IDS)
    for event_id in reversed(IDS):
        assert questions.answered(event_id, 0.0).asked.event_id == event_id  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "other",
    [
        question(access="read"),
        question(key=ALICE),
        question(access="read", key=BOB),
        question(ip="192.0.2.1"),
    ],
    ids=["access", "pubkey", "both", "address"],
)
def test_of_one_id_one_is_asked_after_the_other(other: Question) -> None:
    """An answer carries nothing but the id."""
    first = question()
    questions = holding(first, other)
    assert ask_all(questions) == [first]
    assert questions.answered("a", 0.0) is first
    assert ask_all(questions) == [other]
    assert questions.answered("a", 0.0) is other


@pytest.mark.parametrize("asker", [HERE, THERE])
@pytest.mark.parametrize("in_flight", [True, False])
def test_the_same_question_is_asked_once(in_flight: bool, asker: Asker) -> None:
    """Whoever asks it, and whether the first is in flight or not; all are told, each once."""
    waiters = [Told(), Told()]
    questions = holding()
    add(questions, question(), HERE, waiters[0])
    if in_flight:
        questions.ask_next(0.0)
    add(questions, question(), asker, waiters[1])
    if not in_flight:
        questions.ask_next(0.0)
    assert (questions.ask_next(0.0), len(questions)) == (None, 1)
    found = questions.answered("a", 0.0)
    assert found is not None
    found.tell(ACCEPTED)
    assert [waiter.replies for waiter in waiters] == [[ACCEPTED]] * 2


def test_nothing_of_an_id_is_asked_while_its_late_answer_may_come() -> None:
    """The late answer goes to nobody; then the id can be asked again."""
    first, later = question(), question(access="read")
    questions = holding(first)
    questions.ask_next(1.0)
    add(questions, later)
    assert questions.failed(0.9) == []
    assert questions.failed(1.0) == [first]
    assert (questions.late, questions.in_flight, len(questions)) == (1, 0, 1)
    assert questions.ask_next(0.0) is None
    assert questions.answered("a", 0.0) is None
    assert questions.late == 0
    assert questions.ask_next(0.0) is later
    assert questions.answered("a", 0.0) is later


def test_the_same_question_again_waits_for_the_late_answer_as_well() -> None:
    """It may be meant for another time."""
    questions = holding(question())
    questions.ask_next(0.0)
    questions.failed(1.0)
    again = question()
    add(questions, again)
    assert questions.ask_next(0.0) is None
    assert questions.answered("a", 0.0) is None
    assert questions.ask_next(0.0) is again


def test_what_was_not_asked_owes_no_answer() -> None:
    """One that waited in the queue until its time was over."""
    first, behind = question(), question(access="read")
    questions = holding(first, now=1.0)
    add(questions, behind, now=2.0)
    assert questions.failed(1.0) == []
    assert [request.question for request in questions.unsent(1.0)] == [first]
    assert questions.late == 0
    assert questions.ask_next(0.0) is behind


def test_time_to_answer_counts_from_when_it_is_sent() -> None:
    """How long it waited before makes no difference."""
    one = question("a")
    questions = holding(one)
    questions.ask_next(4.0)
    assert (questions.failed(3.9), questions.unsent(9.0)) == ([], [])
    assert questions.failed(4.0) == [one]


def test_a_silent_script_is_at_what_it_has_had_longest() -> None:
    """That has failed, and nothing that was sent after it, however long it goes on."""
    asked = [question(event_id) for event_id in "abc"]
    questions = holding(*asked)
    ask_all(questions, 1.0)
    assert (questions.silent_seconds(3.0), questions.failed(0.9)) == (2.0, [])
    assert questions.failed(1.0) == asked[:1]
    assert (questions.silent_seconds(9.0), questions.failed(9.0)) == (8.0, [])


def test_time_to_answer_counts_from_when_the_script_was_last_heard() -> None:
    """What it had to answer before is no failure at the next one; a late answer counts as well."""
    asked = [question(event_id) for event_id in "abc"]
    questions = holding(*asked)
    ask_all(questions, 1.0)
    questions.answered("a", 4.0)
    assert questions.failed(3.9) == []
    assert questions.failed(4.0) == asked[1:2]
    questions.answered("b", 6.0)
    assert (questions.silent_seconds(7.0), questions.failed(5.9)) == (1.0, [])
    assert questions.failed(6.0) == asked[2:]


def test_what_the_script_passed_over_has_its_time_from_then() -> None:
    """Whoever answers many at a time may be at it still."""
    asked = [question(event_id) for event_id in "abcd"]
    questions = holding(*asked)
    ask_all(questions, 1.0)
    questions.answered("c", 3.0)
    questions.answered("d", 4.0)
    assert questions.silent_seconds(9.0) == 0.0
    assert questions.failed(2.9) == []
    assert questions.failed(3.0) == asked[:2]


def test_what_is_in_flight_for_too_long_can_be_given_up_for_each_who_waits() -> None:
    """It is no failure; the answer still comes, and until then nothing of its id is asked."""
    waiters = [Told(), Told()]
    questions = holding()
    add(questions, question(), HERE, waiters[0], now=1.0)
    questions.ask_next(1.0)
    add(questions, question(), THERE, waiters[1], now=2.0)
    assert [over.waiters for over in questions.unheard(1.0)] == [waiters[:1]]
    assert (questions.in_flight, questions.late) == (1, 0)
    assert [over.waiters for over in questions.unheard(2.0)] == [waiters[1:]]
    assert (questions.in_flight, questions.late, len(questions)) == (0, 1, 0)
    add(questions, question())
    assert questions.ask_next(3.0) is None
    assert questions.answered("a", 3.0) is None
    assert questions.ask_next(3.0) is not None


def test_of_two_who_wait_for_one_question_each_has_its_own_time() -> None:
    """The first runs out of it; the other is still told the answer."""
    waiters = [Told(), Told()]
    questions = holding()
    add(questions, question(), HERE, waiters[0], now=1.0)
    add(questions, question(), THERE, waiters[1], now=2.0)
    (over,) = questions.unsent(1.0)
    assert over.waiters == waiters[:1]
    assert questions.ask_next(3.0) is not None
    found = questions.answered("a", 3.0)
    assert found is not None
    found.tell(ACCEPTED)
    assert [waiter.replies for waiter in waiters] == [[], [ACCEPTED]]


def test_what_waits_can_be_dropped() -> None:
    """What is in flight stays."""
    kept = question("a")
    questions = holding(kept)
    questions.ask_next(0.0)
    waiting = [question("a", "read"), question("b")]
    for one in waiting:
        add(questions, one)
    assert [request.question for request in questions.drop_waiting()] == waiting
    assert (questions.ask_next(0.0), len(questions)) == (None, 1)
    assert questions.answered("a", 0.0) is kept
    assert add(questions, question("b")) == []
    assert questions.ask_next(0.0) is not None


@pytest.mark.parametrize("is_swept", [True, False])
def test_what_nobody_waits_for_any_more_is_not_asked(is_swept: bool) -> None:
    """And makes room for others, at the latest when it is its turn."""
    gone, here = Told(), Told()
    questions = holding()
    add(questions, question("a"), HERE, gone)
    add(questions, question("b"), HERE, gone)
    add(questions, question("b"), THERE, here)
    add(questions, question("c"), HERE, here)
    gone.gone = True
    if is_swept:
        questions.forget_given_up()
        assert len(questions) == 2
    assert {one.asked.event_id for one in ask_all(questions)} == {"b", "c"}
    assert len(questions) == 2


# --- a process has ended


def test_what_was_in_flight_is_asked_of_the_next_process_one_at_a_time() -> None:
    """And nothing else with it; what waited for late answers, and the rest, comes after that."""
    late, first, second = question("a"), question("b"), question("c")
    questions = holding(late)
    questions.ask_next(0.0)
    questions.failed(1.0)
    for one in first, second:
        add(questions, one)
    assert ask_all(questions) == [first, second]
    others = [question("a"), question("b", "read"), question("d")]
    for one in others:
        add(questions, one)
    assert questions.process_ended(0.0) is None
    assert (questions.late, questions.in_flight, questions.has_suspects) == (0, 0, True)
    assert ask_all(questions) == [first]
    assert questions.answered("b", 0.0) is first
    assert ask_all(questions) == [second]
    assert questions.answered("c", 0.0) is second
    assert set(ask_all(questions)) == set(others)


def test_suspects_and_others_take_turns() -> None:
    """However many there are of either; nothing of a suspect's id is asked meanwhile."""
    suspects = [question(event_id) for event_id in "abc"]
    questions = holding(*suspects, most=100)
    ask_all(questions)
    questions.process_ended(0.0)
    others = [question(event_id) for event_id in "defgh"]
    for one in (question("c", "read"), *others):
        add(questions, one)

    def asked(now: float) -> str:
        one = questions.ask_next(now)
        assert one is not None
        questions.answered(one.asked.event_id, now)
        return one.asked.event_id

    now = 1.0
    assert [asked(now), asked(now + SUSPECTS_SECONDS - 0.1)] == ["a", "b"]
    now += SUSPECTS_SECONDS
    assert [asked(now), asked(now), asked(now + OTHERS_SECONDS - 0.1)] == ["d", "e", "f"]
    assert asked(now + OTHERS_SECONDS) == "c"
    assert {one.asked.event_id for one in drained(questions)} == {"c", "g", "h"}


def test_suspects_take_turns_by_who_asks() -> None:
    """Who writes what ends the script holds up his own."""
    questions = Questions(1_000, 5.0)
    for event_id in "abc":
        add(questions, question(event_id), THERE)
    mine = question("d")
    add(questions, mine, HERE)
    assert len(ask_all(questions)) == 4
    questions.process_ended(0.0)
    assert list(drained(questions)).index(mine) <= 1


def test_a_suspect_that_ends_a_process_alone_is_the_one() -> None:
    """The others are asked on, each with a fresh start."""
    asked = [question(event_id) for event_id in "abc"]
    questions = holding(*asked)
    assert ask_all(questions) == asked
    assert questions.process_ended(0.0) is None
    assert ask_all(questions) == asked[:1]
    assert questions.process_ended(0.0) is asked[0]
    assert ask_all(questions) == asked[1:2]
    assert questions.answered("b", 0.0) is asked[1]
    assert ask_all(questions) == asked[2:]
    assert questions.answered("c", 0.0) is asked[2]
    assert len(questions) == 0


def test_who_is_asked_of_a_process_that_has_answered_is_not_blamed_at_once() -> None:
    """The one before may have ended it after its answer: it is asked alone of the next."""
    asked = [question(event_id) for event_id in "abcd"]
    questions = holding(*asked)
    ask_all(questions)
    questions.process_ended(0.0)
    ask_all(questions)
    questions.answered("a", 0.0)
    assert ask_all(questions) == asked[1:2]
    assert questions.process_ended(0.0) is None
    add(questions, question("e"))
    assert ask_all(questions) == asked[1:2]
    assert questions.process_ended(0.0) is asked[1]


def test_nobody_is_blamed_for_a_process_that_has_not_proved_to_start() -> None:
    """Nor for one that somebody else has ended."""
    one = question()
    questions = holding(one)
    for blame_after in (1.0, float("inf")):
        assert questions.ask_next(0.5) is one
        assert questions.process_ended(blame_after) is None
    assert questions.ask_next(0.5) is one


def test_nothing_is_asked_of_a_process_that_hangs_in_a_suspect() -> None:
    """The next suspect would fail for the first one's fault; it waits for an answer, or for
    another process.
    """
    asked = [question(event_id) for event_id in "ab"]
    questions = holding(*asked)
    ask_all(questions)
    questions.process_ended()
    assert questions.ask_next(1.0) is asked[0]
    assert questions.failed(1.0) == asked[:1]
    assert questions.ask_next(2.0) is None
    questions.process_ended()
    assert questions.ask_next(3.0) is asked[1]


# --- fair shares


def drained(questions: Questions) -> Iterator[Question]:
    """What is asked, each answered at once."""
    while (one := questions.ask_next(0.0)) is not None:
        yield one
        questions.answered(one.asked.event_id, 0.0)


floods = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3)), min_size=1, max_size=80)
"""Connections and keys of one address."""


@given(floods, st.integers(1, 5))
@settings(max_examples=times(30, 1_000))
def test_who_floods_waits_behind_himself(flood: list[tuple[int, int]], count: int) -> None:
    """However many connections and keys of one address ask, another address has every other
    turn.
    """
    questions = Questions(1_000, 5.0)
    for number, (connection, key) in enumerate(flood):
        add(questions, question(f"flood {number}"), ("192.0.2.9", connection, key))
    mine = [question(f"mine {number}") for number in range(count)]
    for one in mine:
        add(questions, one, HERE)
    places = {one: place for place, one in enumerate(drained(questions))}
    for number, one in enumerate(mine):
        assert places[one] <= 2 * number + 1
    assert len(places) == len(flood) + count


@given(floods, st.integers(0, 30))
@settings(max_examples=times(30, 1_000))
def test_a_connection_has_its_turn_among_those_of_its_address(
    flood: list[tuple[int, int]], mine: int
) -> None:
    """Nobody comes twice before everybody else has come once, whatever keys they use."""
    questions = Questions(1_000, 5.0)
    for number, (connection, key) in enumerate(flood):
        add(questions, question(f"{connection} {number}"), ("192.0.2.9", connection, key))
    connections = {connection for connection, _ in flood}
    first_round = [one.asked.event_id.split()[0] for one in drained(questions)][: len(connections)]
    assert len(set(first_round)) == len(connections)


def test_who_asks_what_one_who_floods_has_asked_does_not_wait_behind_him() -> None:
    """The question is asked at the turn of the first whose turn it is."""
    questions = Questions(1_000, 5.0)
    for number in range(200):
        add(questions, question(f"{number}"), THERE)
    waiter = Told()
    add(questions, question("150"), HERE, waiter)
    asked = [one.asked.event_id for one in drained(questions)]
    assert asked.index("150") <= 1
    assert sorted(asked, key=int) == [str(number) for number in range(200)]


def test_of_one_id_askers_take_turns_as_well() -> None:
    """One asks about it under many keys, and from many connections; another comes once."""
    questions = Questions(1_000, 5.0)
    for number in range(50):
        add(questions, question(key=str(number)), ("192.0.2.9", number, None))
    mine = question(key="mine")
    add(questions, mine, HERE)
    assert list(drained(questions)).index(mine) <= 2


def test_one_who_waits_for_an_id_does_not_wait_for_anothers_turn() -> None:
    """That a question of the same id is far back in a flood does not hold it up."""
    questions = Questions(1_000, 5.0)
    for number in range(200):
        add(questions, question(f"{number}"), THERE)
    mine = question("150", key=ALICE)
    add(questions, mine, HERE)
    assert list(drained(questions)).index(mine) <= 1


def test_nobody_has_more_turns_for_asking_what_many_of_his_connections_ask() -> None:
    """Stepping aside for one of the same id saves no turn."""
    questions = Questions(10_000, 5.0)
    for connection in range(50):
        for number in range(20):
            add(
                questions, question(f"{number}", key=f"{connection}"), ("192.0.2.9", connection, 0)
            )
    first = list(islice(drained(questions), 200))
    assert len(first) == 200
    mine = [question(f"mine {number}") for number in range(20)]
    for one in mine:
        add(questions, one, HERE)
    after = list(drained(questions))
    assert max(after.index(one) for one in mine) <= 2 * len(mine)
    assert len(first) + len(after) == 50 * 20 + 20


@given(floods, st.integers(2, 20))
@settings(max_examples=times(30, 1_000))
def test_a_full_queue_keeps_nobody_out_who_has_little_in_it(
    flood: list[tuple[int, int]], most: int
) -> None:
    """Who has the most there gives up the newest; only of equals the newcomer does."""
    questions = Questions(most, 5.0)
    held: Counter[str] = Counter()
    for number, (connection, address) in enumerate(flood):
        ip = f"192.0.2.{address}"
        held[ip] += 1
        for over in questions.add(question(str(number)), (ip, connection, None), Told(), 0.0):
            loser = str(over.asker[0])
            assert held[loser] == max(held.values())
            held[loser] -= 1
        assert sum(held.values()) == len(questions) <= most


def test_there_is_a_bound() -> None:
    """It counts those in flight; the same question of the same asker needs no room."""
    questions = holding(question("a"), most=2)
    questions.ask_next(0.0)
    assert add(questions, question("b")) == []
    c = question("c")
    assert add(questions, c) == [c]
    assert add(questions, question("b")) == []
    questions.answered("a", 0.0)
    assert add(questions, question("c")) == []


def test_what_is_given_up_for_want_of_room_stays_for_others_who_wait_for_it() -> None:
    """Only the asker who has too much is told so."""
    questions = Questions(3, 5.0)
    add(questions, question("a"), HERE)
    add(questions, question("b"), HERE)
    add(questions, question("b"), THERE)
    (over,) = questions.add(question("c"), ("192.0.2.3", 1, None), Told(), 0.0)
    assert (over.asker, over.question.asked.event_id) == (HERE, "b")
    assert {one.asked.event_id for one in drained(questions)} == {"a", "b", "c"}


def test_no_more_is_sent_than_is_known_to_be_answered_in_time() -> None:
    """The rest waits with us, where waiting is no failure of the script."""
    questions = Questions(1_000, 5.0)
    for number in range(100):
        add(questions, question(str(number)))
    assert len(ask_all(questions)) == FIRST


# --- against a model


@attrs.define
class Waiting:
    """What the model knows of a question."""

    number: int
    asked: Asked
    requests: dict[Asker, tuple[float, list[int]]]
    sent: float | None = None
    place: int = 0
    overtaken: float | None = None
    is_suspect: bool = False


class AgainstAModel(RuleBasedStateMachine):
    """Whatever happens in whichever order, a plain list gives the same."""

    def __init__(self) -> None:
        super().__init__()
        self.questions = Questions(MOST, 5.0)
        self.model: list[Waiting] = []
        self.late: dict[str, int] = {}
        self.sent_to_process = self.heard_of = 0
        self.heard_at = 0.0
        self.suspect: Waiting | None = None
        self.now = 0.0
        self.number = 0
        self.told: Counter[int] = Counter()
        self.kept: weakref.WeakSet[Question] = weakref.WeakSet()

    @rule(asked=askeds, asker=st.sampled_from(ASKERS))
    def add(self, asked: Asked, asker: Asker) -> None:
        self.number += 1
        made = Question(asked, AnEvent(id=asked.event_id), Origin.CLIENT, self.number)
        known = next((one for one in self.model if one.asked == asked), None)
        if known is None:
            self.kept.add(made)
            known = Waiting(self.number, asked, {})
            self.model.append(known)
        known.requests.setdefault(asker, (self.now, []))[1].append(self.number)
        over = self.questions.add(made, asker, Counting(self.told, self.number), self.now)
        del made
        for request in over:
            assert sum(map(self.room_of, self.model)) > MOST
            self.request_has_ended(request)

    def room_of(self, one: Waiting) -> int:
        return len(one.requests) if one.sent is None else 1

    def request_has_ended(self, request: Request) -> None:
        (one,) = [one for one in self.model if one.asked == request.question.asked]
        _, numbers = one.requests.pop(request.asker)
        request.tell(ACCEPTED)
        assert [self.told[number] for number in numbers] == [1] * len(numbers)
        if one.requests:
            return
        self.model.remove(one)
        if one.sent is not None:
            self.late[one.asked.event_id] = one.place
            self.suspect = None if self.suspect is one else self.suspect

    @rule(most=st.integers(1, 3))
    def ask_next(self, most: int) -> None:
        for _ in range(most):
            found = self.questions.ask_next(self.now)
            suspects, others = self.may_be_asked()
            if found is None:
                assert suspects == []
                assert others == [] or not self.questions._window.has_room or self.has_suspects
                return
            (asked,) = [one for one in suspects + others if one.number == found.received_at]
            self.suspect = asked if asked.is_suspect else None
            asked.sent, asked.overtaken, asked.is_suspect = self.now, None, False
            self.sent_to_process += 1
            asked.place = self.sent_to_process

    @property
    def in_flight(self) -> list[Waiting]:
        return [one for one in self.model if one.sent is not None]

    @property
    def has_suspects(self) -> bool:
        return any(one.is_suspect for one in self.model)

    @property
    def is_owed(self) -> bool:
        return self.heard_of < self.sent_to_process

    def may_be_asked(self) -> tuple[list[Waiting], list[Waiting]]:
        """Suspects, alone; and others, of whose id nothing is in flight, late or suspected."""
        if self.suspect is not None:
            return [], []
        suspects = [one for one in self.model if one.is_suspect]
        under_way = {one.asked.event_id for one in (*self.in_flight, *suspects)} | set(self.late)
        others = [one for one in self.model if one.asked.event_id not in under_way]
        return ([] if self.in_flight or self.is_owed else suspects), others

    @rule(event_id=st.sampled_from(IDS))
    def answered(self, event_id: str) -> None:
        self.now += 0.5
        in_flight = [one for one in self.in_flight if one.asked.event_id == event_id]
        if in_flight:
            self.heard(in_flight[0].place)
            self.has_ended(self.questions.answered(event_id, self.now), in_flight[0])
        elif event_id in self.late:
            self.heard(self.late.pop(event_id))
            assert self.questions.answered(event_id, self.now) is None
        else:
            with pytest.raises(KeyError):
                self.questions.answered(event_id, self.now)

    def heard(self, place: int) -> None:
        self.heard_at, self.heard_of = self.now, max(self.heard_of, place)
        for one in self.in_flight:
            if one.place < place and one.overtaken is None:
                one.overtaken = self.now

    @rule(seconds=st.sampled_from((0, 1, 5)))
    def failed(self, seconds: int) -> None:
        self.now += 1
        before = self.now - seconds
        expired = {one.number: one for one in self.in_flight if self.has_failed(one, before)}
        found = self.questions.failed(before)
        assert {one.received_at for one in found} == expired.keys()
        for question in found:
            one = expired[question.received_at]
            self.late[one.asked.event_id] = one.place
            self.has_ended(question, one)

    def has_failed(self, one: Waiting, before: float) -> bool:
        """What was passed over a while ago, or is the first of what a silent script has."""
        assert one.sent is not None
        if one.overtaken is not None:
            return one.overtaken <= before
        places = [each.place for each in self.in_flight] + list(self.late.values())
        is_first = one.place == min(place for place in places if place > self.heard_of)
        return is_first and max(one.sent, self.heard_at) <= before

    @rule(seconds=st.sampled_from((0, 1, 5)))
    def unheard(self, seconds: int) -> None:
        self.now += 1
        before = self.now - seconds
        expired = [came for one in self.in_flight for came, _ in one.requests.values()]
        found = self.questions.unheard(before)
        assert len(found) == sum(came <= before for came in expired)
        for request in found:
            self.request_has_ended(request)

    @rule(seconds=st.sampled_from((0, 1, 5)))
    def unsent(self, seconds: int) -> None:
        self.now += 1
        before = self.now - seconds
        expired = sum(
            came <= before
            for one in self.model
            if one.sent is None
            for came, _ in one.requests.values()
        )
        found = self.questions.unsent(before)
        assert len(found) == expired
        for request in found:
            self.request_has_ended(request)

    @precondition(lambda self: self.model or self.late)
    @rule(may_blame=st.booleans())
    def process_ended(self, may_blame: bool) -> None:
        lost = self.in_flight
        is_known = may_blame and len(lost) == self.sent_to_process == 1
        found = self.questions.process_ended(0.0 if may_blame else float("inf"))
        self.late.clear()
        self.sent_to_process = self.heard_of = 0
        self.suspect = None
        if is_known:
            self.has_ended(found, lost[0])
            return
        assert found is None
        for one in lost:
            one.sent, one.is_suspect = None, True

    def has_ended(self, found: Question | None, expected: Waiting) -> None:
        """It tells all who waited for it, who had been told nothing before."""
        assert found is not None
        assert found.received_at == expected.number
        found.tell(ACCEPTED)
        assert not found.requests
        numbers = [number for _, waiters in expected.requests.values() for number in waiters]
        assert [self.told[number] for number in numbers] == [1] * len(numbers)
        self.model.remove(expected)
        self.suspect = None if self.suspect is expected else self.suspect

    @invariant()
    def the_counts_are_right(self) -> None:
        in_flight = [one.asked.event_id for one in self.model if one.sent is not None]
        assert len(in_flight) == len(set(in_flight))
        assert not self.late.keys() & set(in_flight)
        assert self.questions.in_flight == len(in_flight)
        assert self.questions.late == len(self.late)
        assert self.questions.sent == self.sent_to_process
        assert len(self.questions) == len(self.model) <= MOST

    @invariant()
    def nothing_else_is_kept(self) -> None:
        """A question that has ended is forgotten at once, with its event."""
        kept = sorted(one.received_at for one in self.kept)
        assert kept == sorted(one.number for one in self.model)

    def teardown(self) -> None:
        """All is settled, and whoever waits was told once."""
        self.failed(0)
        self.unheard(0)
        self.unsent(0)
        self.process_ended(False)
        self.the_counts_are_right()
        self.nothing_else_is_kept()
        assert len(self.questions) == 0
        assert not self.questions._behind
        assert not self.questions._turns
        assert self.questions.ask_next(self.now) is None
        assert set(self.told.values()) <= {1}


@attrs.define(eq=False)
class Counting(Waiter):
    """Counts what it is told."""

    told: Counter[int]
    number: int

    def tell(self, reply: Reply) -> None:
        self.told[self.number] += 1

    @property
    def is_gone(self) -> bool:
        return False


TestAgainstAModel = AgainstAModel.TestCase
TestAgainstAModel.settings = settings(max_examples=times(20, 1_000), stateful_step_count=40)
