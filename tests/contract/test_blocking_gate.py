"""The gate for plain synchronous code."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from examples import NO, NOBODY, YES, AnEvent, Answering, awaitable

from orly_policy_hookspecs import (
    Decision,
    Event,
    Gate,
    GateError,
    GateSettings,
    RunningLoopError,
    hookimpl,
)


class Mirror:
    """Says the event's kind, later."""

    @hookimpl
    async def on_write(self, event: Event) -> Decision:
        await asyncio.sleep(0.001)
        return Decision.reject(f"blocked: {event.kind}")

    @hookimpl
    async def on_read(self, event: Event) -> Decision:
        return await self.on_write(event)


@pytest.mark.parametrize("ask", ["write", "read"])
def test_many_threads_get_each_its_own_answer(ask: str) -> None:
    """From several threads at once, with a plugin that must be waited for."""
    gate = Gate()
    gate.register(Mirror())

    def question(kind: int) -> str:
        decision: Decision = getattr(gate.blocking, ask)(AnEvent(kind=kind), NOBODY)
        return decision.message

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(question, range(200)))
    gate.blocking.close()
    assert answers == [f"blocked: {kind}" for kind in range(200)]


def test_many_reads_come_in_order() -> None:
    """One decision an event."""
    gate = Gate()
    gate.register(Mirror())
    events = [AnEvent(kind=kind) for kind in range(200)]
    answers = gate.blocking.reads(iter(events), NOBODY)
    gate.blocking.close()
    assert [answer.message for answer in answers] == [f"blocked: {k}" for k in range(200)]


def test_no_thread_is_started_for_plain_answers() -> None:
    """The background loop is there only when something must be awaited."""
    gate = Gate()
    gate.register(Answering(NO))
    before = set(threading.enumerate())
    assert not gate.blocking.write(AnEvent(), NOBODY).accepted
    assert set(threading.enumerate()) <= before
    gate.blocking.close()


@pytest.mark.parametrize("answer", [NO, awaitable(NO)], ids=["at once", "later"])
@pytest.mark.parametrize("ask", ["write", "read", "reads", "kind3", "policy_event"])
def test_on_a_running_loops_thread_it_is_an_error(ask: str, answer: Any) -> None:
    """It says so and what to do instead, also where the answer is there at once: the loop would
    stop whenever a plugin must be waited for.
    """
    plugin = Answering(answer)
    gate = Gate()
    gate.register(plugin)

    async def inside() -> None:
        getattr(gate.blocking, ask)([AnEvent()] if ask == "reads" else AnEvent(), NOBODY)

    with pytest.raises(RunningLoopError, match=r"running event loop.*await gate\.write") as caught:
        asyncio.run(inside())
    assert isinstance(caught.value, GateError)
    assert plugin.asked == []


def test_in_another_thread_than_the_loops_it_answers() -> None:
    """As its error says: asyncio.to_thread."""
    gate = Gate()
    gate.register(Answering(awaitable(NO)))

    async def inside() -> Decision:
        return await asyncio.to_thread(gate.blocking.write, AnEvent(), NOBODY)

    assert not asyncio.run(inside()).accepted
    gate.blocking.close()


def test_a_missed_budget_is_a_rejection() -> None:
    """Nobody waits for ever."""

    class Endless:
        @hookimpl
        async def on_write(self, event: Event) -> Decision:
            await asyncio.Event().wait()
            return YES

    gate = Gate(GateSettings(budget_seconds=0.05))
    gate.register(Endless())
    assert gate.blocking.write(AnEvent(), NOBODY).message.startswith("error:")
    gate.blocking.close()


def test_what_is_asked_when_it_is_closed_is_still_answered() -> None:
    """No thread is left waiting for a loop that has stopped."""
    asked = threading.Event()

    class Slow:
        @hookimpl
        async def on_write(self, event: Event) -> Decision:
            asked.set()
            await asyncio.sleep(0.1)
            return NO

    gate = Gate()
    gate.register(Slow())
    with ThreadPoolExecutor(1) as threads:
        question = threads.submit(gate.blocking.write, AnEvent(), NOBODY)
        assert asked.wait(5)
        gate.blocking.close()
        assert question.result(timeout=5).message == NO.message


def test_after_closing_it_starts_anew() -> None:
    """Closing is for tidiness; a question after it is answered."""
    gate = Gate()
    gate.register(Answering(awaitable(NO)))
    for _ in range(3):
        assert not gate.blocking.write(AnEvent(), NOBODY).accepted
        gate.blocking.close()
        gate.blocking.close()


def test_closing_beside_questions_loses_none() -> None:
    """Whatever the moment of closing, each question ends with an answer."""
    gate = Gate()
    gate.register(Answering(awaitable(NO)))
    with ThreadPoolExecutor(4) as threads:
        questions = [threads.submit(gate.blocking.write, AnEvent(), NOBODY) for _ in range(300)]
        while not all(question.done() for question in questions[:250]):
            gate.blocking.close()
        answers = [question.result(timeout=10) for question in questions]
    gate.blocking.close()
    assert not any(answer.accepted for answer in answers)
