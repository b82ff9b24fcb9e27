"""Which questions a script is asked, and when: matching answers by id (section 5 of SPEC.md).

An answer carries only the event's id. So of the questions with one id only one is asked at a
time, and none while the answer to one that timed out may still come. Nothing here does I/O.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from itertools import takewhile

import attrs

from orly_policy_hookspecs import Event, Origin

from ..decisions.access import Access
from ..decisions.replies import Reply
from .protocol import question as question_line

Waiter = Callable[[Reply], None]
"""Somebody who waits for a reply, and is told it once."""


@attrs.frozen(cache_hash=True)
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
    since: float = 0.0
    """When it came, and then when it was sent to the script. Seconds of the loop's clock."""

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
        self._open: dict[Asked, Question] = {}  # oldest first
        # By id; an id is in one of the first three at most, and behind only if it is in one:
        self._ready: OrderedDict[str, Question] = OrderedDict()
        self._in_flight: dict[str, Question] = {}
        self._late: set[str] = set()
        self._behind: dict[str, deque[Question]] = {}

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

    def add(self, question: Question) -> bool:
        """Take a question; ``False`` where there are too many. They come in their order."""
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
        if event_id in self._in_flight or event_id in self._ready or event_id in self._late:
            self._behind.setdefault(event_id, deque()).append(question)
        else:
            self._ready[event_id] = question

    def ask_next(self, now: float) -> Question | None:
        """The question to ask next, in flight from now on."""
        if not self._ready:
            return None
        event_id, question = self._ready.popitem(last=False)
        question.since = now
        self._in_flight[event_id] = question
        return question

    def answered(self, event_id: str) -> Question | None:
        """The question that an answer belongs to.

        :return: ``None`` where it came too late.
        :raises KeyError: nothing of this id was asked.
        """
        question = self._in_flight.pop(event_id, None)
        if question is not None:
            del self._open[question.asked]
        else:
            self._late.remove(event_id)
        self._let_next_go(event_id)
        return question

    def unanswered(self, before: float) -> list[Question]:
        """Give up what was sent before then. Its answers may still come; until then nothing of
        their ids is asked.
        """
        expired = [*takewhile(lambda question: question.since <= before, self._in_flight.values())]
        for question in expired:
            event_id = question.asked.event_id
            del self._open[question.asked], self._in_flight[event_id]
            self._late.add(event_id)
        return expired

    def unsent(self, before: float) -> list[Question]:
        """Give up what came before then and was not sent yet."""
        old = takewhile(lambda question: question.since <= before, self._waiting())
        expired = list(old)
        for question in expired:
            event_id = question.asked.event_id
            del self._open[question.asked]
            if self._ready.get(event_id) is question:
                del self._ready[event_id]
                self._let_next_go(event_id)
            else:
                self._take_behind(event_id)  # the oldest one runs out of time first
        return expired

    def _waiting(self) -> Iterator[Question]:
        """What has not been sent yet, oldest first."""
        in_flight = self._in_flight
        return (
            question
            for question in self._open.values()
            if in_flight.get(question.asked.event_id) is not question
        )

    def process_ended(self) -> list[Question]:
        """No answer comes any more: what was in flight is returned, what waits may be asked."""
        lost = list(self._in_flight.values())
        free = [*self._in_flight, *self._late]
        self._in_flight.clear()
        self._late.clear()
        for question in lost:
            del self._open[question.asked]
        for event_id in free:
            self._let_next_go(event_id)
        return lost

    def drop_waiting(self) -> list[Question]:
        """Give up all that has not been asked yet."""
        dropped = list(self._waiting())
        for question in dropped:
            del self._open[question.asked]
        self._ready.clear()
        self._behind.clear()
        return dropped

    def _let_next_go(self, event_id: str) -> None:
        if event_id in self._behind:
            self._ready[event_id] = self._take_behind(event_id)

    def _take_behind(self, event_id: str) -> Question:
        behind = self._behind[event_id]
        question = behind.popleft()
        if not behind:
            del self._behind[event_id]
        return question
