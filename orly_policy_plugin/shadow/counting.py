"""Counts of what a second policy would have decided. Pure."""

from collections.abc import Iterable
from typing import Final

import attrs

from ..policy.fields import Access
from .comparing import Compared

MOST_PLACES: Final = 1_000
"""That are counted apart."""
OTHERS: Final = "(others)"


@attrs.frozen
class ShadowCounted:
    """Questions on which both policies compared in one way."""

    access: str
    outcome: str
    """One of :data:`.OUTCOMES`."""
    place: str
    """In the policy that refuses."""
    count: int

    @property
    def key(self) -> tuple[str, str, str]:
        """What they have in common."""
        return self.access, self.outcome, self.place


def added(counted: Iterable[ShadowCounted]) -> list[ShadowCounted]:
    """The counts of several workers together, in the order of what they are about."""
    sums: dict[tuple[str, str, str], int] = {}
    for each in counted:
        sums[each.key] = sums.get(each.key, 0) + each.count
    return [ShadowCounted(*key, count) for key, count in sorted(sums.items())]


class ShadowCounts:
    """Counts questions by access, outcome and place."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str, str], int] = {}

    def add(self, access: Access, compared: Compared, count: int = 1) -> None:
        """Count some."""
        key = access, compared.outcome, compared.place
        if key not in self._counts and len(self._counts) >= MOST_PLACES:
            key = (*key[:2], OTHERS)
        self._counts[key] = self._counts.get(key, 0) + count

    def taken(self) -> list[ShadowCounted]:
        """What was counted by now. From any thread."""
        return [ShadowCounted(*key, count) for key, count in self._counts.copy().items()]
