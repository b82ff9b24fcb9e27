"""The questions of a region: one access and kind, and events that name the same keys."""

from collections.abc import Iterable, Iterator

import attrs

from orly_policy_hookspecs.nip01 import FrozenEvent

from ..decisions import Snapshot
from ..policy.fields import Access
from .demands import Demand
from .events import NoSample, event_that
from .people import STRANGER, Person
from .questions import Question


@attrs.define(eq=False)
class Region:
    """One region, between an old policy and a new one."""

    access: Access
    kind: int
    persons: tuple[Person, ...]
    named: tuple[str, ...]
    """The keys that ``p`` tags name."""
    old: Snapshot
    new: Snapshot
    old_demands: list[Demand]
    new_demands: list[Demand]
    now: int
    """Unix seconds."""
    unsampled: set[str] = attrs.Factory(set)
    """Tags for whose regular expressions no value was found."""

    def questions(self) -> Iterator[Question]:
        """Everybody's with events that either policy takes, or both; and then one for each demand
        of either that an event breaks which the other takes.
        """
        old, new = self.old_demands, self.new_demands
        for met in _distinct([old, new, [*old, *new]]):
            yield from self._everybodys(met)
        yield from self._violations(self.old, old, new)
        yield from self._violations(self.new, new, old)

    def _everybodys(self, met: list[Demand]) -> Iterator[Question]:
        event = self._event(met)
        if event is not None:
            for person in self.persons:
                yield Question.by(person, self.access, event, self.now)

    def _violations(
        self, policy: Snapshot, met: list[Demand], others: list[Demand]
    ) -> Iterator[Question]:
        accepted = self._accepted_by_both() or self._accepted(met, policy)
        if accepted is None:
            return
        for broken in dict.fromkeys(others):
            if broken not in met and (event := self._event(met, broken)) is not None:
                yield attrs.evolve(accepted, event=event._replace(pubkey=accepted.event.pubkey))

    def _accepted_by_both(self) -> Question | None:
        """A question that both accept: nothing but a demand that it breaks then refuses what is
        made of it.
        """
        return self._accepted([*self.old_demands, *self.new_demands], self.old, self.new)

    def _accepted(self, met: list[Demand], *policies: Snapshot) -> Question | None:
        asked = self._everybodys(met)
        return next((each for each in asked if all(map(each.is_accepted, policies))), None)

    def _event(self, met: list[Demand], broken: Demand | None = None) -> FrozenEvent | None:
        try:
            return event_that(met, broken, self.kind, STRANGER, self.named, self.now)
        except NoSample as missing:
            self.unsampled.add(str(missing))
            return None


def _distinct(all_met: Iterable[list[Demand]]) -> Iterator[list[Demand]]:
    """Those of which none before says the same."""
    seen: set[frozenset[Demand]] = set()
    for met in all_met:
        if frozenset(met) not in seen:
            seen.add(frozenset(met))
            yield met
