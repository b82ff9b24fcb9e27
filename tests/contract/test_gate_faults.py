"""Whatever goes wrong while asking is a rejection with ``error:``."""

import asyncio
import sys
import time
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
    shown,
)

from orly_policy_hookspecs import (
    Decision,
    Event,
    Gate,
    GateSettings,
    Verdict,
    frozen,
    hookimpl,
)
from orly_policy_hookspecs.answers import OUR_FAULT, come_and_awaited

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


class OfItsOwn(BaseException):
    """What a library may raise so that nobody catches it by accident."""


class Unspeakable(BaseException):
    """One that cannot be shown."""

    def __str__(self) -> str:
        raise OfItsOwn


class Bottomless(BaseException):
    """One that cannot be shown, nor what is raised then, nor what is raised then."""

    def __init__(self, depth: int = 3) -> None:
        super().__init__()
        self.depth = depth

    @property
    def __notes__(self) -> list[str]:
        raise Bottomless(self.depth - 1) if self.depth else OfItsOwn

    __str__ = __repr__ = __notes__.fget  # type: ignore[assignment]


class ItsOwnFault(BaseException):
    """One that raises itself when it is looked at."""

    @property
    def __notes__(self) -> list[str]:
        raise self


ERRORS = [
    ValueError("x"),
    asyncio.CancelledError(),
    SystemExit(0),
    StopIteration(),
    RecursionError(),
    GeneratorExit(),
    OfItsOwn(),
    Unspeakable(),
    Bottomless(),
    ItsOwnFault(),
    BaseExceptionGroup("x", [OfItsOwn()]),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("when", [raising, raising_later])
@pytest.mark.parametrize("beside", [None, YES, awaitable(YES)], ids=["alone", "yes", "later"])
def test_an_exception_is_a_rejection(
    error: BaseException, when: Any, beside: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Raised at once or later, alone or beside an accept: the event does not pass, and the plugin
    is named in the source and in the log.
    """
    gate = Gate(GateSettings(budget_seconds=1))
    gate.register(Answering(when(error)), "broken")
    if beside:
        gate.register(Answering(beside), "other")
    every = list(decisions(gate))
    assert all(map(is_error, every))
    assert {decision.source for decision in every} == {"broken"}
    assert caplog.text.count("plugin broken: on_") == len(every)


@pytest.mark.parametrize("when", [raising, raising_later])
@pytest.mark.parametrize("error", [ValueError, OfItsOwn, GeneratorExit, asyncio.CancelledError])
def test_what_was_raised_is_in_the_log(
    error: type[BaseException], when: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """For the plugin's author."""
    gate = Gate()
    gate.register(Answering(when(error("no disk"))))
    assert is_error(asyncio.run(gate.write(EVENT, NOBODY)))
    assert f"{error.__name__}: no disk" in caplog.text


def test_an_answer_that_cannot_be_shown_is_a_rejection() -> None:
    """Its text fails with an exception that nothing should catch."""

    class Nonsense:
        def __init__(self, error: BaseException) -> None:
            self.error = error

        def __repr__(self) -> str:
            raise self.error

    every = [Nonsense(OfItsOwn()), Nonsense(Bottomless()), Nonsense(ItsOwnFault())]
    for nonsense in (*every, *map(awaitable, every)):
        gate = Gate()
        gate.register(Answering(nonsense), "odd")
        assert all(map(is_error, decisions(gate)))


@pytest.mark.parametrize("when", [raising, raising_later])
def test_an_interrupt_is_nobodys_answer(when: Any) -> None:
    """Ctrl-C ends the relay, whose turn ever it is."""
    gate = Gate()
    gate.register(Answering(when(KeyboardInterrupt())))
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(gate.write(EVENT, NOBODY))


def test_a_plugin_that_cancels_itself_is_at_fault(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody asked for it: no budget was missed, and no client has gone."""

    class Cancelling:
        @hookimpl
        async def on_write(self, event: Event) -> Decision:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            await asyncio.sleep(0)
            return YES

    gate = Gate()
    gate.register(Cancelling(), "cancelling")
    decision = asyncio.run(gate.write(EVENT, NOBODY))
    assert decision == Decision.reject("error: a policy plugin failed").attributed("cancelling")
    assert "plugin cancelling: on_write failed" in caplog.text
    assert "CancelledError: cancelled by nobody who asked" in caplog.text


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


@pytest.mark.parametrize("answer", NONSENSE, ids=shown)
def test_an_answer_of_another_type_is_a_rejection(answer: Any) -> None:
    """True is no decision, and neither is a generator that a stray yield made."""
    for nonsense in (lambda: answer() if callable(answer) else answer, awaitable(answer)):
        gate = Gate()
        gate.register(Answering(nonsense), "odd")
        gate.register(Answering(YES), "other")
        assert all(map(is_error, decisions(gate)))


def test_what_is_neither_a_decision_nor_to_be_waited_for_is_a_fault() -> None:
    """Also where no guard has made it one."""
    given: list[object] = [YES, "yes", None, True]
    assert come_and_awaited(given) == ([YES, *[OUR_FAULT] * 3], [])


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
def test_a_missed_budget_is_a_rejection(
    stubborn: bool, ask: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Its plugin is named in the source and in the log. And nobody waits longer for a plugin, not
    even one that suppresses its cancellation.
    """

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
    assert decision.source == "slow"
    hook = "on_write" if ask == "write" else "on_read"
    assert f"plugin slow: {hook} took longer than the budget of 0.05 seconds" in caplog.text
    assert 0.04 < took < 1


class Blocking:
    """Says yes, after it has held up the event loop for longer than the budget."""

    def __init__(self, *, begins_at_once: bool) -> None:
        self.begins_at_once = begins_at_once
        self.begun = 0

    @hookimpl
    async def on_write(self, event: Event) -> Decision:
        self.begun += 1
        if not self.begins_at_once:
            await asyncio.sleep(0)
        time.sleep(0.6)  # noqa: ASYNC251 -- this is what such a plugin does
        return YES

    @hookimpl
    async def on_read(self, event: Event) -> Decision:
        return await self.on_write(event)


@pytest.mark.parametrize("begins_at_once", [True, False])
@pytest.mark.parametrize("ask", ["write", "read", "reads"])
def test_what_holds_up_the_event_loop_is_late_as_well(
    begins_at_once: bool, ask: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing could have stopped waiting for it, and its yes does not count for that. Of many
    reads the others are not begun.
    """
    gate = Gate(GateSettings(budget_seconds=0.4))
    plugin = Blocking(begins_at_once=begins_at_once)
    gate.register(plugin, "blocking")
    gate.register(Answering(awaitable(YES)), "other")
    if ask == "reads":
        every = asyncio.run(gate.reads([EVENT] * 3, NOBODY))
        assert len(every) == 3
    else:
        every = [asyncio.run(getattr(gate, ask)(EVENT, NOBODY))]
    assert all(map(is_error, every))
    assert all("too long" in each.message for each in every)
    assert "plugin blocking: on_" in caplog.text
    if begins_at_once:
        assert plugin.begun == 1


def test_a_follow_list_that_comes_late_keeps_nobody_from_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Each plugin is told of it, also where one has held up the event loop."""
    told: list[str] = []

    class Told:
        def __init__(self, name: str) -> None:
            self.name = name

        @hookimpl
        async def on_kind3(self, event: Event) -> None:
            if self.name == "blocking":
                time.sleep(0.2)  # noqa: ASYNC251 -- this is what such a plugin does
            told.append(self.name)

    gate = Gate(GateSettings(budget_seconds=0.1))
    for name in ("first", "blocking", "last"):
        gate.register(Told(name), name)
    asyncio.run(gate.kind3(EVENT, NOBODY))
    assert sorted(told) == ["blocking", "first", "last"]
    assert "plugin blocking: on_kind3 took longer than the budget" in caplog.text


def test_no_plugin_is_blamed_for_time_that_went_by_elsewhere(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Here whoever hands out the events has used it up."""

    def slowly() -> Iterator[Event]:
        for _ in range(200):
            time.sleep(0.004)
            yield EVENT

    gate = Gate(GateSettings(budget_seconds=0.3))
    gate.register(Answering(YES), "innocent")
    *_, last = asyncio.run(gate.reads(slowly(), NOBODY))
    assert is_error(last)
    assert last.source == ""
    assert "plugin (none) is the likely cause" in caplog.text


def test_the_loop_goes_on_while_the_rest_of_a_batch_is_counted() -> None:
    """However many there are."""

    async def question() -> int:
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        gate = Gate(GateSettings(budget_seconds=0.01))
        gate.register(Answering(YES))
        running = asyncio.create_task(other())
        try:
            assert len(await gate.reads(iter([EVENT] * 100_000), NOBODY)) == 100_000
        finally:
            running.cancel()
        return turns

    assert asyncio.run(question()) >= 100_000 // 128


def test_many_reads_share_one_budget(caplog: pytest.LogCaptureFixture) -> None:
    """A REQ's events are waited for together, not one after the other; the plugin that has used
    up the budget is the source of every rejection, and in the log a few times, not for each event:
    once for the batch, once for the events left, and for a call that the machine held up.
    """

    async def question() -> tuple[list[Decision], float]:
        gate = Gate(GateSettings(budget_seconds=0.3))
        gate.register(Slow(), "slow")
        gate.register(Answering(YES), "other")
        loop = asyncio.get_running_loop()
        started = loop.time()
        return await gate.reads([EVENT] * 200, NOBODY), loop.time() - started

    answers, took = asyncio.run(question())
    assert len(answers) == 200
    assert all(map(is_error, answers))
    assert {answer.source for answer in answers} == {"slow"}
    assert 2 <= caplog.text.count("plugin slow") < 10
    assert took < 20


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
        assert asyncio.all_tasks() == {asyncio.current_task()}

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
