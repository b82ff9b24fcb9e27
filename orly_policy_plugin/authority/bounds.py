"""Bounds on one policy admin's standing contributions (section 9 of the spec).

What admins have standing is read, checked and compiled at every start: without bounds one admin
could stop a relay from starting.
"""

from collections.abc import Callable, Iterator
from typing import Final

import attrs

from ..policy import Problem
from .contributions import Contribution

MOST_CONTRIBUTIONS: Final = 100
MOST_CONTENT_BYTES: Final = 1_048_576
MOST_KINDS: Final = 2_000
"""In lists and as rules, each kind once."""
MOST_AUTHORS: Final = 1_000
"""Authors whose follow lists are used, each once."""
MOST_REGEXES: Final = 100
"""Compiling one takes up to two milliseconds; the spec names no bound."""

_HOW: Final = "with a kind 5 event that names it"


@attrs.frozen
class _Bound:
    """One of the bounds."""

    most: int
    what: str
    """For messages: ``have at most 5 <what>``."""
    of_one: Callable[[Contribution], int]
    """The share that one contribution takes by itself."""


_COUNTED: Final = (
    _Bound(MOST_CONTENT_BYTES, "bytes of content", lambda one: one.size_bytes),
    _Bound(MOST_KINDS, "kinds", lambda one: one.kinds.bit_count()),
    _Bound(MOST_AUTHORS, "authors whose follow lists are used", lambda one: len(one.authors)),
    _Bound(MOST_REGEXES, "regular expressions", lambda one: one.regexes),
)


class Holdings:
    """One admin's standing contributions, and whether there is room for more."""

    def __init__(self) -> None:
        self._held: list[Contribution] = []
        self._kinds = 0
        self._authors: set[str] = set()
        self._bytes = 0
        self._regexes = 0

    def add(self, contribution: Contribution) -> None:
        """Count one more."""
        self._held.append(contribution)
        self._kinds |= contribution.kinds
        self._authors |= contribution.authors
        self._bytes += contribution.size_bytes
        self._regexes += contribution.regexes

    def excess(self, contribution: Contribution) -> Iterator[Problem]:
        """Why there is no room for one more, with what to withdraw."""
        if len(self._held) >= MOST_CONTRIBUTIONS:
            yield Problem(
                "",
                f"an admin has at most {MOST_CONTRIBUTIONS} contributions at a time; withdraw one "
                f"first ({_HOW})",
            )
        for bound, would_be in zip(_COUNTED, self._with(contribution), strict=True):
            if would_be > bound.most:
                yield self._problem(bound, would_be, contribution)

    def _with(self, one: Contribution) -> tuple[int, int, int, int]:
        """The sums with one more, in the order of the bounds."""
        return (
            self._bytes + one.size_bytes,
            (self._kinds | one.kinds).bit_count(),
            len(self._authors) + len(one.authors - self._authors),
            self._regexes + one.regexes,
        )

    def _problem(self, bound: _Bound, would_be: int, contribution: Contribution) -> Problem:
        rule = f"an admin's contributions have together at most {bound.most} {bound.what}"
        if (alone := bound.of_one(contribution)) > bound.most:
            return Problem("", f"{rule}; this one alone has {alone}")
        largest = max(self._held, key=bound.of_one)
        return Problem(
            "",
            f"{rule}; with this one it would be {would_be}: withdraw {largest.event_id} first, "
            f"which has {bound.of_one(largest)} ({_HOW})",
        )
