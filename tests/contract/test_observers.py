"""``on_decided``: plugins that are told of every decision, and change none."""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import pytest
from examples import (
    ALICE,
    FALLBACK,
    NO,
    NOBODY,
    SHADOW,
    VOUCH,
    YES,
    AnEvent,
    Answering,
    Clock,
    awaitable,
    by,
    raising,
)

from orly_policy_hookspecs import (
    Asked,
    Context,
    Decision,
    Event,
    FrozenEvent,
    Gate,
    GateSettings,
    hookimpl,
)

READER = by(ALICE)
SEVERAL = 300
"""More than a batch asks about at a time."""


@attrs.define(eq=False)
class Observing:
    """Notes what it is told, and does what it is given."""

    told: list[tuple[Any, ...]] = attrs.Factory(list)
    does: Callable[[], Any] = lambda: None

    @hookimpl
    def on_decided(
        self, event: Event, context: Context, access: Asked, decision: Decision
    ) -> None:
        self.told.append((event, context, access, decision))
        return self.does()


def gate_with(*plugins: object) -> Gate:
    """A gate with plugins named p0, p1, …"""
    gate = Gate(GateSettings(may_vouch_write={"p0"}, may_vouch_read={"p0"}))
    for i, plugin in enumerate(plugins):
        gate.register(plugin, f"p{i}")
    return gate


async def reads(gate: Gate, event: Event, context: Context) -> Decision:
    (decision,) = await gate.reads(iter([event]), context)
    return decision


async def withdrawal(gate: Gate, event: Event, context: Context) -> Decision:
    decision = await gate.withdrawal(event, context)
    assert decision is not None
    return decision


Ask = Callable[[Gate, Event, Context], Awaitable[Decision]]

ASKS: dict[str, tuple[Ask, Asked]] = {
    "write": (lambda gate, *about: gate.write(*about), "write"),
    "read": (lambda gate, *about: gate.read(*about), "read"),
    "reads": (reads, "read"),
    "policy event": (lambda gate, *about: gate.policy_event(*about), "policy_event"),
    "withdrawal": (withdrawal, "policy_event"),
}


@pytest.mark.parametrize(
    "answer", [NO, SHADOW, VOUCH, FALLBACK, YES, awaitable(NO), raising(OSError())]
)
@pytest.mark.parametrize("what", ASKS)
def test_it_is_told_what_is_decided(what: str, answer: Any) -> None:
    """The answer that the host is given, of all plugins together, with its source."""
    ask, access = ASKS[what]
    observing = Observing()
    gate = gate_with(Answering(answer), Answering(YES), observing)
    decision = asyncio.run(ask(gate, AnEvent(tags=[["t", "a"]]), READER))
    ((event, context, told_access, told),) = observing.told
    assert (context, told_access, told) == (READER, access, decision)
    assert type(event) is FrozenEvent
    assert event.tags == (("t", "a"),)


@pytest.mark.parametrize("answer", [NO, YES, awaitable(NO)])
def test_a_synchronous_relays_decisions_too(answer: Any) -> None:
    """Each once."""
    observing = Observing()
    gate = gate_with(Answering(answer), observing)
    blocking = gate.blocking
    event = AnEvent()
    decided = [
        blocking.write(event, NOBODY),
        blocking.read(event, NOBODY),
        *blocking.reads([event, event], NOBODY),
        blocking.policy_event(event, NOBODY),
        blocking.withdrawal(event, NOBODY),
    ]
    blocking.close()
    assert [told[2:] for told in observing.told] == list(
        zip(
            ("write", "read", "read", "read", "policy_event", "policy_event"),
            decided,
            strict=True,
        )
    )


async def turns_while(asked: Awaitable[Any]) -> int:
    """How often the event loop goes on while something is awaited."""
    turns = 0

    async def counting() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counter = asyncio.ensure_future(counting())
    await asked
    counter.cancel()
    return turns


class RefusingOdd:
    """Refuses the events of odd seconds."""

    @hookimpl
    def on_read(self, event: Event) -> Decision | None:
        return NO if event.created_at % 2 else None


def test_of_many_reads_each_is_told_with_its_event() -> None:
    """In their order."""
    observing = Observing()
    events = [AnEvent(created_at=i) for i in range(SEVERAL)]
    decisions = asyncio.run(gate_with(RefusingOdd(), observing).reads(iter(events), NOBODY))
    assert decisions == asyncio.run(gate_with(RefusingOdd()).reads(events, NOBODY))
    assert [(event.created_at, decision) for event, _, _, decision in observing.told] == list(
        enumerate(decisions)
    )


def test_while_many_reads_are_told_of_the_event_loop_goes_on() -> None:
    """As it does while they are decided."""
    events = [AnEvent()] * SEVERAL
    plain = asyncio.run(turns_while(gate_with().reads(events, NOBODY)))
    observed = asyncio.run(turns_while(gate_with(Observing()).reads(events, NOBODY)))
    assert observed == plain + SEVERAL // 128


def test_events_that_nobody_was_asked_about_are_told_of(clock: Clock) -> None:
    """Where the budget of a batch is used up, the rest is rejected, and that is a decision."""
    observing = Observing()
    gate = gate_with(Answering(clock.passing(20, YES)), observing)
    decisions = asyncio.run(gate.reads([AnEvent()] * SEVERAL, NOBODY))
    assert [told[3] for told in observing.told] == decisions
    assert not decisions[-1].accepted


def test_what_is_no_decision_is_not_told() -> None:
    """A follow list that is stored; a deletion that withdraws nothing."""
    observing = Observing()
    gate = gate_with(Answering(None), observing)

    async def asked() -> None:
        await gate.kind3(AnEvent(kind=3), NOBODY)
        assert await gate.withdrawal(AnEvent(kind=5), NOBODY) is None

    asyncio.run(asked())
    assert observing.told == []


@pytest.mark.parametrize(
    "error", [RuntimeError("disk full"), SystemExit(1), asyncio.CancelledError()], ids=repr
)
def test_what_it_raises_is_in_the_log_alone(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    """In its name; the others are told."""
    before, after = Observing(), Observing()
    gate = gate_with(Answering(YES), before, Observing(does=raising(error)), after)
    assert asyncio.run(gate.write(AnEvent(), NOBODY)) == YES.attributed("p0")
    assert len(before.told) == len(after.told) == 1
    assert "plugin p2: on_decided failed" in caplog.text
    assert type(error).__name__ in caplog.text


def test_one_that_takes_too_long_is_in_the_log(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """The decision stands."""
    gate = gate_with(Answering(YES), Observing(does=clock.passing(20)))
    with caplog.at_level(logging.ERROR):
        assert asyncio.run(gate.write(AnEvent(), NOBODY)).accepted
    assert "plugin p1: on_decided took longer than the budget of 10 seconds" in caplog.text


@pytest.mark.parametrize(("events", "is_late"), [(2, False), (3, True)])
def test_many_reads_have_one_budget_to_be_told_of(
    events: int, is_late: bool, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """As they have to be asked about."""
    gate = gate_with(Answering(YES), Observing(does=clock.passing(5)))
    decisions = asyncio.run(gate.reads([AnEvent()] * events, NOBODY))
    assert [each.accepted for each in decisions] == [True] * events
    assert ("on_decided took longer" in caplog.text) is is_late


def test_of_many_reads_what_it_raises_and_what_cannot_be_read_is_in_the_log_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """And it is told of the others."""
    observing = Observing(does=raising(OSError()))
    events = [AnEvent(), AnEvent(tags=5), AnEvent()]
    decisions = asyncio.run(gate_with(observing).reads(events, NOBODY))
    assert decisions == asyncio.run(gate_with().reads(events, NOBODY))
    assert len(observing.told) == 2
    assert "on_decided failed" in caplog.text
    assert "nobody is told of a decision about an event that cannot be read" in caplog.text


@pytest.mark.parametrize("what", ASKS)
def test_one_that_is_quick_enough_is_not_in_the_log(
    what: str, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """However late it is in the clock's life: a budget's time is not too much, and that of the
    decision, or of another that is told, is not its own.
    """
    clock.now = 1_000.0
    ask, _ = ASKS[what]
    quick = [Observing(does=clock.passing(10)) for _ in range(2)]
    gate = gate_with(Answering(clock.passing(9, YES)), *quick)
    assert asyncio.run(ask(gate, AnEvent(), NOBODY)).accepted
    assert [len(each.told) for each in quick] == [1, 1]
    assert caplog.text == ""


def test_the_others_are_asked_as_without_it() -> None:
    """About the event and the client."""
    asked = Answering(YES)
    gate = gate_with(asked, Observing())
    event = AnEvent()
    asyncio.run(gate.write(event, READER))
    asyncio.run(gate.read(event, READER))
    asyncio.run(gate.reads([event], READER))
    gate.blocking.write(event, READER)
    gate.blocking.read(event, READER)
    gate.blocking.close()
    assert [context for _, context in asked.asked] == [READER] * 5


def test_an_event_that_cannot_be_read_is_told_to_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """It could not be given."""
    observing = Observing()
    decision = asyncio.run(gate_with(observing).write(AnEvent(tags=5), NOBODY))
    assert observing.told == []
    assert "nobody is told of a decision about an event that cannot be read" in caplog.text
    assert decision == asyncio.run(gate_with().write(AnEvent(tags=5), NOBODY))


def test_one_that_is_unregistered_or_off_is_told_no_more() -> None:
    """And where nobody is told, a question is the gate's own, which looks for nobody."""
    one, other = Observing(), Observing()
    gate = gate_with(one, other)

    def written() -> tuple[int, int]:
        asyncio.run(gate.write(AnEvent(), NOBODY))
        gate.blocking.write(AnEvent(), NOBODY)
        return len(one.told), len(other.told)

    assert written() == (2, 2)
    gate.switch_off({"p1"})
    assert written() == (4, 2)
    gate.switch_off(())
    assert written() == (6, 4)
    gate.unregister("p0")
    assert written() == (6, 6)
    gate.unregister("p1")
    assert written() == (6, 6)
    for asker in (gate, gate.blocking):
        assert vars(asker).keys().isdisjoint(("write", "read", "reads", "policy_event"))


def test_it_is_told_on_the_thread_that_asks() -> None:
    """As it is part of the answer's time."""
    threads: list[threading.Thread] = []
    gate = gate_with(Observing(does=lambda: threads.append(threading.current_thread())))
    gate.blocking.write(AnEvent(), NOBODY)
    assert threads == [threading.current_thread()]


def test_it_takes_the_parameters_that_it_names() -> None:
    """A counter needs no more than the decision."""
    counted: list[bool] = []

    class Counting:
        @hookimpl
        def on_decided(self, decision: Decision) -> None:
            counted.append(decision.accepted)

    asyncio.run(gate_with(Answering(NO), Counting()).write(AnEvent(), NOBODY))
    assert counted == [False]


@attrs.define(eq=False)
class Timing:
    """Notes how long decisions took."""

    took: list[float] = attrs.Factory(list)

    @hookimpl
    def on_decided(self, seconds: float) -> None:
        self.took.append(seconds)


@pytest.mark.parametrize("what", ASKS)
def test_it_is_told_how_long_a_decision_took(what: str, clock: Clock) -> None:
    clock.now = 1_000.0
    ask, _ = ASKS[what]
    gate = gate_with(Answering(clock.passing(2, YES)), timing := Timing())
    asyncio.run(ask(gate, AnEvent(), NOBODY))
    assert timing.took == [2]


def test_it_is_told_how_long_a_synchronous_relays_decision_took(clock: Clock) -> None:
    """Of reads that are asked about together, each one's share."""
    clock.now = 1_000.0
    gate = gate_with(Answering(clock.passing(2, YES)), timing := Timing())
    gate.blocking.read(AnEvent(), NOBODY)
    gate.blocking.reads([AnEvent()] * 3, NOBODY)
    gate.blocking.close()
    assert timing.took == [2, 2, 2, 2]
