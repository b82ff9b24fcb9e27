"""The gate for plain synchronous code."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
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
from orly_policy_hookspecs.blocking import _OF_PARENTS


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
    """The background loop is there only when something must be awaited; no program waits for its
    end.
    """
    gate = Gate()
    plugin = Answering(NO)
    gate.register(plugin)
    before = set(threading.enumerate())
    assert not gate.blocking.write(AnEvent(), NOBODY).accepted
    assert set(threading.enumerate()) <= before
    plugin.answer = awaitable(NO)
    assert not gate.blocking.write(AnEvent(), NOBODY).accepted
    (thread,) = set(threading.enumerate()) - before
    assert (thread.name, thread.daemon) == ("orly-policy-gate", True)
    gate.blocking.close()


@pytest.mark.parametrize("answer", [NO, awaitable(NO)], ids=["at once", "later"])
@pytest.mark.parametrize("ask", ["write", "read", "reads", "kind3", "list_event", "policy_event"])
def test_on_a_running_loops_thread_it_is_an_error(ask: str, answer: Any) -> None:
    """It says so and what to do instead, also where the answer is there at once: the loop would
    stop whenever a plugin must be waited for.
    """
    plugin = Answering(answer)
    gate = Gate()
    gate.register(plugin)

    async def inside() -> None:
        getattr(gate.blocking, ask)([AnEvent()] if ask == "reads" else AnEvent(), NOBODY)

    with pytest.raises(RunningLoopError) as caught:
        asyncio.run(inside())
    assert str(caught.value) == (
        "gate.blocking was used on the thread of a running event loop, which would stop until "
        "the answer is there: await the gate's own method there (await gate.write(event, "
        "context)), or call this one in another thread (await asyncio.to_thread("
        "gate.blocking.write, event, context))"
    )
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


@pytest.mark.parametrize("stubborn", [False, True])
def test_closing_ends_the_thread(stubborn: bool) -> None:
    """Also where a plugin goes on for ever."""

    async def late() -> Decision | None:
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if not stubborn:
                    raise

    before = set(threading.enumerate())
    gate = Gate(GateSettings(budget_seconds=0.05))
    gate.register(Answering(late))
    assert not gate.blocking.policy_event(AnEvent(), NOBODY).accepted
    (thread,) = set(threading.enumerate()) - before
    gate.blocking.close()
    thread.join(30)
    assert not thread.is_alive()


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


@pytest.mark.parametrize(
    "end", [lambda: sys.exit(3), lambda: asyncio.get_running_loop().stop()], ids=["exit", "stop"]
)
def test_a_plugin_cannot_end_the_loop(end: Callable[[], object]) -> None:
    """What was asked is answered, and whatever is asked afterwards."""

    class Ending:
        @hookimpl
        async def on_write(self, event: Event) -> Decision:
            asyncio.get_running_loop().call_soon(end)
            await asyncio.sleep(0.01)
            return NO

    gate = Gate()
    gate.register(Ending(), "ending")
    with ThreadPoolExecutor(4) as threads:
        asked = [
            threads.submit(gate.blocking.write, AnEvent(kind=kind), NOBODY) for kind in range(8)
        ]
        for each in asked:
            assert each.result(timeout=30) == NO.attributed("ending")
    gate.blocking.close()


def test_what_is_forgotten_after_a_fork_is_left_as_it_is() -> None:
    """A loop of the parent's, which is not to be closed in a child, and whoever holds its lock."""
    gate = Gate()
    gate.register(Mirror())
    blocking = gate.blocking
    assert blocking.write(AnEvent(kind=1), NOBODY).message == "blocked: 1"
    parents = blocking._background
    assert parents is not None
    with blocking._lock:
        blocking._forget_loop()
        assert blocking.write(AnEvent(kind=2), NOBODY).message == "blocked: 2"
    assert blocking._background is not parents
    blocking.close()
    assert parents.loop.is_running()
    assert _OF_PARENTS.pop() is parents
    parents.stop()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
def test_a_child_asks_on_a_loop_of_its_own() -> None:
    """As where a server loads the relay before it forks; the parent goes on with its own."""
    code = """
import os, sys, threading
from test_blocking_gate import AnEvent, Gate, Mirror, NOBODY
gate = Gate()
gate.register(Mirror())
def ask(kind):
    return gate.blocking.write(AnEvent(kind=kind), NOBODY).message
assert ask(1) == "blocked: 1"
gate.blocking._lock.acquire()  # as if another thread were just asking
child = os.fork()
if not child:
    said = []
    asking = threading.Thread(target=lambda: said.append(ask(2)), daemon=True)
    asking.start()
    asking.join(30)
    os._exit(0 if said == ["blocked: 2"] else 1)
gate.blocking._lock.release()
_, status = os.waitpid(child, 0)
assert os.waitstatus_to_exitcode(status) == 0, "the child hangs"
assert ask(3) == "blocked: 3"
gate.blocking.close()
"""
    here = Path(__file__).parent
    paths = os.pathsep.join([str(here), str(here.parent), *sys.path])
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
