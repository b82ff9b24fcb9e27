"""Which questions a script is asked, and when: matching answers by id (section 5 of SPEC.md).

An answer carries only the event's id. So of the questions with one id only one is asked at a
time, and none while the answer to one that timed out may still come. Nothing here does I/O.

A question that waits is in the fair queue once for each asker who waits for it, and is asked at
the first one's turn: whoever asks what one who floods has asked already does not wait behind him.
Where another of its id is asked just then, it steps aside until that is answered, and then goes
first, as it has had its turn; those that stepped aside for one id take turns as well.

What was in flight when a process ended is suspected: one of these may have ended it. The next
process is asked about them one at a time, and about nothing else. Only a question that ends a
process which was asked nothing else is known to be the one: a script may well answer, and end
then. Each other one is asked again.
"""

from collections import OrderedDict
from itertools import chain, takewhile
from typing import Final

from .asked import Asked, Question, Request, Waiter
from .askers import Asker
from .fair_queue import Shares, Turns
from .window import Window

MOST_IN_FLIGHT: Final = 1_000


class Questions:
    """The questions to one script. Seconds are of any clock."""

    def __init__(self, most: int, timeout_seconds: float) -> None:
        """:param most: requests to hold at a time, questions in flight included.
        :param timeout_seconds: how long a script may take for what it was sent.
        """
        self._most = most
        self._timeout_seconds = timeout_seconds
        self._window = Window(timeout_seconds)
        self._open: dict[Asked, Question] = {}
        # Requests that wait for their turn, or behind another of their id:
        self._waiting: dict[Request, None] = {}  # oldest first
        self._shares: Shares[Request] = Shares()
        self._turns: Turns[Request] = Turns()
        self._behind: dict[str, Turns[Request]] = {}
        # By id; an id is in one of these at most, and behind only if it is in one:
        self._next: OrderedDict[str, Question] = OrderedDict()
        self._suspects: OrderedDict[str, Question] = OrderedDict()
        self._in_flight: OrderedDict[str, Question] = OrderedDict()
        self._late: set[str] = set()
        self._is_suspect_in_flight = False

    def __len__(self) -> int:
        """Questions without an answer, late ones not counted."""
        return len(self._open)

    @property
    def in_flight(self) -> int:
        """Questions that the process was asked and that may still be answered in time."""
        return len(self._in_flight)

    @property
    def late(self) -> int:
        """Questions that the process was asked and that nobody waits for any more."""
        return len(self._late)

    @property
    def has_suspects(self) -> bool:
        """Whether the next process is to be asked of what was in flight when one ended."""
        return bool(self._suspects)

    @property
    def sent(self) -> int:
        """Questions that the process was asked."""
        return self._window.sent

    # --- coming in

    def add(self, question: Question, asker: Asker, waiter: Waiter, now: float) -> list[Request]:
        """Take a question.

        :return: what there is no room for, and is forgotten. It may be another's: an asker who
            has little in the queue takes the place of the newest of the one who has most there.
        """
        known = self._open.setdefault(question.asked, question)
        if known is question:
            question.turns = self._turns
        request = known.requests.get(asker)
        if request is not None:
            request.waiters.append(waiter)
            return []
        request = known.requests[asker] = Request(asker, known, now, [waiter])
        if known.turns is not None:
            known.turns.add(asker, request)
            self._shares.add(asker, request)
            self._waiting[request] = None
        return self._over_the_bound()

    def _over_the_bound(self) -> list[Request]:
        under_way = len(self._in_flight) + len(self._next) + len(self._suspects)
        over: list[Request] = []
        while self._waiting and len(self._waiting) + under_way > self._most:
            over.append(self._shares.newest_of_largest())
            self._withdraw(over[-1])
        return over

    # --- going out

    def ask_next(self, now: float) -> Question | None:
        """The question to ask next, in flight from now on; ``None`` where none is to be asked."""
        if self._is_busy_with_a_suspect:
            return None
        question = self._next_suspect()
        self._is_suspect_in_flight = question is not None
        if question is None and self._has_room:
            question = self._next_due()
        if question is not None:
            question.sent, question.number = now, self._window.send()
            self._in_flight[question.asked.event_id] = question
        return question

    @property
    def _is_busy_with_a_suspect(self) -> bool:
        """A process that hangs in one is asked about the next when it answers, or is another."""
        if self._suspects:
            return bool(self._in_flight or self._late)
        return self._is_suspect_in_flight and bool(self._in_flight)

    @property
    def _has_room(self) -> bool:
        return self._window.has_room and len(self._in_flight) < MOST_IN_FLIGHT

    def _next_suspect(self) -> Question | None:
        while self._suspects:
            _, question = self._suspects.popitem(last=False)
            if self._is_worth_asking(question):
                return question
        return None

    def _next_due(self) -> Question | None:
        while self._next or self._turns:
            question = self._next.popitem(last=False)[1] if self._next else self._of_next_turn()
            if question is not None and self._is_worth_asking(question):
                return question
        return None

    def _is_worth_asking(self, question: Question) -> bool:
        """Whether anybody waits for it; it is forgotten otherwise."""
        if not question.is_given_up:
            return True
        question.requests.clear()
        self._forget(question)
        return False

    def _of_next_turn(self) -> Question | None:
        """The question whose turn it is; ``None`` where it steps aside for one of its id."""
        question = self._taken_from(self._turns)
        event_id = question.asked.event_id
        if not self._is_under_way(event_id):
            self._has_had_its_turn(question)
            return question
        question.turns = self._behind.setdefault(event_id, Turns())
        for request in question.requests.values():
            question.turns.add(request.asker, request)
        return None

    def _is_under_way(self, event_id: str) -> bool:
        return event_id in self._in_flight or event_id in self._late or event_id in self._next

    @staticmethod
    def _taken_from(turns: "Turns[Request]") -> Question:
        """The question whose turn it is, taken from all who wait for it."""
        taken = turns.take()
        for request in taken.question.requests.values():
            if request is not taken:
                turns.remove(request.asker, request)
        return taken.question

    def _has_had_its_turn(self, question: Question) -> None:
        question.turns = None
        for request in question.requests.values():
            self._shares.remove(request.asker, request)
            del self._waiting[request]

    def _is_free(self, event_id: str) -> None:
        """Nothing of this id is under way any more: the next that stepped aside goes first."""
        behind = self._behind.get(event_id)
        if behind is None:
            return
        question = self._taken_from(behind)
        if not behind:
            del self._behind[event_id]
        self._has_had_its_turn(question)
        self._next[event_id] = question

    # --- what comes of it

    def answered(self, event_id: str, now: float) -> Question | None:
        """The question that an answer belongs to.

        :return: ``None`` where it came too late.
        :raises KeyError: nothing of this id was asked.
        """
        question = self._in_flight.pop(event_id, None)
        if question is None:
            self._late.remove(event_id)
            self._is_free(event_id)
        else:
            self._window.answered(question.number, now - question.sent)
            self._forget(question)
        return question

    def unanswered(self, before: float) -> tuple[list[Question], list[Question]]:
        """Give up what was sent before then. Its answers may still come; until then nothing of
        their ids is asked.

        :return: those that the script has failed at: each that it has answered a later one before,
            and the one that it has had longest; and those that it may not have got to yet, as it
            was sent more than it answers in time, or still is at another.
        """
        expired = [*takewhile(lambda question: question.sent <= before, self._in_flight.values())]
        failed = [each for each in expired if self._window.has_done(each.number)]
        if not (failed or self._late):  # else it may still be at what it was asked before
            failed = expired[:1]
        for question in expired:
            event_id = question.asked.event_id
            del self._open[question.asked], self._in_flight[event_id]
            self._late.add(event_id)
            self._window.unanswered(question.number)
        return failed, [each for each in expired if each not in failed]

    def unsent(self, before: float) -> list[Request]:
        """Give up what came before then and is not in flight."""
        old = [*takewhile(lambda request: request.came <= before, self._waiting)]
        had_turn = chain(self._suspects.values(), self._next.values())
        old += [one for each in had_turn for one in each.requests.values() if one.came <= before]
        for request in old:
            self._withdraw(request)
        return old

    def forget_given_up(self) -> None:
        """Forget what nobody waits for any more, so that it takes no room."""
        for request in [request for request in self._waiting if request.is_given_up]:
            self._withdraw(request)

    def drop_waiting(self) -> list[Request]:
        """Give up all that is not in flight."""
        return self.unsent(float("inf"))

    def process_ended(self, blame_after: float = float("inf")) -> Question | None:
        """No answer comes any more. What was in flight is asked of the next process, but for the
        question that is known to have ended this one, which is returned.

        :param blame_after: one that was sent before is not known to have ended it: the process
            may have ended at its start.
        """
        lost, late = list(self._in_flight.values()), list(self._late)
        was_alone = len(lost) == self.sent == 1
        ended_it = lost.pop() if was_alone and lost[0].sent >= blame_after else None
        self._in_flight.clear()
        self._late.clear()
        self._window = Window(self._timeout_seconds)
        self._is_suspect_in_flight = False
        for question in reversed(lost):
            self._suspects[question.asked.event_id] = question
            self._suspects.move_to_end(question.asked.event_id, last=False)
        for event_id in late:
            self._is_free(event_id)
        if ended_it is not None:
            self._forget(ended_it)
        return ended_it

    def _withdraw(self, request: Request) -> None:
        """Its asker waits no more; others may wait for the same question."""
        question = request.question
        del question.requests[request.asker]
        if question.turns is not None:
            self._withdraw_turn(request, question.turns)
        if question.requests:
            return
        if question.turns is not None:
            del self._open[question.asked]
            return
        self._next.pop(question.asked.event_id, None)
        self._suspects.pop(question.asked.event_id, None)
        self._forget(question)

    def _withdraw_turn(self, request: Request, turns: "Turns[Request]") -> None:
        turns.remove(request.asker, request)
        self._shares.remove(request.asker, request)
        del self._waiting[request]
        event_id = request.question.asked.event_id
        if not turns and self._behind.get(event_id) is turns:
            del self._behind[event_id]

    def _forget(self, question: Question) -> None:
        """It is under way no more, in none of the places where such questions are."""
        del self._open[question.asked]
        self._is_free(question.asked.event_id)
