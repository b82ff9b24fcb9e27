"""Rates that the nodes of a fleet share: each node counts what the others have let through.

Averages add up: what one node has let through comes down by itself, and the sum of all nodes'
averages is the average of all that was let through. So nodes tell each other now and then what
their averages are, and between two tellings they know all but what came since.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import attrs

from ..decisions.rates import TIME_CONSTANT_SECONDS, decayed
from .limiter import MOST_KEYS, Key, RateLimiter

_T = TypeVar("_T")
_AT_A_TIME = 1_000
"""Averages that are taken or told before decisions have their turn."""


@attrs.frozen
class Told:
    """One average of a node, as it is told to others."""

    key: Key
    average: float = attrs.field()
    """Bytes per second."""
    age_seconds: float
    """How long ago it was that."""

    @average.validator
    def _check(self, _: object, average: float) -> None:
        if not 0.0 <= average < math.inf:
            raise ValueError(f"{average} is no average")


class SharedRateLimiter(RateLimiter):
    """Averages of this process, and what others have told of theirs."""

    def __init__(
        self,
        most_keys: int = MOST_KEYS,
        clock: Callable[[], float] = time.monotonic,
        time_constant_seconds: float = TIME_CONSTANT_SECONDS,
    ) -> None:
        """:param most_keys: averages to keep of one's own, and as many submitters of others.
        :param time_constant_seconds: of the limits.
        """
        super().__init__(most_keys, clock)
        self.time_constant_seconds = time_constant_seconds
        self._of_nodes: OrderedDict[Key, dict[str, tuple[float, float]]] = OrderedDict()
        """By key and node, an average elsewhere and when it was that. They are added up when they
        are told: a write costs the same whatever the number of nodes.
        """
        self._have_changed({})

    def _have_changed(self, untold: dict[Key, object]) -> None:
        self._untold = untold
        """Its keys alone are of use: they are a set in the order of their coming."""
        self._kept = untold.update

    def untold(self) -> list[Told]:
        """The averages that have changed since they were last taken here."""
        told: list[Told] = []
        with self._lock:
            untold = list(self._untold)
            self._have_changed({})
        for some in _some_at_a_time(untold):
            with self._lock:
                now = self._clock()
                known = ((key, self._averages.get(key)) for key in some)
                told += [Told(key, each[0], now - each[1]) for key, each in known if each]
        return told

    def tell_again(self, told: Iterable[Told]) -> None:
        """These could not be told."""
        keys = dict.fromkeys(each.key for each in told)
        with self._lock:
            self._have_changed({**keys, **self._untold})

    def take(self, told: Iterable[tuple[str, Told]]) -> None:
        """Take averages of other nodes, by the node's name; each takes the place of that node's
        earlier one.
        """
        for some in _some_at_a_time(list(told)):
            with self._lock:
                now = self._clock()
                for node, each in some:
                    of_key = self._of_nodes.setdefault(each.key, {})
                    of_key[node] = each.average, now - max(each.age_seconds, 0.0)
                    self._of_nodes.move_to_end(each.key)
                for key in {each.key for _, each in some}:
                    self._add_up(key, now)
                while len(self._of_nodes) > self.most_keys:
                    key, _ = self._of_nodes.popitem(last=False)
                    del self._others[key]

    def forget_others(self, older_than_seconds: float) -> None:
        """Forget what others have told that long ago: it has come down to nothing."""
        with self._lock:
            now = self._clock()
            keys = list(self._of_nodes)
        for some in _some_at_a_time(keys):
            with self._lock:
                for key in some:
                    self._forget(key, now - older_than_seconds)

    def _forget(self, key: Key, oldest: float) -> None:
        of_key = self._of_nodes.get(key, {})
        for node in [node for node, (_, at) in of_key.items() if at < oldest]:
            del of_key[node]
        if not of_key:
            self._of_nodes.pop(key, None)
            self._others.pop(key, None)

    def _add_up(self, key: Key, now: float) -> None:
        total = 0.0
        for average, at in self._of_nodes[key].values():
            total += decayed(average, now - at, self.time_constant_seconds)
        self._others[key] = total, now


def _some_at_a_time(items: Sequence[_T]) -> Iterator[Sequence[_T]]:
    for begin in range(0, len(items), _AT_A_TIME):
        yield items[begin : begin + _AT_A_TIME]
