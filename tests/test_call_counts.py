"""A decision calls no more functions than it did: speed that no clock and no other process blurs.

The counts are of Python's and C's functions alike, those of the main rows of PERFORMANCE.md. To
change them on purpose, or to write down that something takes fewer:

    UPDATE_CALL_COUNTS=1 python -m pytest tests/test_call_counts.py
"""

import json
import os
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import workloads

from orly_policy_hookspecs import Context
from orly_policy_plugin.plugin import PolicyPlugin

STORED = Path(__file__).with_name("call_counts.json")
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
"""Versions differ: what one calls, another does in its interpreter loop."""
UPDATE = "UPDATE_CALL_COUNTS"
MOST = 1.1
"""How much of the stored count is let pass."""

DECIDED = ("simple", "kinds", "whitelist", "blacklist", "tags", "large", "regex", "allow-10k")
READ = 500


def calls_of(do: Callable[[], object]) -> int:
    """How many functions are called. Done once before, so that nothing is new the second time."""
    do()
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        do()
    finally:
        sys.setprofile(before)
    return calls - 2  # do itself, and the last setprofile


def answer_of(question: Coroutine[Any, Any, Any]) -> Any:
    """What an event loop does for a coroutine that waits for nothing, without its own calls."""
    while True:
        try:
            question.send(None)
        except StopIteration as stop:
            return stop.value


def calls_of_decisions(name: str) -> float:
    """Of one decision of a workload, the mean of its events."""
    workload = workloads.WORKLOADS[name]()
    write = workload.compiled().write

    def decide() -> None:
        for event in workload.events:
            write(event, workload.keys, workloads.NOW)

    return calls_of(decide) / len(workload.events)


@pytest.fixture
def gate(tmp_path):
    """A gate with the engine, and a policy for it."""

    def made(policy: bytes):
        path = tmp_path / "policy.json"
        path.write_bytes(policy)
        return workloads.gate_with(PolicyPlugin.load(path))

    return made


@pytest.fixture
def check():
    """Hold a count against the stored one; or store it, where that is asked for."""

    def checked(name: str, calls: float) -> None:
        stored = json.loads(STORED.read_text())
        if os.environ.get(UPDATE):
            stored.setdefault(PYTHON, {})[name] = round(float(calls), 2)
            STORED.write_text(json.dumps(stored, indent=2, sort_keys=True) + "\n")
            return
        if PYTHON not in stored:
            pytest.skip(f"no counts are stored for Python {PYTHON}; {UPDATE}=1 stores them")
        before = stored[PYTHON][name]
        assert calls <= before * MOST, (
            f"{name}: {calls:g} function calls a decision, {before:g} are stored; if that is "
            f"worth it, {UPDATE}=1 python -m pytest {__file__} stores the new counts"
        )

    return checked


@pytest.mark.parametrize("name", DECIDED)
def test_a_decision_calls_no_more(name, check):
    """The engine alone."""
    check(name, calls_of_decisions(name))


def test_a_decision_through_the_gate_calls_no_more(gate, check):
    """As a relay asks for it."""
    workload = workloads.simple()
    (event,) = workload.events
    asked = gate(workload.policy)
    context = Context(authenticated=workload.keys)
    workload.check(answer_of(asked.write(event, context)))
    check("hook", calls_of(lambda: answer_of(asked.write(event, context))))


def test_reading_calls_no_more(gate, check):
    """An event of a REQ's result, the mean of them."""
    events = workloads.stored_events(READ)
    asked = gate(workloads.READ_POLICY)
    context = Context(authenticated=(workloads.SUBMITTER,))
    accepted = [answer.accepted for answer in answer_of(asked.reads(events, context))]
    assert True in accepted
    assert False in accepted
    check("read-500", calls_of(lambda: answer_of(asked.reads(events, context))) / READ)


def test_one_more_call_is_seen():
    """The count sees Python's functions and C's, and nothing of its own."""

    def two_more() -> None:
        len(())
        (lambda: None)()

    assert calls_of(lambda: None) == 0
    assert calls_of(two_more) == 2
