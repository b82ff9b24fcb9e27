"""Criteria that are told of decisions: those that remember what was accepted."""

from pathlib import Path
from typing import Any

import pytest
from examples import NOBODY, AnEvent

from orly_policy_hookspecs import Context, Criterion, Decision, Event, hookimpl

from .test_criteria import Criteria, shortest
from .test_section import Json, started


class Noting:
    """A plugin whose criterion notes the decisions that it is told of."""

    def __init__(self, **more: Any) -> None:
        self.told: list[tuple[Any, ...]] = []
        self._criterion = shortest(decided=self._note, **more)

    @hookimpl
    def criteria(self) -> list[Criterion]:
        return [self._criterion]

    def _note(
        self, event: Event, context: Context, access: str, decision: Decision, values: Any
    ) -> None:
        assert context is NOBODY
        self.told.append((event.kind, access, decision.accepted, tuple(values)))


NAMED: Json = {"rules": {"1": {"x_shortest": 3}, "7": {"x_shortest": 9}}}


def test_a_criterion_is_told_of_decisions_where_a_rule_has_it(tmp_path: Path) -> None:
    """Of all kinds, also of what it was not asked about; with the values of all rules."""
    it = Noting()
    gate = started(tmp_path, NAMED, it=it).gate
    for kind, content in ((1, "hello"), (1, "hi"), (2, "")):
        gate.blocking.write(AnEvent(kind=kind, content=content), NOBODY)
    assert it.told == [
        (1, "write", True, (3, 9)),
        (1, "write", False, (3, 9)),
        (2, "write", True, (3, 9)),
    ]


def test_it_costs_nothing_where_none_has(tmp_path: Path) -> None:
    """A question is the gate's own then; of reads it is as well, which it is not asked about."""
    it = Noting()
    relayed = started(tmp_path, {}, it=it)
    questions = ("write", "read", "reads", "policy_event", "withdrawal")
    for asker in (relayed.gate, relayed.gate.blocking):
        assert vars(asker).keys().isdisjoint(questions)
    relayed.engine.start()
    relayed.save_until(NAMED, lambda: "write" in vars(relayed.gate))
    for asker in (relayed.gate, relayed.gate.blocking):
        assert vars(asker).keys().isdisjoint({"read", "reads", "policy_event", "withdrawal"})
    relayed.save_until({}, lambda: "write" not in vars(relayed.gate))
    relayed.engine.stop()


def test_it_is_told_of_the_accesses_that_it_is_asked_on(tmp_path: Path) -> None:
    it = Noting(asked_on=("read",))
    gate = started(tmp_path, NAMED, it=it).gate
    gate.blocking.write(AnEvent(content="hello"), NOBODY)
    gate.blocking.read(AnEvent(content="hello"), NOBODY)
    assert [each[1:3] for each in it.told] == [("read", True)]


def test_an_unregistered_one_is_told_no_more(tmp_path: Path) -> None:
    """From then on, also while the engine cannot hear of it."""
    it = Noting()
    relayed = started(tmp_path, NAMED, it=it)
    with relayed.engine._force._lock:
        relayed.gate.unregister("it")
        relayed.gate.blocking.write(AnEvent(content="hello"), NOBODY)
    assert it.told == []


def test_what_it_raises_is_in_the_log_in_its_name(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def failing(*_: object) -> None:
        raise OSError("no disk")

    it: Any = Criteria([shortest(decided=failing)])
    gate = started(tmp_path, NAMED, it=it).gate
    assert gate.blocking.write(AnEvent(content="hello"), NOBODY).accepted
    assert "plugin it: decided of x_shortest failed" in caplog.text
