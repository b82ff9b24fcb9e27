"""``rate_limit``: how many bytes a second somebody may write (section 6 of the spec).

An exponentially weighted moving average of accepted bytes per second. The formula is here; who
has written how much is for :mod:`orly_policy_plugin.rates` to keep.
"""

import math
from collections.abc import Callable
from typing import Final

import attrs

from orly_policy_hookspecs import Decision, Event

from ..counted import counted
from .conditions import Keys
from .exempt import Exempt

TIME_CONSTANT_SECONDS: Final = 10.0

IsNamed = Callable[[Keys], bool]
"""Whether the policy in force names one of a submitter's keys: see :mod:`.named`."""


def decayed(average: float, elapsed_seconds: float, time_constant_seconds: float) -> float:
    """The value that an average, in bytes per second, has come down to since the last accepted
    event (section 6 of the spec). A clock that went back takes nothing off and adds nothing.
    """
    return average * math.exp(-max(elapsed_seconds, 0.0) / time_constant_seconds)


@attrs.frozen
class RateLimit:
    """One rule's limit. Averages and limits are in bytes per second, sizes in bytes."""

    place: str
    """The place in the policy file: ``rules.1.rate_limit``."""
    most: int
    time_constant_seconds: float
    exempt: Exempt
    """To whom an admin's rule does not apply."""
    is_named: IsNamed = attrs.field(eq=False, repr=False)
    """Who is not shares the average of the address."""

    def average_with(self, average_now: float, size: int) -> float | None:
        """The average with one more event; ``None`` where it does not fit."""
        average = self.average_of(average_now, size)
        return average if average <= self.most else None

    def average_of(self, average_now: float, size: int) -> float:
        """The average with one more event, whether it fits or not."""
        return average_now + size / self.time_constant_seconds

    def ever_takes(self, event: Event, keys: Keys, size: int) -> bool:
        """Whether an event fits where nothing else was written.

        :param size: the event's.
        """
        return self.average_with(0.0, size) is not None or self.exempt.exempts(event, keys)

    def refusal(self, average_now: float, size: int) -> Decision:
        """The denial of an event that does not fit, with when it would."""
        limit = f"{counted(self.most, 'byte')} per second"
        room = self.most - size / self.time_constant_seconds
        if room < 0:
            largest = math.floor(self.most * self.time_constant_seconds)
            return Decision.reject(
                f"rate-limited: event is {counted(size, 'byte')}, "
                f"{limit} allow at most {largest}: it can never fit",
                self.place,
            )
        room = max(room, math.ulp(self.most) / 4)  # an average that small adds nothing
        wait = self.time_constant_seconds * math.log(max(average_now / room, 1.0))
        return Decision.reject(
            f"rate-limited: {limit} allowed, try again in {max(math.ceil(wait), 1)} s",
            self.place,
        )
