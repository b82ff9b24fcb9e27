"""Counting what policies answer: by place, by kind, by author. Pure."""

from collections.abc import Iterator

import attrs

from orly_policy_hookspecs.nip01 import FrozenEvent
from orly_policy_plugin.decisions import Explanation

_MOST_AUTHORS = 20_000
"""That are counted at a time. Where there are more, those with few are forgotten."""


@attrs.define
class Counts:
    """What became of some events."""

    asked: int = 0
    refused: int = 0
    newly: int = 0
    """Refused, and accepted by the policy in force."""
    no_longer: int = 0
    """Accepted, and refused by the policy in force."""


@attrs.define
class Busiest:
    """Keys by how often they were counted: exact while they are few, and then a little low for
    those that were forgotten for a time.
    """

    _counts: dict[str, int] = attrs.Factory(dict)
    is_exact: bool = True

    def add(self, key: str) -> None:
        """Count a key once."""
        counts = self._counts
        counts[key] = counts.get(key, 0) + 1
        if len(counts) > _MOST_AUTHORS:
            self.is_exact = False
            kept = sorted(counts, key=counts.__getitem__, reverse=True)[: _MOST_AUTHORS // 2]
            self._counts = {each: counts[each] for each in kept}

    def first(self, most: int) -> list[tuple[str, int]]:
        """Those counted most often, the first of them first."""
        return sorted(self._counts.items(), key=lambda each: (-each[1], each[0]))[:most]


@attrs.frozen
class Example:
    """A refused event with the reasons."""

    event: FrozenEvent
    explanation: Explanation
    is_change: bool
    """Whether the policy in force answers otherwise."""


@attrs.define
class Tally:
    """All answers of one access."""

    most_examples: int
    """Of each place."""
    total: Counts = attrs.Factory(Counts)
    left_to_scripts: int = 0
    """Accepted, if its scripts do."""
    kinds: dict[int, Counts] = attrs.Factory(dict)
    places: dict[str, Counts] = attrs.Factory(dict)
    """By the place that refuses; of what is no longer refused the place in the policy in force."""
    authors: Busiest = attrs.Factory(Busiest)
    """Of refused events."""
    examples: dict[str, list[Example]] = attrs.Factory(dict)

    def count(self, kind: int) -> Counts:
        """Count an event, and find its kind's counts."""
        self.total.asked += 1
        counts = self.kinds.get(kind)
        if counts is None:
            counts = self.kinds[kind] = Counts()
        counts.asked += 1
        return counts

    def refuse(self, of_kind: Counts, author: str, place: str, *, newly: bool) -> bool:
        """Count a refusal.

        :returns: whether an example of it is wanted.
        """
        at_place = self.places.setdefault(place, Counts())
        for counts in (self.total, of_kind, at_place):
            counts.refused += 1
            counts.newly += newly
        self.authors.add(author)
        return len(self.examples.get(place, ())) < self.most_examples

    def accept_again(self, of_kind: Counts, place: str) -> None:
        """Count what is no longer refused.

        :param place: in the policy in force.
        """
        for counts in (self.total, of_kind, self.places.setdefault(place, Counts())):
            counts.no_longer += 1

    def add_example(self, place: str, example: Example) -> None:
        """Keep an example of a place's refusals."""
        self.examples.setdefault(place, []).append(example)

    def kinds_by_refusals(self) -> Iterator[tuple[int, Counts]]:
        """The kinds of which events are refused, or no longer, the busiest first."""
        found = (
            (kind, each) for kind, each in self.kinds.items() if each.refused or each.no_longer
        )
        yield from sorted(found, key=lambda each: (-each[1].refused, each[0]))

    def places_by_refusals(self) -> Iterator[tuple[str, Counts]]:
        """The places that refuse, the busiest first."""
        yield from sorted(self.places.items(), key=lambda each: (-each[1].refused, each[0]))
