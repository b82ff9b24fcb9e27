"""Some nodes of a fleet, as far as its database knows them: ``URL FLEET COUNT``.

Each is a store that is followed, with its two connections; what it hears is a line of JSON on
standard output. A line on standard input is a command: ``read``, ``rates KEYS``, ``end``.
"""

import hashlib
import json
import sys
import threading
import time
from typing import Any, Final

from orly_policy_plugin.errors import PolicyError
from orly_policy_plugin.rates import SharedRateLimiter
from orly_policy_plugin.state.address import Address
from orly_policy_plugin.state.postgres import Patience, PostgresStore, RatesExchange
from orly_policy_plugin.state.store import Watcher

_PATIENCE: Final = Patience(connect_seconds=30, answer_seconds=120, lock_seconds=120)
_said: Final = threading.Lock()


def _say(**facts: Any) -> None:
    with _said:
        sys.stdout.write(json.dumps({**facts, "at": time.time()}) + "\n")
        sys.stdout.flush()


class _Node:
    """One store that is followed."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._store = PostgresStore(address, patience=_PATIENCE)
        content = self._store.read(lambda _: ()).content
        self._watch = self._store.watch(
            content, Watcher(policy_changed=self._told, policy_lost=_lost, others_changed=_nothing)
        )
        self._watch.start()

    def _told(self, content: bytes) -> bool:
        _say(told=hashlib.sha256(content).hexdigest())
        return True

    def read(self) -> None:
        """Read what the store holds."""
        begun = time.perf_counter()
        stored = self._store.read(lambda _: ())
        _say(lists=len(stored.follow_lists), seconds=time.perf_counter() - begun)

    def exchange(self, keys: int) -> None:
        """Tell of so many averages, and hear of those of others."""
        limiter = SharedRateLimiter(10 * keys)
        rates = RatesExchange(self._store.lent, self._address.fleet, limiter)
        averages = {("rules.1.rate_limit", f"{number:064x}"): 5.0 for number in range(keys)}
        limiter._keep(averages, limiter._clock())
        begun = time.perf_counter()
        rates.exchange()
        _say(exchanged=keys, seconds=time.perf_counter() - begun)

    def stop(self) -> None:
        self._watch.stop()
        self._store.close()


def _nothing() -> None:
    """Lists are read when that is asked for."""


def _lost(error: PolicyError) -> None:
    _say(lost=str(error))


def main() -> None:
    """Be these nodes until the end."""
    url, fleet, count = sys.argv[1:]
    nodes = [_Node(Address.parse(url, fleet)) for _ in range(int(count))]
    _say(ready=len(nodes))
    for line in sys.stdin:
        match line.split():
            case ["read"]:
                for node in nodes:
                    node.read()
            case ["rates", keys]:
                for node in nodes:
                    node.exchange(int(keys))
            case _:
                break
    for node in nodes:
        node.stop()


if __name__ == "__main__":
    main()
