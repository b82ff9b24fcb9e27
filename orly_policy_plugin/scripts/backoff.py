"""How long a script that fails is left alone (section 5 of SPEC.md). Pure."""

from typing import Final

import attrs

SHORTEST_SECONDS: Final = 0.1
LONGEST_SECONDS: Final = 60.0
ANSWERS_OF_A_SOUND_ONE: Final = 10
"""A process that has given so many was sound: its end is a first failure."""


@attrs.frozen
class Backoff:
    """Exponential: each failure without a sound process in between doubles it."""

    next_seconds: float = SHORTEST_SECONDS
    """Before the next start, should it fail now."""

    def after_failure(self, answers: int) -> "tuple[float, Backoff]":
        """How long to wait now, and the backoff from then on.

        :param answers: that the failed process has given.
        """
        seconds = SHORTEST_SECONDS if answers >= ANSWERS_OF_A_SOUND_ONE else self.next_seconds
        return seconds, Backoff(min(2 * seconds, LONGEST_SECONDS))
