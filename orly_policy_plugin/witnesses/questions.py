"""A question to two policies, and the difference that their answers show."""

from collections.abc import Sequence

import attrs

from orly_policy_hookspecs import Decision
from orly_policy_hookspecs.nip01 import FrozenEvent

from ..decisions import Action, Explanation, Pending, Reply, Snapshot, at_best
from ..policy.fields import Access
from .people import Assumed, Person

_ACCEPTS = Reply(Action.ACCEPT)


@attrs.frozen
class Question:
    """May this event be written, or be read, by these?"""

    access: Access
    event: FrozenEvent
    keys: tuple[str, ...]
    """Those that authenticated."""
    now: int
    """Unix seconds."""

    @classmethod
    def by(cls, person: Person, access: Access, event: FrozenEvent, now: int) -> "Question":
        """The question of a person about an event."""
        of_author = (
            event if event.pubkey == person.author else event._replace(pubkey=person.author)
        )
        return cls(access, of_author, person.keys, now)

    def is_accepted(self, snapshot: Snapshot) -> bool:
        """Whether a policy's answer is yes, where its scripts accept and no rate is used yet."""
        ask = snapshot.write if self.access == "write" else snapshot.read
        outcome = ask(self.event, self.keys, self.now)
        if isinstance(outcome, Pending):
            return at_best(outcome, self.event, self.keys)
        assert isinstance(outcome, Decision)  # no criterion of a plugin is left in either policy
        return outcome.accepted

    def explained(self, snapshot: Snapshot) -> Explanation:
        """The same with its reasons."""
        return snapshot.explain(
            self.access, self.event, self.keys, self.now, self._replies(snapshot)
        )

    def _replies(self, snapshot: Snapshot) -> Sequence[Reply]:
        ask = snapshot.write if self.access == "write" else snapshot.read
        outcome = ask(self.event, self.keys, self.now)
        return (_ACCEPTS,) * len(outcome.scripts) if isinstance(outcome, Pending) else ()


@attrs.frozen
class Difference:
    """A question that two policies answer otherwise."""

    question: Question
    old: Explanation
    new: Explanation
    places: tuple[str, ...]
    """The places at which the policies differ that it shows."""
    assumed: Assumed
    """What is assumed of follow lists and named lists."""

    @property
    def newly_allowed(self) -> bool:
        """Whether the new policy accepts."""
        return self.new.decision.accepted
