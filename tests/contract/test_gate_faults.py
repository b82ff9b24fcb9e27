"""Whatever goes wrong while asking is a rejection with ``error:``."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from examples import (
    NO,
    NOBODY,
    YES,
    AnEvent,
    Answering,
    awaitable,
    raising,
    raising_later,
)

from orly_policy_hookspecs import Decision, Event, Gate, GateSettings, Verdict, frozen, hookimpl

EVENT = AnEvent()


def decisions(gate: Gate) -> Iterator[Decision]:
    """Every way in which a question can be asked."""
    yield asyncio.run(gate.write(EVENT, NOBODY))
    yield asyncio.run(gate.read(EVENT, NOBODY))
    yield from asyncio.run(gate.reads([EVENT], NOBODY))
    yield asyncio.run(gate.policy_event(EVENT, NOBODY))
    yield gate.blocking.write(EVENT, NOBODY)
    yield gate.blocking.read(EVENT, NOBODY)
    yield from gate.blocking.reads([EVENT], NOBODY)
    yield gate.blocking.policy_event(EVENT, NOBODY)
    gate.blocking.close()


def is_error(decision: Decision) -> bool:
    return decision.verdict is Verdict.REJECT and decision.message.startswith("error:")


ERRORS = [
    ValueError("x"),
    asyncio.CancelledError(),
    SystemExit(0),
    StopIteration(),
    RecursionError(),
]


@pytest.mark.parametrize("error", ERRORS, ids=repr)
@pytest.mark.parametrize("when", [raising, raising_later])
@pytest.mark.parametrize("beside", [None, YES, awaitable(YES)], ids=["alone", "yes", "later"])
def test_an_exception_is_a_rejection(error: BaseException, when: Any, beside: Any) -> None:
    """Raised at once or later, alone or beside an accept: the event does not pass."""
    gate = Gate(GateSettings(budget_seconds=1))
    gate.register(Answering(when(error)), "broken")
    if beside:
        gate.register(Answering(beside), "other")
    assert all(map(is_error, decisions(gate)))


def test_an_exception_keeps_no_other_plugin_from_answering() -> None:
    """A raising plugin does not end the call for those behind it."""
    after, before = Answering(NO), Answering(NO)
    gate = Gate()
    gate.register(after)
    gate.register(Answering(raising(ValueError())))
    gate.register(before)
    asyncio.run(gate.write(EVENT, NOBODY))
    assert len(before.asked) == len(after.asked) == 1


def generator() -> Iterator[Decision]:
    yield YES


async def asynchronous_generator() -> AsyncIterator[Decision]:
    yield YES


NONSENSE = [
    True,
    False,
    0,
    "accept",
    "",
    [],
    {},
    (YES,),
    Decision,
    Verdict.ACCEPT,
    object(),
    generator,
    asynchronous_generator,
]


@pytest.mark.parametrize("answer", NONSENSE, ids=repr)
def test_an_answer_of_another_type_is_a_rejection(answer: Any) -> None:
    """True is no decision, and neither is a generator that a stray yield made."""
    for nonsense in (lambda: answer() if callable(answer) else answer, awaitable(answer)):
        gate = Gate()
        gate.register(Answering(nonsense), "odd")
        gate.register(Answering(YES), "other")
        assert all(map(is_error, decisions(gate)))


def test_the_plugin_at_fault_is_named() -> None:
    """In the decision's source and in the log."""
    gate = Gate()
    gate.register(Answering(raising(ValueError())), "broken")
    assert asyncio.run(gate.write(EVENT, NOBODY)).source == "broken"


class Slow:
    """Answers yes, but not before the budget has passed."""

    def __init__(self, *, stubborn: bool = False) -> None:
        self.stubborn = stubborn
        self.release = asyncio.Event()

    @hookimpl
    async def on_write(self, event: Event) -> Decision:
        while not self.release.is_set():
            try:
                await self.release.wait()
            except asyncio.CancelledError:
                if not self.stubborn:
                    raise
        return YES

    @hookimpl
    async def on_read(self, event: Event) -> Decision:
        return await self.on_write(event)


@pytest.mark.parametrize("stubborn", [False, True])
@pytest.mark.parametrize("ask", ["write", "read", "reads"])
def test_a_missed_budget_is_a_rejection(stubborn: bool, ask: str) -> None:
    """And nobody waits longer for a plugin, not even one that suppresses its cancellation."""

    async def question() -> tuple[Decision, float]:
        slow = Slow(stubborn=stubborn)
        gate = Gate(GateSettings(budget_seconds=0.05))
        gate.register(slow, "slow")
        gate.register(Answering(YES), "other")
        loop = asyncio.get_running_loop()
        started = loop.time()
        if ask == "reads":
            (decision,) = await gate.reads([EVENT], NOBODY)
        else:
            decision = await getattr(gate, ask)(EVENT, NOBODY)
        took = loop.time() - started
        slow.release.set()
        return decision, took

    decision, took = asyncio.run(question())
    assert is_error(decision)
    assert "too long" in decision.message
    assert 0.04 < took < 1


def test_many_reads_share_one_budget() -> None:
    """A REQ's events are waited for together, not one after the other."""

    async def question() -> tuple[list[Decision], float]:
        gate = Gate(GateSettings(budget_seconds=0.05))
        gate.register(Slow(), "slow")
        loop = asyncio.get_running_loop()
        started = loop.time()
        return await gate.reads([EVENT] * 200, NOBODY), loop.time() - started

    answers, took = asyncio.run(question())
    assert len(answers) == 200
    assert all(map(is_error, answers))
    assert took < 2


def test_a_question_that_is_given_up_cancels_its_plugins() -> None:
    """Where a client goes away, what was asked on its behalf ends too."""
    ended = []

    class Waiting:
        @hookimpl
        async def on_write(self, event: Event) -> Decision:
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(event)
            return YES

    async def question() -> None:
        gate = Gate()
        gate.register(Waiting())
        task = asyncio.ensure_future(gate.write(EVENT, NOBODY))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0)

    asyncio.run(question())
    assert ended == [frozen(EVENT)]


def test_an_answer_from_another_loop_is_a_rejection() -> None:
    """A future that belongs elsewhere cannot be awaited here."""
    other = asyncio.new_event_loop()
    future = other.create_future()
    gate = Gate(GateSettings(budget_seconds=0.2))
    gate.register(Answering(lambda: future))
    assert is_error(asyncio.run(gate.write(EVENT, NOBODY)))
    other.close()


def test_python_is_not_exited_by_a_plugin() -> None:
    """sys.exit() in a plugin is one more failure, for the loop's other tasks' sake."""

    class Exiting:
        @hookimpl
        async def on_write(self, event: Event) -> Decision:
            sys.exit("configuration missing")

    gate = Gate()
    gate.register(Exiting())
    assert is_error(asyncio.run(gate.write(EVENT, NOBODY)))
    assert is_error(gate.blocking.write(EVENT, NOBODY))
    assert is_error(gate.blocking.write(EVENT, NOBODY))
    gate.blocking.close()
