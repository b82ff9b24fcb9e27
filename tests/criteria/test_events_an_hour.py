"""``x_events_an_hour``: the most events of a kind that an author may write within any hour."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from orly_policy_criteria.an_hour import AnHour
from orly_policy_criteria.events_an_hour import EventsAnHour
from orly_policy_hookspecs import BlockingGate, FrozenEvent
from orly_policy_hookspecs.testing import Key, Running, by
from orly_policy_plugin.plugin import PolicyPlugin

from .asking import ALICE, BOB, Clock, in_force, problem, says, twice_at_once

_made = count()
REFUSED = "rate-limited: 2 events of kind 1 an hour"
RULE: dict[str, Any] = {"x_events_an_hour": 2}


def note(key: Key = ALICE, kind: int = 1) -> FrozenEvent:
    """An event of its own id."""
    return key.event(kind, str(next(_made)))


@contextmanager
def policy(folder: Path, it: object, **members: Any) -> Iterator[BlockingGate]:
    path = folder / "policy.json"
    path.write_text(json.dumps(members))
    with Running(it, PolicyPlugin.load(path)) as gate:
        yield gate


def test_any_hour_counts(tmp_path: Path) -> None:
    """Not the clock's; what is refused does not count."""
    clock = Clock()
    with in_force(tmp_path, EventsAnHour(AnHour(clock=clock)), RULE) as gate:
        told = []
        for clock.now in (0.0, 3000.0, 3599.0, 3600.0, 3601.0, 6599.0, 6600.0):
            told.append(says(gate, note()))
    assert told == ["OK", "OK", REFUSED, "OK", REFUSED, REFUSED, "OK"]


def test_each_author_and_each_kind_for_itself(tmp_path: Path) -> None:
    """Also of a rule for all kinds."""
    with policy(tmp_path, EventsAnHour(), **{"global": RULE}) as gate:
        assert [says(gate, note()) for _ in range(3)] == ["OK", "OK", REFUSED]
        assert says(gate, note(BOB)) == "OK"
        assert says(gate, note(kind=7)) == "OK"


def test_of_two_rules_each_counts(tmp_path: Path) -> None:
    """An event is counted once, and the smaller number holds."""
    for first, second in ((5, 2), (2, 5)):
        rules = {
            "global": {"x_events_an_hour": first},
            "rules": {"1": {"x_events_an_hour": second}},
        }
        with policy(tmp_path, EventsAnHour(), **rules) as gate:
            assert [says(gate, note()) for _ in range(3)] == ["OK", "OK", REFUSED]


def test_what_is_refused_elsewhere_does_not_count(tmp_path: Path) -> None:
    """Nor does an accepted event cease to count when it is sent again and refused."""
    event = note()
    with in_force(tmp_path, EventsAnHour(), {**RULE, "write_deny": [BOB.pubkey]}) as gate:
        for _ in range(5):
            assert says(gate, note(), by(BOB)).startswith("restricted:")
        assert says(gate, event) == "OK"
        assert says(gate, event, by(BOB)).startswith("restricted:")
        assert [says(gate, note()) for _ in range(2)] == ["OK", REFUSED]
        assert says(gate, event) == "OK"


@pytest.mark.parametrize(
    ("answers", "left"),
    [((True, True), 1), ((False, True), 1), ((True, False), 1), ((False, False), 2)],
)
def test_the_same_event_twice_at_once(
    tmp_path: Path, answers: tuple[bool, bool], left: int
) -> None:
    """It counts, once, where one of the two was accepted."""
    asking = twice_at_once(tmp_path, EventsAnHour(), RULE, note(), answers)
    assert [asking(note()) for _ in range(left + 1)] == [True] * left + [False]


def test_memory_is_bounded(tmp_path: Path) -> None:
    """And nothing is left of what is forgotten."""
    clock = Clock()
    counted: AnHour[tuple[str, int]] = AnHour(3, clock)
    it = EventsAnHour(counted)
    with in_force(tmp_path, it, RULE) as gate:
        for name in "abcdefg":
            assert says(gate, note(Key(name))) == "OK"
        assert (len(counted._events), len(counted._counts)) == (3, 3)
        clock.now += 3600
        assert says(gate, note()) == "OK"
        assert (len(counted._events), dict(counted._counts)) == (1, {(ALICE.pubkey, 1): 1})


@pytest.mark.parametrize("value", [0, -1, "60", 1.5, True, {}, 10_001])
def test_a_value_that_is_none(tmp_path: Path, value: Any) -> None:
    why = problem(tmp_path, EventsAnHour(), {"x_events_an_hour": value})
    assert why == f"expected a number of events, 1 to 10000, found {value!r}"
