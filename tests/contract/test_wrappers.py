"""Hook wrappers: pluggy's way to do something around all other plugins."""

import asyncio
from collections.abc import Generator
from typing import Any

import pytest
from examples import NO, NOBODY, YES, AnEvent, Answering, awaitable

from orly_policy_hookspecs import Decision, Event, Gate, PluginError, Verdict, hookimpl

EVENT = AnEvent()


def wrapped(result: Any, *others: Any) -> list[Decision]:
    """The decisions of a gate with a wrapper that makes ``result(answers)`` of the answers."""

    class Wrapper:
        @hookimpl(wrapper=True)
        def on_write(self, event: Event) -> Generator[None, Any, Any]:
            return result((yield))

    gate = Gate()
    gate.register(Wrapper())
    for i, other in enumerate(others):
        gate.register(Answering(other), f"p{i}")
    both = [asyncio.run(gate.write(EVENT, NOBODY)), gate.blocking.write(EVENT, NOBODY)]
    gate.blocking.close()
    return both


def test_a_wrapper_that_passes_on_changes_nothing() -> None:
    """It may look, measure and log; the answers keep their sources."""
    assert wrapped(lambda answers: answers, NO, YES) == [NO.attributed("p0")] * 2
    assert wrapped(lambda answers: answers, awaitable(NO)) == [NO.attributed("p0")] * 2
    assert all(decision.accepted for decision in wrapped(lambda answers: answers))


def test_a_wrapper_may_add_an_answer() -> None:
    """A decision more is one more in the list."""
    for decision in wrapped(lambda answers: [*answers, NO], YES):
        assert decision.verdict is Verdict.REJECT
    for decision in wrapped(lambda answers: [*answers, awaitable(NO)()], YES):
        assert decision.verdict is Verdict.REJECT


def nothing(_: object) -> None:
    """A wrapper that forgets its return."""


def failing(_: object) -> None:
    raise RuntimeError("broken")


async def _raise() -> None:
    raise RuntimeError("later")


@pytest.mark.parametrize(
    "result",
    [
        nothing,
        failing,
        lambda _: YES,
        lambda _: True,
        lambda _: "accept",
        lambda _: (YES,),
        lambda _: [True],
        lambda _: [YES, None],
        lambda _: [YES, "yes"],
        lambda _: [awaitable(True)()],
        lambda _: [YES, awaitable("yes")()],
        lambda _: [YES, _raise()],
    ],
)
def test_a_wrapper_that_fails_or_answers_nonsense_is_a_rejection(result: Any) -> None:
    """Whatever comes out of a wrapper and is no list of answers does not open the relay."""
    for decision in wrapped(result, YES):
        assert decision.verdict is Verdict.REJECT
        assert decision.message.startswith("error:")


def test_a_wrapper_that_fails_before_the_others_is_a_rejection() -> None:
    """Also where nobody else was asked yet."""

    class Wrapper:
        @hookimpl(wrapper=True)
        def on_write(self, event: Event) -> Generator[None, Any, Any]:
            raise RuntimeError("broken")
            yield  # type: ignore[unreachable]

    gate = Gate()
    gate.register(Wrapper())
    assert asyncio.run(gate.write(EVENT, NOBODY)).message.startswith("error:")


def test_a_wrapper_that_is_no_generator_is_refused() -> None:
    """pluggy says so when it is registered."""

    class Wrapper:
        @hookimpl(wrapper=True)
        def on_write(self, event: Event) -> Decision:
            return YES

    with pytest.raises(PluginError, match="generator"):
        Gate().register(Wrapper())


def test_who_comes_and_goes_late_counts_from_the_next_question_on() -> None:
    """Plugins and wrappers alike, before and after the first question."""

    class Denying:
        @hookimpl(wrapper=True)
        def on_read(self) -> Generator[None, Any, Any]:
            yield
            return [NO]

    gate, wrapper, plugin = Gate(), Denying(), Answering(NO)
    for _ in range(2):
        assert gate.blocking.read(AnEvent(), NOBODY).accepted
        gate.register(plugin, "late")
        assert not gate.blocking.read(AnEvent(), NOBODY).accepted
        assert not gate.blocking.reads([AnEvent()], NOBODY)[0].accepted
        gate._registry.unregister(plugin)
        assert gate.blocking.reads([AnEvent()], NOBODY)[0].accepted
        gate.register(wrapper, "wrapper")
        assert not gate.blocking.read(AnEvent(), NOBODY).accepted
        assert not gate.blocking.reads([AnEvent()], NOBODY)[0].accepted
        gate._registry.unregister(wrapper)
    gate.blocking.close()
