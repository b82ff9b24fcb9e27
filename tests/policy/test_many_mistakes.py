"""Files of megabytes of mistakes: refused with some of them, and decisions do not wait."""

import gc
import json
import threading
import time
from collections.abc import Iterator

import pytest

from orly_policy_plugin.policy import InvalidPolicy, read_policy
from orly_policy_plugin.policy.problems import MOST_PROBLEMS

MEGABYTES = 4 * 2**20
LONGEST_SECONDS = 0.5
"""That anything may wait; the faults took 0.65 to 2.3 s. With room for a slow machine: twice."""


def filled(part: str, before: str, after: str) -> bytes:
    """A file of so many megabytes."""
    return (before + part * (MEGABYTES // len(part)) + after).encode()


def members(value: str) -> str:
    return ",".join(f'"x{i}":{value}' for i in range(300_000))


NONSENSE = {
    "rules": lambda: f'{{"rules":{{{members("1")}}}}}'.encode(),
    "unknown keys": lambda: f"{{{members('1')}}}".encode(),
    "kinds": lambda: filled("-1,", '{"kind":{"whitelist":[', "0]}}"),
    "owners": lambda: filled("1,", '{"owners":[', "0]}"),
    "numbers": lambda: filled("9e99,", '{"owners":[', "0]}"),
    "texts": lambda: filled('"",', '{"kind":{"whitelist":[', "0]}}"),
    "tags": lambda: filled("1,", '{"rules":{"1":{"must_have_tags":[', "0]}}}"),
}


@pytest.fixture
def waits() -> Iterator[list[float]]:
    """How long this process computed before another thread had its turn: what else the machine
    does meanwhile does not count.
    """
    measured, is_over = [0.0], threading.Event()

    def watch() -> None:
        last = time.process_time()
        while not is_over.is_set():
            time.sleep(0.001)
            now = time.process_time()
            measured.append(now - last)
            last = now

    watching = threading.Thread(target=watch)
    watching.start()
    yield measured
    is_over.set()
    watching.join()


@pytest.fixture(params=NONSENSE)
def nonsense(request: pytest.FixtureRequest) -> bytes:
    return NONSENSE[request.param]()


@pytest.mark.heavy
def test_nonsense_is_refused_soon(nonsense: bytes, waits: list[float]) -> None:
    """With a good many of its mistakes, and a word that there are more."""
    gc.collect()
    with pytest.raises(InvalidPolicy) as caught:
        read_policy(nonsense)
    assert len(caught.value.problems) <= MOST_PROBLEMS
    assert len(str(caught.value)) < 50_000
    assert max(waits) < 2 * LONGEST_SECONDS


def test_all_of_a_hundred_mistakes_are_told() -> None:
    """And of more the first."""
    for count in (MOST_PROBLEMS, MOST_PROBLEMS + 1):
        rules = {"rules": {str(kind): {"size_limit": -1} for kind in range(count)}}
        unknown = {f"x{i:03}": 1 for i in range(count)}
        for wrong, first in (rules, "rules.0.size_limit: "), (unknown, "x000: unknown key"):
            with pytest.raises(InvalidPolicy) as caught:
                read_policy(json.dumps(wrong).encode())
            told = list(map(str, caught.value.problems))
            assert len(told) == MOST_PROBLEMS
            assert told[0].startswith(first)
            is_all = "mend these first" not in told[-1]
            assert is_all is (count == MOST_PROBLEMS)
