"""Problems of a policy, each with its place: all of a file at once."""

import difflib
from collections.abc import Iterable
from itertools import islice
from typing import Final

import attrs

from orly_policy_hookspecs.printing import printable

from ..errors import PolicyError


@attrs.frozen
class Problem:
    """One mistake."""

    place: str
    """In the file: ``rules.30023.max_expiry_duration``; empty for the file as a whole."""
    message: str
    """Says what was found and what would be right."""

    def within(self, place: str) -> "Problem":
        """The same problem seen from an outer place."""
        return Problem(join(place, self.place), self.message)

    def __str__(self) -> str:
        return printable(f"{self.place}: {self.message}" if self.place else self.message)


MOST_PROBLEMS: Final = 100
"""Of one policy, or of one of its parts: a file may be megabytes of mistakes, and to list them all
would take the relay's time."""
AND_MORE: Final = Problem("", "and perhaps more: mend these first")


class InvalidPolicy(PolicyError):
    """A policy that cannot be used, with what is wrong with it: all, or a good many."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        given = tuple(islice(problems, MOST_PROBLEMS + 1))
        if len(given) > MOST_PROBLEMS:
            given = (*given[: MOST_PROBLEMS - 1], AND_MORE)
        self.problems = given
        """At least one, model by model, unknown keys last."""
        super().__init__("\n".join(map(str, self.problems)))


def join(outer: str, inner: str) -> str:
    """``rules`` and ``1`` make ``rules.1``; ``owners`` and ``[0]`` make ``owners[0]``."""
    if not outer or not inner or inner.startswith("["):
        return outer + inner
    return f"{outer}.{inner}"


def did_you_mean(found: str, possible: Iterable[str]) -> str:
    """``; did you mean 'x'?`` for the nearest possible word, or nothing."""
    near = difflib.get_close_matches(found.lower(), possible)
    return f"; did you mean {near[0]!r}?" if near else ""
