"""How deep the tests dig: short every day, long in ``python3 run.py tests-long``.

What is long repeats more: hypothesis's examples, kills, writes, and what is said of one relay is
said of others. What is quick repeats less, for mutants, each of which is given all its tests.
"""

import os
import zlib
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, settings

DEPTH = os.environ.get("ORLY_POLICY_TEST_DEPTH", "short")
PHASES = {"quick": (Phase.explicit, Phase.generate)}
"""That a mutant is killed is enough: nobody reads the smallest example of it."""
EXAMPLES = {"quick": 8, "short": 20, "long": 500}
if DEPTH not in EXAMPLES:
    raise ValueError(f"ORLY_POLICY_TEST_DEPTH is {DEPTH!a}; it can be {' or '.join(EXAMPLES)}")
IS_LONG = DEPTH == "long"


def times(short: int, long: int) -> int:
    """How often to do something that is worth repeating."""
    return {"quick": max(1, short // 4), "short": short, "long": long}[DEPTH]


ONE_OF_BOTH: Final = ("sqlite", "lmdb")
"""Storages of nostr-relay. What is said of a relay on either is said of one of them a test, half
of the tests of each, unless it is long.
"""


def left_out(items: Iterable[pytest.Item]) -> set[pytest.Item]:
    """The tests that are not for today: the same ones every day."""
    of_storages: defaultdict[str, dict[str, pytest.Item]] = defaultdict(dict)
    for item in items:
        if not IS_LONG and (storage := _storage(item)) in ONE_OF_BOTH:
            of_storages[item.nodeid.replace(storage, "")][storage] = item
    return {
        of_each[ONE_OF_BOTH[zlib.crc32(name.encode()) % len(ONE_OF_BOTH)]]
        for name, of_each in of_storages.items()
        if of_each.keys() == set(ONE_OF_BOTH)
    }


def _storage(item: pytest.Item) -> str:
    given = item.callspec.params if hasattr(item, "callspec") else {}
    return str(given.get("relay", given.get("attacked", "")))


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
