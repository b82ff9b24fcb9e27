"""A question to a script, and who waits for the reply. Pure."""

from typing import TYPE_CHECKING

import attrs

from orly_policy_hookspecs import Event, Origin

from ..decisions.replies import Reply
from ..fair_queue import Asker
from ..policy.fields import Access
from .protocol import question as question_line

if TYPE_CHECKING:
    from ..fair_queue import Turns


class Waiter:
    """Somebody who waits for a reply."""

    __slots__ = ()

    def tell(self, reply: Reply) -> None:
        """Take the reply. Called once."""
        raise NotImplementedError

    @property
    def is_gone(self) -> bool:
        """Whether nobody waits any more."""
        raise NotImplementedError


@attrs.frozen(cache_hash=True)
class Asked:
    """The parts of a question by which two of them are the same."""

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
    requests: "dict[Asker, Request]" = attrs.field(factory=dict)
    sent: float = 0.0
    """When it was sent to the script, in seconds by the clock of :class:`.Questions`."""
    overtaken: float | None = None
    """When the answer to a later question came, by the same clock; ``None``: none has come."""
    number: int = 0
    """Its number among the questions that this process was sent, from 1."""
    turns: "Turns[Request] | None" = None
    """The queue in which it waits; ``None`` once it has had its turn."""

    @property
    def line(self) -> bytes:
        """The line that asks the script."""
        return question_line(
            self.event,
            self.asked.access,
            logged_in_pubkey=self.asked.logged_in_pubkey,
            ip=self.asked.ip,
            received_at=self.received_at,
            origin=self.origin,
        )

    @property
    def is_given_up(self) -> bool:
        """Whether nobody waits for the reply any more."""
        return all(request.is_given_up for request in self.requests.values())

    def tell(self, reply: Reply) -> None:
        """Tell everybody who waits, and let go of them."""
        for request in self.requests.values():
            request.tell(reply)
        self.requests.clear()  # or each holds the other, and the event, until they are collected


@attrs.define(eq=False)
class Request:
    """One asker's part in a question."""

    asker: Asker
    question: Question
    came: float
    """When it was asked, in seconds by the clock of :class:`.Questions`."""
    waiters: list[Waiter]

    @property
    def is_given_up(self) -> bool:
        """Whether nobody waits for it any more."""
        return all(waiter.is_gone for waiter in self.waiters)

    def tell(self, reply: Reply) -> None:
        """Tell everybody who waits for it."""
        for waiter in self.waiters:
            waiter.tell(reply)
