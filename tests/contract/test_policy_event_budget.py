"""What is said of a policy event that takes long is true of the policy."""

import asyncio
import re
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs
import pytest
from examples import NO, NOBODY, AnEvent, Answering, awaitable

from orly_policy_hookspecs import Decision, Event, Gate, GateSettings, hookimpl

EVENT = AnEvent(kind=12345)
BUDGET_SECONDS = 0.1
TOO_LONG = "error: the policy took too long to answer"
UNKNOWN = "error: it is not known whether the policy has changed"
DONE = Decision.accept("policy updated")


@attrs.define(eq=False)
class Applying:
    """A plugin that changes its policy when its gate opens, as the contract asks of it."""

    past_no_return: bool = False
    """Cancelled only then, so that it finishes."""
    applied: bool = False
    begun: asyncio.Event = attrs.Factory(asyncio.Event)
    opened: asyncio.Event = attrs.Factory(asyncio.Event)
    cancelled: int = 0

    @hookimpl
    async def on_policy_event(self, event: Event) -> Decision:
        self.begun.set()
        while not self.opened.is_set():
            try:
                await self.opened.wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                if not self.past_no_return:
                    raise
        self.applied = True
        return DONE


def gate_with(*plugins: object, seconds: float = BUDGET_SECONDS) -> Gate:
    gate = Gate(GateSettings(budget_seconds=seconds))
    for i, plugin in enumerate(plugins):
        gate.register(plugin, f"p{i}")
    return gate


async def until(condition: Callable[[], object], seconds: float = 10) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 -- a plugin's state has no event
            await asyncio.sleep(0.001)


async def nothing_is_left() -> None:
    """No task of a plugin's is still there."""
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


def test_a_change_that_is_given_up_took_too_long(caplog: pytest.LogCaptureFixture) -> None:
    """The plugin let the cancellation through, so that nothing has changed or will."""

    async def question() -> Decision:
        applying = Applying()
        decision = await gate_with(applying).policy_event(EVENT, NOBODY)
        applying.opened.set()
        await nothing_is_left()
        assert not applying.applied
        return decision

    assert asyncio.run(question()) == Decision.reject(TOO_LONG).attributed("p0")
    assert "plugin p0: on_policy_event took longer than the budget of 0.1 seconds" in caplog.text


def test_a_change_that_is_applied_after_the_budget_says_so() -> None:
    """Past the point of no return the plugin finishes, and its answer is the answer."""

    async def question() -> Decision:
        applying = Applying(past_no_return=True)
        asked = asyncio.ensure_future(gate_with(applying, seconds=0.5).policy_event(EVENT, NOBODY))
        await until(lambda: applying.cancelled)
        assert not asked.done()
        applying.opened.set()
        decision = await asked
        assert applying.applied
        await nothing_is_left()
        return decision

    assert asyncio.run(question()) == DONE.attributed("p0")


def test_a_change_of_which_nothing_is_known_says_so(caplog: pytest.LogCaptureFixture) -> None:
    """After a second budget; what has become of it is in the log when it is known."""

    async def question() -> Decision:
        applying = Applying(past_no_return=True)
        began = asyncio.get_running_loop().time()
        decision = await gate_with(applying).policy_event(EVENT, NOBODY)
        took = asyncio.get_running_loop().time() - began
        assert 2 * BUDGET_SECONDS * 0.9 < took < 2 * BUDGET_SECONDS + 2
        applying.opened.set()
        await until(lambda: "ended after all" in caplog.text)
        assert applying.applied
        return decision

    assert asyncio.run(question()) == Decision.reject(UNKNOWN).attributed("p0")
    assert "plugin p0: on_policy_event goes on 0.1 seconds after it was cancelled" in caplog.text
    assert "policy updated" in caplog.text


def test_synchronous_code_is_told_the_same() -> None:
    """The answer of a plugin that finishes after the budget."""

    async def late() -> Decision:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return DONE
        return NO

    gate = gate_with(Answering(late))
    assert gate.blocking.policy_event(EVENT, NOBODY) == DONE.attributed("p0")
    gate.blocking.close()


@pytest.mark.parametrize("past_no_return", [False, True])
def test_a_client_that_goes_away_leaves_nothing_behind(past_no_return: bool) -> None:
    """The change is given up, or finished, before the caller's cancellation goes on."""

    async def question() -> None:
        applying = Applying(past_no_return=past_no_return)
        gate = gate_with(applying, seconds=20)
        asked = asyncio.ensure_future(gate.policy_event(EVENT, NOBODY))
        await applying.begun.wait()
        asked.cancel()
        await until(lambda: applying.cancelled)
        assert applying.cancelled == 1
        applying.opened.set()
        with pytest.raises(asyncio.CancelledError):
            await asked
        assert applying.applied is past_no_return
        await nothing_is_left()

    asyncio.run(question())


@pytest.mark.parametrize("no", [NO, awaitable(NO)], ids=["at once", "awaited"])
def test_a_firm_no_cancels_nobody_who_is_applying(no: Any) -> None:
    """One that says no does not make another's change half done: all are waited for."""

    async def question() -> Decision:
        applying = Applying()
        gate = gate_with(Answering(no), applying, seconds=20)
        asked = asyncio.ensure_future(gate.policy_event(EVENT, NOBODY))
        await applying.begun.wait()
        for _ in range(5):
            await asyncio.sleep(0)
        assert not asked.done()
        applying.opened.set()
        decision = await asked
        assert applying.applied
        assert applying.cancelled == 0
        return decision

    assert asyncio.run(question()) == NO.attributed("p0")


def test_one_that_gives_up_does_not_deny_anothers_change() -> None:
    """Where one plugin has changed its policy and another took too long, "too long" is not what
    has happened.
    """
    decision = asyncio.run(
        gate_with(Answering(awaitable(DONE)), Applying()).policy_event(EVENT, NOBODY)
    )
    assert decision == Decision.reject(UNKNOWN).attributed("p1")


@pytest.mark.parametrize("past_no_return", [False, True])
def test_a_change_in_a_thread_can_keep_the_promise(past_no_return: bool) -> None:
    """The example in docs/plugins.md: told to give up, the thread is waited for."""
    applied = []

    def change(event: Event, give_up: threading.Event) -> Decision | None:
        assert give_up.wait(10)
        if not past_no_return:
            return None
        applied.append(event)
        return DONE

    page = Path(__file__).parents[2] / "docs" / "plugins.md"
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    plugin = ModuleType("example")
    plugin.__dict__["change"] = change
    exec(next(block for block in blocks if "def on_policy_event" in block), plugin.__dict__)
    decision = asyncio.run(gate_with(plugin, seconds=0.5).policy_event(EVENT, NOBODY))
    assert len(applied) == past_no_return
    assert decision == (DONE if past_no_return else Decision.reject(TOO_LONG)).attributed("p0")


def test_a_fault_after_the_cancellation_is_a_fault() -> None:
    """It is told as one, in the plugin's name."""

    async def failing() -> Decision:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as error:
            raise RuntimeError("the disk is full") from error
        return DONE

    decision = asyncio.run(gate_with(Answering(failing)).policy_event(EVENT, NOBODY))
    assert decision == Decision.reject("error: a policy plugin failed").attributed("p0")


def test_the_gate_waits_no_longer_than_it_must() -> None:
    """Two budgets are the most; an answer that is there is given."""

    async def question(answer: Callable[[], Awaitable[Decision]]) -> Decision:
        async with asyncio.timeout(5):
            return await gate_with(Answering(answer), seconds=20).policy_event(EVENT, NOBODY)

    assert asyncio.run(question(awaitable(DONE))) == DONE.attributed("p0")
