"""The averages that rate limits are held against: bounded, safe to use from several threads."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from orly_policy_hookspecs import Context, Decision, Event

from ..addresses import address_group
from ..decisions import RateLimit
from ..decisions.rates import decayed
from ..event_size import event_size

MOST_KEYS: Final = 100_000

_TOO_MANY_KEYS: Final = Decision.reject("rate-limited: too many keys on one connection")

Key = tuple[str, str]
"""The rule's place, and the submitter's pubkey or address."""


class RateLimiter:
    """One average a rule and submitter, in bytes per second.

    A submitter is each pubkey that authenticated, or the address where nobody did: their
    connections share the average. A submitter whom the policy does not name shares the average of
    the address as well, so that a key that was made a moment ago gains nothing. Averages are kept
    by the rule's place in the policy, so that they outlive a reload.
    """

    def __init__(
        self, most_keys: int = MOST_KEYS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """:param most_keys: averages to keep; the least recently seen leaves first.
        :param clock: seconds that never go back.
        """
        self.most_keys = most_keys
        self._clock = clock
        self._averages: OrderedDict[Key, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()
        self._others: dict[Key, tuple[float, float]] = {}
        """By key, what the averages elsewhere add up to and when it was that: see
        :class:`.SharedRateLimiter`. It is here, and not asked for by a method, for every write of
        a relay comes by.
        """
        self._kept: Callable[[Mapping[Key, float]], object] | None = None
        """Called with averages that have changed."""

    def charge(
        self, limits: Sequence[RateLimit], event: Event, context: Context
    ) -> Decision | None:
        """Charge an event that everything else accepts, or say why it does not fit: in one step,
        and all of its limits or none.
        """
        size = event_size(event)
        if (len(context.authenticated) + 1) * len(limits) > self.most_keys:
            return _TOO_MANY_KEYS
        charged: dict[Key, float] = {}
        with self._lock:
            now = self._clock()
            for limit in limits:
                if limit.exempt.exempts(event, context.authenticated):
                    continue
                seconds = limit.time_constant_seconds
                keys = [(limit.place, submitter) for submitter in _submitters(limit, context)]
                own = [decayed(*self._seen(key, now), seconds) for key in keys]
                for key, mine in zip(keys, own, strict=True):
                    average = mine
                    if key in self._others:
                        others, at = self._others[key]
                        average += decayed(others, now - at, seconds)
                    if limit.average_with(average, size) is None:
                        return limit.refusal(self._highest(limit, keys, own, now), size)
                    charged[key] = limit.average_of(mine, size)
            self._keep(charged, now)
        return None

    def __len__(self) -> int:
        """The number of averages that are kept."""
        return len(self._averages)

    def _highest(
        self, limit: RateLimit, keys: Sequence[Key], own: Sequence[float], now: float
    ) -> float:
        others = [self._others.get(key, (0.0, now)) for key in keys]
        return max(
            mine + decayed(average, now - at, limit.time_constant_seconds)
            for mine, (average, at) in zip(own, others, strict=True)
        )

    def _seen(self, key: Key, now: float) -> tuple[float, float]:
        """The average at the last accepted event, and how many seconds ago that was."""
        known = self._averages.get(key)
        if known is None:
            return 0.0, 0.0
        self._averages.move_to_end(key)
        average, since = known
        return average, now - since

    def _keep(self, charged: Mapping[Key, float], now: float) -> None:
        for key, average in charged.items():
            self._averages[key] = average, now
            self._averages.move_to_end(key)
        while len(self._averages) > self.most_keys:
            self._averages.popitem(last=False)
        if self._kept is not None:
            self._kept(charged)


def _submitters(limit: RateLimit, context: Context) -> tuple[str, ...]:
    """Who is charged. Of a host that knows no addresses there is none to share."""
    keys = context.authenticated
    if not keys:
        return (address_group(context.ip),)
    if not context.ip or limit.is_named(keys):
        return keys
    return (*keys, address_group(context.ip))
