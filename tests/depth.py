"""How deep the tests dig: short every day, full where a change is let in, long now and then.

What is long repeats more: hypothesis's examples, kills, writes, and what is said of one relay is
said of others. What is short leaves out what is heavy. What is quick repeats less, for mutants,
each of which is given all its tests.
"""

import os
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, settings

DEPTH = os.environ.get("ORLY_POLICY_TEST_DEPTH", "short")
PHASES = {"quick": (Phase.explicit, Phase.generate)}
"""That a mutant is killed is enough: nobody reads the smallest example of it."""
EXAMPLES = {"quick": 8, "short": 10, "full": 20, "long": 500}
if DEPTH not in EXAMPLES:
    raise ValueError(f"ORLY_POLICY_TEST_DEPTH is {DEPTH!a}; it can be {' or '.join(EXAMPLES)}")
IS_LONG = DEPTH == "long"
IS_SHORT = DEPTH == "short"


def times(short: int, long: int) -> int:
    """How often to do something that is worth repeating."""
    return {"quick": max(1, short // 4), "long": long}.get(DEPTH, short)


STORAGES: Final = ("sqlite", "lmdb")
"""Of nostr-relay. What is said of a relay on either is said of one of them a test, half of the
tests of each, unless it is long.
"""
PROXIED: Final = ("proxy-stock", "proxy-rust", "proxy-node", "proxy-proxy")
"""Relays behind the proxy; likewise, where it is short."""
UPSTREAMS: Final = ("stock", "rust", "node", "memory", "proxy")
"""Likewise, where what is said is the proxy's own."""


def left_out(items: Sequence[pytest.Item]) -> set[pytest.Item]:
    """The tests that are not for today: the same ones every day."""
    left_out: set[pytest.Item] = set()
    if not IS_LONG:
        left_out.update(_all_but_one(items, STORAGES, ("relay", "attacked")))
    if IS_SHORT:
        left_out.update(item for item in items if item.get_closest_marker("heavy"))
        for alike in STORAGES, PROXIED, UPSTREAMS:
            left_out.update(_all_but_one(items, alike, ("host", "behind")))
    return left_out


def _all_but_one(
    items: Iterable[pytest.Item], alike: Sequence[str], fixtures: Iterable[str]
) -> Iterator[pytest.Item]:
    """Of tests that are said of each of some relays that are alike.

    :param fixtures: their names, whose parameters are the relays.
    """
    of_test: defaultdict[str, dict[str, pytest.Item]] = defaultdict(dict)
    for item in items:
        given = item.callspec.params if hasattr(item, "callspec") else {}
        for relay in {given.get(fixture) for fixture in fixtures} & {*alike}:
            of_test[item.nodeid.replace(relay, "")][relay] = item
    for name, of_relays in of_test.items():
        if of_relays.keys() == {*alike}:
            del of_relays[alike[zlib.crc32(name.encode()) % len(alike)]]
            yield from of_relays.values()


def load_profile() -> None:
    """Have hypothesis dig as deep. Unless long, its examples are the same each time: what fails
    today fails for what was changed today. How long it takes is the machine's.
    """
    for depth, examples in EXAMPLES.items():
        settings.register_profile(
            depth,
            max_examples=examples,
            deadline=None,
            phases=PHASES.get(depth, tuple(Phase)),
            suppress_health_check=[HealthCheck.too_slow],
            derandomize=depth != "long",
            print_blob=True,
        )
    settings.load_profile(DEPTH)
