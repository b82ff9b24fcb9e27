"""Which questions a script is asked, and when: matching answers by id (section 5 of SPEC.md).

An answer carries only the event's id. So of the questions with one id only one is asked at a
time, and none while the answer to one that timed out may still come. Nothing here does I/O.
"""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

import attrs

from orly_policy_hookspecs import Event, Origin

from ..decisions.access import Access
from ..decisions.replies import Reply
from .protocol import question as question_line

_LATE: Final = None

Waiter = Callable[[Reply], None]
"""Somebody who waits for a reply, and is told it once."""


@attrs.frozen
class Asked:
    """What makes two questions the same."""

    event_id: str
    access: Access
    logged_in_pubkey: str | None
    ip: str


@attrs.define(eq=False)
class Question:
    """A question, and who waits for the reply."""

    asked: Asked
    event: Event
    origin: Origin
    received_at: int
    """Unix seconds."""
    waiters: list[Waiter] = attrs.field(factory=list)
    deadline: float = 0.0
    """Seconds of the loop's clock; set when it is asked."""

    @property
    def line(self) -> bytes:
        """As the script is sent it."""
        return question_line(
            self.event,
            self.asked.access,
            logged_in_pubkey=self.asked.logged_in_pubkey,
            ip=self.asked.ip,
            received_at=self.received_at,
            origin=self.origin,
        )

    def tell(self, reply: Reply) -> None:
        """Tell everybody who waits."""
        for waiter in self.waiters:
            waiter(reply)


class Questions:
    """The questions to one script."""

    def __init__(self, most: int) -> None:
        """:param most: questions to hold at a time, those in flight included."""
        self._most = most
        self._open: dict[Asked, Question] = {}  # oldest first: deadlines only rise
        self._holders: dict[str, Question | None] = {}  # by id: ready, in flight, or late
        self._behind: dict[str, deque[Question]] = {}  # by id: waiting for the holder
        self._ready: deque[Question] = deque()
        self._in_flight: dict[str, Question] = {}
        self._late = 0

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
        return self._late

    @property
    def next_deadline(self) -> float | None:
        """When the next question runs out of time."""
        return next((question.deadline for question in self._open.values()), None)

    def add(self, question: Question) -> bool:
        """Take a question; ``False`` where there are too many. Deadlines must not fall."""
        same = self._open.get(question.asked)
        if same is not None:
            same.waiters += question.waiters
            return True
        if len(self._open) >= self._most:
            return False
        self._open[question.asked] = question
        self._queue(question)
        return True

    def _queue(self, question: Question) -> None:
        event_id = question.asked.event_id
        if event_id in self._holders:
            self._behind.setdefault(event_id, deque()).append(question)
        else:
            self._holders[event_id] = question
            self._ready.append(question)

    def ask_next(self) -> Question | None:
        """The question to ask next, in flight from now on."""
        while self._ready:
            question = self._ready.popleft()
            if self._open.get(question.asked) is question:
                self._in_flight[question.asked.event_id] = question
                return question
        return None

    def answered(self, event_id: str) -> Question | None:
        """The question that an answer belongs to.

        :return: ``None`` where it came too late.
        :raises KeyError: nothing of this id was asked.
        """
        question = self._in_flight.pop(event_id, None)
        if question is not None:
            self._close(question)
        elif self._holders.get(event_id, ()) is _LATE:
            self._late -= 1
            self._release(event_id)
        else:
            raise KeyError(event_id)
        return question

    def expired(self, now: float) -> Iterator[Question]:
        """The questions whose time is over, each once."""
        while self._open:
            question = next(iter(self._open.values()))
            if question.deadline > now:
                return
            del self._open[question.asked]
            self._give_up(question)
            yield question

    def _give_up(self, question: Question) -> None:
        """Its answer may still come, if it was asked; until then nothing of its id is asked."""
        event_id = question.asked.event_id
        if self._in_flight.get(event_id) is question:
            del self._in_flight[event_id]
            self._holders[event_id] = _LATE
            self._late += 1
        elif self._holders.get(event_id) is question:
            self._release(event_id)

    def process_ended(self) -> list[Question]:
        """No answer comes any more: what was in flight is returned, what waits may be asked."""
        lost = list(self._in_flight.values())
        late = [event_id for event_id, holder in self._holders.items() if holder is _LATE]
        self._in_flight.clear()
        self._late = 0
        for question in lost:
            self._close(question)
        for event_id in late:
            self._release(event_id)
        return lost

    def drop_waiting(self) -> list[Question]:
        """Give up all that has not been asked yet."""
        asked = {id(question) for question in self._in_flight.values()}
        dropped = [one for one in self._open.values() if id(one) not in asked]
        for question in dropped:
            del self._open[question.asked]
        self._ready.clear()
        self._behind.clear()
        self._holders = {
            event_id: holder
            for event_id, holder in self._holders.items()
            if holder is _LATE or id(holder) in asked
        }
        return dropped

    def _close(self, question: Question) -> None:
        self._open.pop(question.asked, None)
        self._release(question.asked.event_id)

    def _release(self, event_id: str) -> None:
        """Let the next question of this id go."""
        del self._holders[event_id]
        behind = self._behind.get(event_id)
        while behind:
            question = behind.popleft()
            if self._open.get(question.asked) is question:
                self._holders[event_id] = question
                self._ready.append(question)
                break
        if not behind:
            self._behind.pop(event_id, None)
