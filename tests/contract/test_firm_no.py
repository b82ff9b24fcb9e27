"""A firm no is the answer as soon as it is there; what is still awaited is cancelled."""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import pytest
from examples import FALLBACK, NO, NOBODY, SHADOW, VOUCH, YES, AnEvent, Answering, awaitable

from orly_policy_hookspecs import Decision, Gate, GateSettings, hookimpl

EVENT = AnEvent()
SECONDS = 20
"""The budget, which no test here waits for."""


@attrs.define(eq=False)
class Hanging:
    """A plugin that begins and never answers, and tells what has become of it."""

    begun: int = 0
    ended: int = 0

    async def _hang(self) -> None:
        self.begun += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.ended += 1

    @hookimpl
    async def on_write(self) -> None:
        await self._hang()

    @hookimpl
    async def on_read(self) -> None:
        await self._hang()


async def no_later() -> Decision:
    for _ in range(3):
        await asyncio.sleep(0)
    return NO


def gate_with(*plugins: object, seconds: float = SECONDS) -> Gate:
    gate = Gate(GateSettings(budget_seconds=seconds, may_vouch_write=frozenset({"p1"})))
    for i, plugin in enumerate(plugins):
        gate.register(plugin, f"p{i}")
    return gate


ASKS: dict[str, Callable[[Gate], Awaitable[Any]]] = {
    "write": lambda gate: gate.write(EVENT, NOBODY),
    "read": lambda gate: gate.read(EVENT, NOBODY),
    "reads": lambda gate: gate.reads([EVENT], NOBODY),
}


@pytest.mark.parametrize("ask", ASKS)
@pytest.mark.parametrize("no", [NO, awaitable(NO), no_later], ids=["at once", "awaited", "later"])
@pytest.mark.parametrize("first", [True, False], ids=["first", "last"])
def test_a_firm_no_waits_for_nobody(ask: str, no: Any, first: bool) -> None:
    """Nothing is left of the plugin that would have hung: its coroutine is closed or cancelled."""
    hanging = Hanging()
    plugins = [Answering(no), hanging] if first else [hanging, Answering(no)]

    async def question() -> Decision:
        answer = await asyncio.wait_for(ASKS[ask](gate_with(*plugins)), SECONDS / 4)
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return answer[0] if ask == "reads" else answer

    decision = asyncio.run(question())
    assert decision == NO.attributed("p0" if first else "p1")
    assert hanging.begun == hanging.ended == (0 if no is NO else 1)
    gc.collect(1)  # a coroutine that was never awaited would warn


@pytest.mark.parametrize("ask", ["write", "read"])
def test_a_firm_no_waits_for_nobody_in_synchronous_code_either(ask: str) -> None:
    """And starts no thread for those that it does not wait for."""
    hanging = Hanging()
    gate = gate_with(Answering(NO), hanging)
    assert getattr(gate.blocking, ask)(EVENT, NOBODY) == NO.attributed("p0")
    assert hanging.begun == 0
    assert gate.blocking._background is None
    gc.collect(1)


def test_in_a_batch_each_event_has_its_own() -> None:
    """A firm no about one event cancels nothing that is asked about another."""
    cancelled, answered = [], []

    class OddOnesHang:
        @hookimpl
        async def on_read(self, event: Any) -> Decision | None:
            try:
                if event.kind % 2:
                    await asyncio.Event().wait()
                for _ in range(5):
                    await asyncio.sleep(0)
                answered.append(event.kind)
            except asyncio.CancelledError:
                cancelled.append(event.kind)
                raise
            return YES

    class OddOnesAreDenied:
        @hookimpl
        async def on_read(self, event: Any) -> Decision | None:
            await asyncio.sleep(0)
            return NO if event.kind % 2 else None

    async def question() -> list[Decision]:
        gate = gate_with(OddOnesHang(), OddOnesAreDenied())
        events = [AnEvent(kind=kind) for kind in range(200)]
        return await asyncio.wait_for(gate.reads(events, NOBODY), SECONDS / 4)

    answers = asyncio.run(question())
    assert [answer.accepted for answer in answers] == [not kind % 2 for kind in range(200)]
    assert cancelled == list(range(1, 200, 2))
    assert answered == list(range(0, 200, 2))


@pytest.mark.parametrize("weaker", [SHADOW, FALLBACK, VOUCH, YES, None], ids=str)
@pytest.mark.parametrize("later", [False, True], ids=["at once", "awaited"])
def test_any_other_answer_waits_for_a_firm_no(weaker: Decision | None, later: bool) -> None:
    """A shadow reject, a fallback, a vouch and an accept may be overruled yet."""
    gate = gate_with(Answering(no_later), Answering(awaitable(weaker) if later else weaker))
    assert asyncio.run(gate.write(EVENT, NOBODY)) == NO.attributed("p0")


def test_one_that_does_not_end_when_it_is_told_to_holds_nobody_up() -> None:
    """It is cancelled, and not waited for."""
    release = asyncio.Event()
    ended = []

    async def stubborn() -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue
        ended.append(1)

    async def question() -> None:
        gate = gate_with(Answering(stubborn), Answering(no_later))
        decision = await asyncio.wait_for(gate.write(EVENT, NOBODY), SECONDS / 4)
        assert decision == NO.attributed("p1")
        assert not ended
        release.set()
        while not ended:  # noqa: ASYNC110 -- the plugin's task is nobody's to wait for
            await asyncio.sleep(0)

    asyncio.run(asyncio.wait_for(question(), SECONDS))


def test_a_firm_no_that_comes_with_others_is_still_the_most_helpful() -> None:
    """Of those that are there, the client is told the one that it can do something about."""
    auth = Decision.reject("auth-required: who are you?")
    gate = gate_with(Answering(NO), Answering(auth), Hanging())
    assert asyncio.run(gate.write(EVENT, NOBODY)).message == auth.message


def test_a_future_that_nobody_waits_for_is_cancelled() -> None:
    """A plugin may answer with a task of its own."""
    made: list[asyncio.Task[None]] = []

    def task() -> "asyncio.Task[None]":
        made.append(asyncio.ensure_future(Hanging()._hang()))
        return made[0]

    async def question() -> None:
        decision = await gate_with(Answering(task), Answering(NO)).write(EVENT, NOBODY)
        assert decision == NO.attributed("p1")
        await asyncio.wait(made, timeout=SECONDS)
        assert made[0].cancelled()

    asyncio.run(question())


def test_a_future_of_another_loop_is_left_alone() -> None:
    """It is not this thread's to cancel."""
    other = asyncio.new_event_loop()
    future = other.create_future()
    gate = gate_with(Answering(lambda: future), Answering(NO))
    assert asyncio.run(gate.write(EVENT, NOBODY)) == NO.attributed("p1")
    assert gate.blocking.write(EVENT, NOBODY) == NO.attributed("p1")
    assert not future.cancelled()
    other.close()


def test_one_that_cannot_be_closed_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """A plugin that hands out a coroutine that it has begun itself is told when that fails."""

    async def ignoring() -> Decision:
        try:
            await asyncio.sleep(0)
        except GeneratorExit:
            await asyncio.sleep(0)
        return YES

    def begun() -> Any:
        coroutine = ignoring()
        coroutine.send(None)
        return coroutine

    gate = gate_with(Answering(begun), Answering(NO))
    assert asyncio.run(gate.write(EVENT, NOBODY)) == NO.attributed("p1")
    assert "plugin p0: on_write failed" in caplog.text
    assert "RuntimeError: coroutine ignored GeneratorExit" in caplog.text


@pytest.mark.parametrize("error", [RuntimeError, GeneratorExit, asyncio.CancelledError])
def test_how_one_ends_that_was_given_up_is_not_warned_of(
    error: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    """By Python, which would of an exception that nobody looks at."""

    async def failing() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise error from None

    gate = gate_with(Answering(failing), Answering(no_later))
    assert asyncio.run(gate.write(EVENT, NOBODY)) == NO.attributed("p1")
    gc.collect(1)
    assert not [record for record in caplog.records if record.name == "asyncio"]
