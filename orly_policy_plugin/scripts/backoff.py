"""How long a script that fails is left alone (section 5 of the spec). Pure."""

from typing import Final

import attrs

SHORTEST_SECONDS: Final = 0.1
LONGEST_SECONDS: Final = 60.0


@attrs.frozen
class Backoff:
    """An exponential backoff for a process that fails before it is asked anything.

    A process that fails after it was asked may have been ended by an event. Such a failure does
    not lengthen the backoff: whoever writes such events could keep the script from all others.
    """

    next_seconds: float = SHORTEST_SECONDS
    """The wait before the next start, if the process fails now."""

    def after_failure(self, *, was_asked: bool) -> "tuple[float, Backoff]":
        """Return how many seconds to wait now, and the backoff from then on.

        :param was_asked: whether the process that failed was asked anything.
        """
        if was_asked:
            return SHORTEST_SECONDS, Backoff()
        return self.next_seconds, Backoff(min(2 * self.next_seconds, LONGEST_SECONDS))
