"""``x_key_age``: for how long an author's key has been seen here."""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from typing import Final

from orly_policy_hookspecs import Context, Criterion, FrozenEvent, hookimpl

from .counted import counted
from .values import number_shape, whole_number

MOST_KEYS: Final = 100_000
_MOST_SECONDS: Final = 365 * 86_400


class KeyAge:
    """Remembers when it was first asked about an author. That the event is refused then makes no
    difference: how else should a key grow old?

    Keys that were let through are kept apart from new ones, so that who makes many keys has only
    other new ones forgotten.
    """

    def __init__(self, most: int = MOST_KEYS, clock: Callable[[], float] = time.monotonic) -> None:
        """:param most: keys to remember, of new ones as of those that were let through: of these
            the one that is not heard of for longest is forgotten first, of new ones the oldest.
        :param clock: seconds that never go back.
        """
        self._most = most
        self._clock = clock
        self._new: OrderedDict[str, float] = OrderedDict()
        """When each was first seen."""
        self._let_through: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    @hookimpl
    def criteria(self) -> Collection[Criterion]:
        """Add ``x_key_age`` to rules."""
        return [
            Criterion(
                name="x_key_age",
                unit="seconds",
                says="from keys that were first seen {} seconds ago or earlier",
                read=whole_number("seconds", 1, _MOST_SECONDS),
                shape=number_shape(1, _MOST_SECONDS),
                refuses=self.too_young,
            )
        ]

    def too_young(self, event: FrozenEvent, _: Context, seconds: int) -> str | None:
        """Say for how long the author has to wait."""
        key = event.pubkey
        with self._lock:
            now = self._clock()
            first_seen = self._let_through.get(key)
            if first_seen is None:
                first_seen = self._new.setdefault(key, now)
            if (left := seconds - (now - first_seen)) > 0:
                _bound(self._new, self._most)
                wait = counted(math.ceil(left), "second")
                return f"restricted: this key is new here; try again in {wait}"
            self._new.pop(key, None)
            self._let_through[key] = first_seen
            self._let_through.move_to_end(key)
            _bound(self._let_through, self._most)
        return None


def _bound(keys: OrderedDict[str, float], most: int) -> None:
    if len(keys) > most:
        keys.popitem(last=False)


key_age: Final = KeyAge()
"""The plugin of a process."""
