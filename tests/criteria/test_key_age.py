"""``x_key_age``: for how long an author's key has been seen here."""

import json
from pathlib import Path
from typing import Any

import pytest

from orly_policy_criteria.key_age import KeyAge
from orly_policy_hookspecs.testing import Key, Running
from orly_policy_plugin.plugin import PolicyPlugin

from .asking import ALICE, BOB, Clock, in_force, problem, says

NEW = "restricted: this key is new here; try again in "
RULE = {"x_key_age": 60}


def test_a_key_grows_old(tmp_path: Path) -> None:
    """From its first event on, which is refused; each for itself."""
    clock = Clock()
    with in_force(tmp_path, KeyAge(clock=clock), RULE) as gate:
        told = []
        for clock.now in (0.0, 30.5, 59.0, 60.0, 1e6):
            told.append(says(gate, ALICE.event()).removeprefix(NEW))
        assert told == ["60 seconds", "30 seconds", "1 second", "OK", "OK"]
        assert says(gate, BOB.event()) == f"{NEW}60 seconds"


def test_many_new_keys_push_out_no_old_one(tmp_path: Path) -> None:
    """Only each other."""
    clock = Clock()
    it = KeyAge(most=2, clock=clock)
    with in_force(tmp_path, it, RULE) as gate:
        says(gate, ALICE.event())
        clock.now += 60
        assert says(gate, ALICE.event()) == "OK"
        for name in "bcdefg":
            says(gate, Key(name).event())
        assert len(it._new) == 2
        assert says(gate, ALICE.event()) == "OK"
        clock.now += 60
        assert says(gate, Key("b").event()).startswith(NEW)
        assert says(gate, Key("g").event()) == "OK"


def test_of_old_ones_the_one_that_is_silent_leaves(tmp_path: Path) -> None:
    clock = Clock()
    it = KeyAge(most=2, clock=clock)
    with in_force(tmp_path, it, RULE) as gate:
        for key in (ALICE, BOB):
            says(gate, key.event())
        clock.now += 60
        for key in (ALICE, BOB, ALICE):
            assert says(gate, key.event()) == "OK"
        says(gate, Key("carol").event())
        clock.now += 60
        assert says(gate, Key("carol").event()) == "OK"
        assert says(gate, ALICE.event()) == "OK"
        assert says(gate, BOB.event()).startswith(NEW)
        assert len(it._let_through) == 2


def test_two_rules_ask_for_two_ages(tmp_path: Path) -> None:
    """Of the same first time."""
    clock = Clock()
    path = tmp_path / "policy.json"
    path.write_text(json.dumps({"rules": {"1": RULE, "2": {"x_key_age": 100}}}))
    with Running(KeyAge(clock=clock), PolicyPlugin.load(path)) as gate:
        says(gate, ALICE.event(1))
        clock.now += 60
        assert says(gate, ALICE.event(1)) == "OK"
        assert says(gate, ALICE.event(2)) == f"{NEW}40 seconds"
        clock.now += 40
        assert says(gate, ALICE.event(2)) == "OK"


@pytest.mark.parametrize("value", [0, -1, "60", 1.5, True, {}])
def test_a_value_that_is_none(tmp_path: Path, value: Any) -> None:
    why = problem(tmp_path, KeyAge(), {"x_key_age": value})
    assert why == f"expected a number of seconds, 1 to 31536000, found {value!r}"
