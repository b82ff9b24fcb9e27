"""How long a script that fails is left alone (section 5 of the spec). Pure."""

from typing import Final

import attrs

SHORTEST_SECONDS: Final = 0.1
LONGEST_SECONDS: Final = 60.0


@attrs.frozen
class Backoff:
    """Exponential, for a process that fails before it is asked anything.

    One that ends when it was asked something may have been ended by an event. Whoever can write
    such events must not be able to have the script left alone for long, and with it what others
    ask: that counts for nothing here.
    """

    next_seconds: float = SHORTEST_SECONDS
    """Before the next start, should it fail now."""

    def after_failure(self, *, was_asked: bool) -> "tuple[float, Backoff]":
        """How long to wait now, and the backoff from then on.

        :param was_asked: whether the process that failed was asked anything.
        """
        if was_asked:
            return SHORTEST_SECONDS, Backoff()
        return self.next_seconds, Backoff(min(2 * self.next_seconds, LONGEST_SECONDS))
