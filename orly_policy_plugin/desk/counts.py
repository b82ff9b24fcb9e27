"""Counts of decisions: cheap to take, and those of several workers add up. Pure."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Final

import attrs

from orly_policy_hookspecs import Decision
from orly_policy_hookspecs.decision import Asked

from ..policy.fields import BOTH, Access

LIMITS: Final = (5e-6, 1e-5, 2.5e-5, 1e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 0.1, 1.0, 10.0)
"""Seconds: of decisions is counted how many took no longer than each."""
_FIRST_LIMIT: Final = LIMITS[0]
MOST_PLACES: Final = 10_000
"""That are counted apart: the places of contributions come and go."""
OTHERS: Final = "(others)"
"""The place of what is counted beyond that."""

_SECONDS: Final = len(LIMITS) + 1
"""Where a cell has the sum of the seconds, behind the counts of each limit and of what took
longer than all."""


@attrs.frozen
class Counted:
    """Decisions that are counted together."""

    access: str
    outcome: str
    """Its verdict: ``accept``, ``reject``, ``shadow reject``, ``vouch`` or ``fallback``."""
    plugin: str
    """The plugin that has decided; empty where all had no objection."""
    place: str
    """In the policy; empty where there is none."""
    took: tuple[int, ...]
    """How many took no longer than each of :data:`LIMITS`, and longer than the one before; at the
    end those that took longer than all."""
    seconds: float
    """That they took together."""

    @property
    def count(self) -> int:
        """The number of the decisions."""
        return sum(self.took)

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What they have in common."""
        return self.access, self.outcome, self.plugin, self.place

    def plus(self, other: "Counted") -> "Counted":
        """Both together, of the same key."""
        took = tuple(map(sum, zip(self.took, other.took, strict=True)))
        return attrs.evolve(self, took=took, seconds=self.seconds + other.seconds)


def added(counted: Iterable[Counted]) -> list[Counted]:
    """The counts of several workers together, in the order of what they are about."""
    sums: dict[tuple[str, ...], Counted] = {}
    for each in counted:
        before = sums.get(each.key)
        sums[each.key] = each if before is None else before.plus(each)
    return [sums[key] for key in sorted(sums)]


_Last = tuple[Decision | None, str, list[float], bool]
"""A decision, what was asked, their cell, and whether the decision accepts."""


class Counts:
    """Counts decisions by access, outcome, plugin and place, and how long they took."""

    def __init__(self) -> None:
        self._cells: dict[tuple[Asked, str, str, str], list[float]] = {}
        self._last: _Last = None, "", [], True

    def add(self, access: Asked, decision: Decision, seconds: float) -> bool:
        """Count a decision. Every decision of a relay comes through here.

        :return: whether it accepts.
        """
        last_decision, last_access, cell, accepted = self._last
        if last_decision is not decision or last_access is not access:  # most are the same again
            cell, accepted = self._cell(access, decision), decision.accepted
            self._last = decision, access, cell, accepted
        if seconds <= _FIRST_LIMIT:  # as nearly always
            cell[0] += 1
        else:
            cell[bisect_left(LIMITS, seconds)] += 1
        cell[_SECONDS] += seconds
        return accepted

    def _cell(self, access: Asked, decision: Decision) -> list[float]:
        # Not .value, which is a property.
        key = access, decision.verdict._value_, decision.source, decision.place
        cell = self._cells.get(key)
        if cell is None:
            if len(self._cells) >= MOST_PLACES:
                key = (*key[:3], OTHERS)
            cell = self._cells.setdefault(key, [0] * (_SECONDS + 1))
        return cell

    def questions(self) -> dict[Access, int]:
        """How many of each kind of question were decided by now. From any thread."""
        sums: dict[Access, int] = dict.fromkeys(BOTH, 0)
        for (access, *_), cell in self._cells.copy().items():
            if access in sums:
                sums[access] += int(sum(cell[:_SECONDS]))
        return sums

    def taken(self) -> Sequence[Counted]:
        """What was counted by now. From any thread."""
        cells = self._cells.copy().items()
        return [
            Counted(*key, tuple(map(int, cell[:_SECONDS])), cell[_SECONDS]) for key, cell in cells
        ]
