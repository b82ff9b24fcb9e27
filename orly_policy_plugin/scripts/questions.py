"""Which questions a script is asked, and when: matching answers by id (section 5 of the spec).
Pure.

*Ids.* An answer carries only the event's id. So of the questions with one id only one is asked at
a time, and none while the answer to one that timed out may still come.

*Turns.* A question that waits is in the fair queue once for each asker who waits for it, and is
asked at the first of their turns: whoever asks the same as somebody who floods does not wait
behind him. A question whose id is under way at its turn steps aside until that is answered. Those
that stepped aside for one id take turns among themselves. They get every other turn and no more,
so that nobody can save up turns.

*Suspects.* A question that was in flight when a process ended may have ended it. It is a suspect,
and the next process is asked one suspect at a time, with nothing else beside it. Only a question
that ends a process which was asked nothing else is known to have ended it, and is not asked again:
a script may answer one question and end at another. Suspects and others are asked in alternating
periods, so that whoever writes events that end the script holds up nobody for long.

*Silence.* A script that says nothing is at the question that it has had longest, unless it has
answered a later one. The time of that question counts from when the script was last heard, so that
it does not fail for the questions before it.
"""

import math
from collections import OrderedDict
from collections.abc import Iterable
from itertools import chain, takewhile
from typing import Final

from ..fair_queue import Asker, Shares, Turns
from .asked import Asked, Question, Request, Waiter
from .window import Window

MOST_IN_FLIGHT: Final = 1_000
SUSPECTS_SECONDS: Final = 2.0
"""How long suspects are asked before the others are: a few restarts."""
OTHERS_SECONDS: Final = 0.5
"""How long the others are asked before the suspects are again."""


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
        # Requests that wait, and where: each question in one of these.
        self._waiting: dict[Request, None] = {}  # oldest first
        self._shares: Shares[Request] = Shares()
        self._turns: Turns[Request] = Turns()
        self._behind: dict[str, Turns[Request]] = {}
        self._next: Turns[Request] = Turns()
        self._is_turn_of_next = False
        self._suspects: Turns[Request] = Turns()
        self._prime_suspect: Turns[Request] = Turns()
        # By id; an id is in one of these at most, and behind only if it is in one:
        self._held: set[str] = set()  # by one that is next of it, or suspected
        self._in_flight: OrderedDict[str, Question] = OrderedDict()  # in the order of sending
        self._late: dict[str, int] = {}
        # Of this process:
        self._heard_of = 0
        self._silent_since = 0.0
        self._suspect: Question | None = None
        # While there are suspects:
        self._is_time_of_others = False
        self._time_ends = math.inf

    def __len__(self) -> int:
        """The number of questions without an answer; late ones do not count."""
        return len(self._open)

    @property
    def in_flight(self) -> int:
        """The number of questions that the process may still answer in time."""
        return len(self._in_flight)

    @property
    def late(self) -> int:
        """The number of questions that the process may still answer, and nobody waits for."""
        return len(self._late)

    @property
    def has_suspects(self) -> bool:
        """Whether there are questions that were in flight when a process ended."""
        return bool(self._prime_suspect or self._suspects)

    @property
    def sent(self) -> int:
        """The number of questions that the process was asked."""
        return self._window.sent

    def silent_seconds(self, now: float) -> float:
        """For how long the process has owed an answer and given none; 0 where it owes none."""
        return now - self._silent_since if self._is_owed else 0.0

    @property
    def _is_owed(self) -> bool:
        """Whether the last question is unanswered. Older ones may be left out by the script."""
        return self._heard_of < self._window.sent

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
        over: list[Request] = []
        while self._waiting and len(self._waiting) + len(self._in_flight) > self._most:
            over.append(self._shares.newest_of_largest())
            self._withdraw(over[-1])
        return over

    # --- going out

    def ask_next(self, now: float) -> Question | None:
        """The question to ask next, in flight from now on; ``None`` where none is to be asked."""
        question = self._due(now)
        if question is not None:
            if not self._is_owed:
                self._silent_since = now
            question.sent, question.number, question.overtaken = now, self._window.send(), None
            self._in_flight[question.asked.event_id] = question
        return question

    def _due(self, now: float) -> Question | None:
        if self._suspect is not None:
            return None
        if not self.has_suspects:
            self._is_time_of_others, self._time_ends = True, -math.inf
            return self._of_others()
        if now >= self._time_ends:
            self._is_time_of_others = not self._is_time_of_others
            seconds = OTHERS_SECONDS if self._is_time_of_others else SUSPECTS_SECONDS
            self._time_ends = now + seconds
        return (self._of_others() if self._is_time_of_others else None) or self._of_suspects()

    def _of_others(self) -> Question | None:
        """Take a question that is not suspected; ``None`` where none may be asked."""
        while self._has_room and (self._next or self._turns):
            is_turn_of_next = self._next and (self._is_turn_of_next or not self._turns)
            turns = self._next if is_turn_of_next else self._turns
            question = self._taken_from(turns)
            if turns is self._turns and self._steps_aside(question):
                continue
            if self._begins(question):
                self._is_turn_of_next = turns is self._turns and bool(self._next)
                return question
        return None

    @property
    def _has_room(self) -> bool:
        return self._window.has_room and len(self._in_flight) < MOST_IN_FLIGHT

    def _of_suspects(self) -> Question | None:
        """Take a suspected question; ``None`` while the process is asked anything else."""
        if self._in_flight or self._is_owed:
            return None
        while self.has_suspects:
            question = self._taken_from(self._prime_suspect or self._suspects)
            if self._begins(question):
                self._suspect = question
                return question
        return None

    def _steps_aside(self, question: Question) -> bool:
        """Let a question wait where another of its id is under way; return whether it has to."""
        event_id = question.asked.event_id
        if not self._is_under_way(event_id):
            return False
        self._wait_in(self._behind.setdefault(event_id, Turns()), question)
        return True

    def _is_under_way(self, event_id: str) -> bool:
        return event_id in self._in_flight or event_id in self._late or event_id in self._held

    def _begins(self, question: Question) -> bool:
        """Take a question out of the queue; forget it, and return false, where nobody waits."""
        question.turns = None
        self._held.discard(question.asked.event_id)
        for request in question.requests.values():
            self._shares.remove(request.asker, request)
            del self._waiting[request]
        if not question.is_given_up:
            return True
        question.requests.clear()
        self._forget(question)
        return False

    @staticmethod
    def _wait_in(turns: "Turns[Request]", question: Question) -> None:
        question.turns = turns
        for request in question.requests.values():
            turns.add(request.asker, request)

    @staticmethod
    def _taken_from(turns: "Turns[Request]") -> Question:
        """Take the question whose turn it is, for all who wait for it."""
        taken = turns.take()
        for request in taken.question.requests.values():
            if request is not taken:
                turns.remove(request.asker, request)
        return taken.question

    def _is_free(self, event_id: str) -> None:
        """Let the next question of an id come, as none is under way any more."""
        behind = self._behind.get(event_id)
        if behind is None:
            return
        question = self._taken_from(behind)
        if not behind:
            del self._behind[event_id]
        self._held.add(event_id)
        self._wait_in(self._next, question)

    # --- what comes of it

    def answered(self, event_id: str, now: float) -> Question | None:
        """Take an answer, and return its question.

        :return: ``None`` where it came too late.
        :raises KeyError: nothing of this id was asked.
        """
        question = self._in_flight.pop(event_id, None)
        number = self._late.pop(event_id) if question is None else question.number
        self._silent_since = now
        if number > self._heard_of:
            self._heard_of = number
            self._overtake(number, now)
        if question is None:
            self._is_free(event_id)
        else:
            self._window.answered(number, now - question.sent)
            self._forget(question)
        return question

    def _overtake(self, number: int, now: float) -> None:
        for each in self._in_flight.values():
            if each.number > number:
                return
            if each.overtaken is None:
                each.overtaken = now

    def failed(self, before: float) -> list[Question]:
        """Give up the questions that the script has failed at, and return them. These are the
        overtaken ones, and the one that a silent script is at. Until their answers come, no
        question with their ids is asked.

        :param before: those count whose time began before then.
        """
        in_flight = list(self._in_flight.values())
        failed = [one for one in in_flight if (one.overtaken or math.inf) <= before]
        if not any(number > self._heard_of for number in self._late.values()):
            at = (one for one in in_flight if one.overtaken is None)
            failed += [one for one in at if max(one.sent, self._silent_since) <= before][:1]
        for question in failed:
            self._give_up(question)
        return failed

    def unheard(self, before: float) -> list[Request]:
        """Give up the requests in flight that came before then. The answers may still come."""
        requests = [one for each in self._in_flight.values() for one in each.requests.values()]
        return self._withdrawn(one for one in requests if one.came <= before)

    def unsent(self, before: float) -> list[Request]:
        """Give up the requests that came before then and are not in flight."""
        return self._withdrawn(takewhile(lambda request: request.came <= before, self._waiting))

    def forget_given_up(self) -> None:
        """Forget the requests that nobody waits for any more: they take no room."""
        self._withdrawn(request for request in self._waiting if request.is_given_up)

    def drop_waiting(self) -> list[Request]:
        """Give up all requests that are not in flight."""
        return self.unsent(math.inf)

    def process_ended(self, blame_after: float = math.inf) -> Question | None:
        """Note that the process has ended. The next one is asked what was in flight, except the
        question that is known to have ended this one; that question is returned.

        :param blame_after: one that was sent before is not known to have ended it: the process
            may have ended at its start.
        """
        lost, late = list(self._in_flight.values()), list(self._late)
        was_alone = len(lost) == self.sent == 1
        ended_it = lost.pop() if was_alone and lost[0].sent >= blame_after else None
        self._in_flight.clear()
        self._late.clear()
        self._window, self._heard_of = Window(self._timeout_seconds), 0
        self._suspect_again(lost)
        for event_id in late:
            self._is_free(event_id)
        if ended_it is not None:
            self._forget(ended_it)
        return ended_it

    def _suspect_again(self, lost: list[Question]) -> None:
        prime, self._suspect = self._suspect, None
        for question in lost:
            self._held.add(question.asked.event_id)
            is_prime = question is prime
            self._wait_in(self._prime_suspect if is_prime else self._suspects, question)
        requests = [one for each in lost for one in each.requests.values()]
        for request in requests:
            self._shares.add(request.asker, request)
        by_age = sorted(chain(self._waiting, requests), key=lambda request: request.came)
        self._waiting = dict.fromkeys(by_age)

    def _give_up(self, question: Question) -> None:
        event_id = question.asked.event_id
        del self._open[question.asked], self._in_flight[event_id]
        self._late[event_id] = question.number
        self._window.unanswered(question.number)
        self._clear_if_suspect(question)

    def _withdrawn(self, requests: Iterable[Request]) -> list[Request]:
        old = list(requests)
        for request in old:
            self._withdraw(request)
        return old

    def _withdraw(self, request: Request) -> None:
        """Forget a request. Others may wait for the same question."""
        question = request.question
        turns, event_id = question.turns, question.asked.event_id
        del question.requests[request.asker]
        if turns is not None:
            self._withdraw_turn(request, turns)
        if question.requests:
            return
        if turns is None:
            self._give_up(question)
            return
        del self._open[question.asked]
        if any(turns is each for each in (self._next, self._suspects, self._prime_suspect)):
            self._held.remove(event_id)
            self._is_free(event_id)

    def _withdraw_turn(self, request: Request, turns: "Turns[Request]") -> None:
        turns.remove(request.asker, request)
        self._shares.remove(request.asker, request)
        del self._waiting[request]
        event_id = request.question.asked.event_id
        if not turns and self._behind.get(event_id) is turns:
            del self._behind[event_id]

    def _forget(self, question: Question) -> None:
        """Forget a question, in every collection that has it."""
        del self._open[question.asked]
        self._clear_if_suspect(question)
        self._is_free(question.asked.event_id)

    def _clear_if_suspect(self, question: Question) -> None:
        if question is self._suspect:
            self._suspect = None
