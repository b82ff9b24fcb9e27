"""Ordinary functions that take longer than the budget. For awaited ones: test_gate_faults."""

import asyncio
from collections.abc import Callable, Generator
from typing import Any

import pytest
from examples import NO, NOBODY, YES, AnEvent, Answering, Clock, awaitable, shown

from orly_policy_hookspecs import Decision, Gate, GateSettings, Verdict, hookimpl

EVENT = AnEvent()
BUDGET_SECONDS = 4
TOO_LONG = Decision.reject("error: the policy took too long to answer")


def slow(clock: Clock, answer: Any) -> Answering:
    """A plugin that takes longer than the budget."""
    return Answering(clock.passing(BUDGET_SECONDS + 1, answer))


def gate_with(**plugins: object) -> Gate:
    gate = Gate(GateSettings(budget_seconds=BUDGET_SECONDS))
    for name, plugin in plugins.items():
        gate.register(plugin, name)
    return gate


ASKS: dict[str, Callable[[Gate], Decision]] = {
    "write": lambda gate: asyncio.run(gate.write(EVENT, NOBODY)),
    "read": lambda gate: asyncio.run(gate.read(EVENT, NOBODY)),
    "reads": lambda gate: asyncio.run(gate.reads([EVENT], NOBODY))[0],
    "blocking write": lambda gate: gate.blocking.write(EVENT, NOBODY),
    "blocking read": lambda gate: gate.blocking.read(EVENT, NOBODY),
}


@pytest.mark.parametrize("ask", ASKS)
@pytest.mark.parametrize("answer", [YES, None, Decision.vouch(), awaitable(YES)], ids=shown)
@pytest.mark.parametrize("beside", [None, Answering(YES)], ids=["alone", "beside"])
def test_an_ordinary_function_that_takes_too_long_is_a_rejection(
    ask: str, answer: Any, beside: object, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever it answers in the end, and its plugin is named, the others are not."""
    gate = gate_with(slow=slow(clock, answer))
    if beside:
        gate.register(beside, "a-quick-one")
    assert ASKS[ask](gate) == TOO_LONG.attributed("slow")
    hook = "on_write" if ask.endswith("write") else "on_read"
    assert (
        f"plugin slow: {hook} took longer than the budget of 4 seconds (answers: 1)" in caplog.text
    )
    assert "a-quick-one" not in caplog.text


def test_one_that_is_in_time_is_not_blamed(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """The budget is each call's own: two that take more than half of it pass."""
    gate = gate_with()
    for _ in range(2):
        gate.register(Answering(clock.passing(3, YES)))
    assert ASKS["write"](gate).accepted
    assert caplog.text == ""


@pytest.mark.parametrize(("seconds", "asked"), [(100, 3), (101, 3), (2, 150)])
def test_a_batch_that_is_out_of_time_asks_no_more(
    seconds: int, asked: int, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Its calls are each in time, but not together: the rest is rejected without being asked."""
    slow, quick = Answering(clock.passing(seconds, YES)), Answering(YES)
    gate = Gate(GateSettings(budget_seconds=300))
    gate.register(quick, "quick")
    gate.register(slow, "slow")
    answers = asyncio.run(gate.reads([EVENT] * 400, NOBODY))
    assert len(slow.asked) == len(quick.asked) == asked
    assert [answer.accepted for answer in answers] == [True] * asked + [False] * (400 - asked)
    assert set(answers[asked:]) == {TOO_LONG.attributed("slow")}
    assert f"with {400 - asked} events left; plugin slow is the likely cause" in caplog.text


@pytest.mark.parametrize("wrapped", [False, True])
def test_all_of_the_budget_may_be_used(wrapped: bool, clock: Clock) -> None:
    """And no more; a wrapper's time is its own."""

    class Wrapping:
        @hookimpl(wrapper=True)
        def on_write(self) -> Generator[None, Any, Any]:
            taking()
            return (yield)

    gate = gate_with(slow=Wrapping() if wrapped else Answering(lambda: taking()))
    taking = clock.passing(BUDGET_SECONDS)
    assert ASKS["write"](gate).accepted
    taking = clock.passing(BUDGET_SECONDS + 0.5)
    assert ASKS["write"](gate) == TOO_LONG.attributed("slow")


@pytest.mark.parametrize(("seconds", "in_time"), [(BUDGET_SECONDS, True), (5, False)])
def test_awaited_ones_may_use_all_of_the_budget(seconds: int, in_time: bool, clock: Clock) -> None:
    """And those behind one that holds up the event loop begin until then."""
    begun = []

    async def holding_up() -> Decision:
        clock.now += seconds
        return YES

    async def behind() -> None:
        begun.append(1)

    gate = gate_with(behind=Answering(behind), slow=Answering(holding_up))
    assert ASKS["write"](gate).accepted is in_time
    assert bool(begun) is in_time


def test_nobody_waits_for_the_others_of_one_that_is_late(clock: Clock) -> None:
    """The answer is a rejection, whatever they would say."""

    async def hanging() -> None:
        await asyncio.Event().wait()

    async def holding_up() -> Decision:
        clock.now += 21
        return YES

    gate = Gate(GateSettings(budget_seconds=20))
    for answer in (holding_up, hanging):
        gate.register(Answering(answer), answer.__name__)
    decision = asyncio.run(asyncio.wait_for(gate.write(EVENT, NOBODY), 10))
    assert decision.message == TOO_LONG.message


def test_the_others_learn_of_a_follow_list_to_their_end(clock: Clock) -> None:
    """Where one is late there is no rejection that would make theirs needless."""
    learned = []

    async def holding_up() -> None:
        clock.now += BUDGET_SECONDS + 1

    async def learning_last() -> None:
        for _ in range(5):
            await asyncio.sleep(0)
        learned.append(1)

    gate = gate_with(slow=Answering(holding_up), last=Answering(learning_last))
    asyncio.run(gate.kind3(EVENT, NOBODY))
    assert learned == [1]


def test_of_several_readers_the_one_that_was_slow_last_is_named(clock: Clock) -> None:
    """Since the batch began; nobody where none was, and the only one in any case."""
    gate = Gate(GateSettings(budget_seconds=1000))
    registry = gate._registry
    assert registry.slow_reader(0) == ""
    last, first, quick = (Answering(clock.passing(seconds)) for seconds in (2, 2, 0.5))
    gate.register(last, "last")
    assert registry.slow_reader(0) == "last"
    gate.register(first, "the first")
    gate.register(quick, "quick")
    assert registry.slow_reader(0) == ""
    assert gate.blocking.read(EVENT, NOBODY).accepted  # asks the last that was registered first
    assert clock.now == 104.5
    assert [registry.slow_reader(since) for since in (0, 103, 104.5, 105)] == ["last"] * 3 + [""]
    registry.unregister(last)
    assert registry.slow_reader(0) == ""


@pytest.mark.parametrize(("seconds", "named"), [(1, ""), (1.5, "wrapper")])
def test_a_slow_wrapper_is_named_as_well(seconds: float, named: str, clock: Clock) -> None:
    """From a thousandth of the budget on, which many calls would use up."""

    class Wrapping:
        @hookimpl(wrapper=True)
        def on_read(self) -> Generator[None, Any, Any]:
            clock.now += seconds
            return (yield)

    gate = Gate(GateSettings(budget_seconds=1000))
    gate.register(Answering(clock.passing(1)), "quick")
    gate.register(Wrapping(), "wrapper")
    assert gate.blocking.read(EVENT, NOBODY).accepted
    assert gate._registry.slow_reader(100) == named


def test_a_batch_of_one_slow_plugin_names_it(clock: Clock) -> None:
    """Also where each of its calls is far too quick to be noticed."""
    gate = gate_with(only=Answering(clock.passing(1 / 256, YES)))
    answers = asyncio.run(gate.reads([EVENT] * 2000, NOBODY))
    assert [answer.accepted for answer in answers] == [True] * 1024 + [False] * 976
    assert answers[-1] == TOO_LONG.attributed("only")


def test_a_batch_that_is_in_time_is_answered_whole() -> None:
    """However many events it has."""
    gate = Gate()
    gate.register(Answering(YES))
    assert all(answer.accepted for answer in asyncio.run(gate.reads([EVENT] * 1000, NOBODY)))


@pytest.mark.parametrize("later", [False, True], ids=["at once", "later"])
def test_a_late_follow_list_is_learned_all_the_same(
    later: bool, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """There is nothing to answer, so there is a line of the log and no more."""
    learned = []

    async def learn() -> None:
        learned.append(1)

    plugin = slow(clock, learn if later else lambda: learned.append(1))
    asyncio.run(gate_with(slow=plugin).kind3(EVENT, NOBODY))
    assert learned == [1]
    assert "plugin slow: on_kind3 took longer" in caplog.text


@pytest.mark.parametrize("answer", [Decision.accept("policy updated"), NO])
@pytest.mark.parametrize("later", [False, True], ids=["at once", "later"])
def test_an_ordinary_function_that_has_changed_the_policy_says_so(
    answer: Decision, later: bool, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """It could not be cancelled: "too long" would be wrong of a change that is applied."""
    gate = gate_with(slow=slow(clock, awaitable(answer) if later else answer))
    assert asyncio.run(gate.policy_event(EVENT, NOBODY)) == answer.attributed("slow")
    assert "plugin slow: on_policy_event took longer" in caplog.text


def test_late_and_wrong_is_a_rejection(clock: Clock) -> None:
    """Nonsense that comes too late, or an exception, opens nothing either."""
    for answer in ("yes", lambda: 1 / 0):
        decision = ASKS["write"](gate_with(slow=slow(clock, answer)))
        assert decision.verdict is Verdict.REJECT
        assert decision.source == "slow"
