"""Hook wrappers: pluggy's way to do something around all other plugins."""

import asyncio
import contextlib
import gc
import inspect
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest
from examples import (
    FALLBACK,
    NO,
    NOBODY,
    VOUCH,
    YES,
    AnEvent,
    Answering,
    Clock,
    awaitable,
    raising_later,
)

from orly_policy_hookspecs import (
    Context,
    Decision,
    Event,
    Gate,
    GateSettings,
    PluginError,
    Verdict,
    frozen,
    hookimpl,
)

EVENT = AnEvent()
FAULT = Decision.reject("error: a policy plugin failed")


def wrapped(result: Any, *others: Any) -> list[Decision]:
    """The decisions of a gate with a wrapper that makes ``result(answers)`` of the answers."""

    class Wrapper:
        @hookimpl(wrapper=True)
        def on_write(self, event: Event) -> Generator[None, Any, Any]:
            return result((yield))

    gate = Gate()
    gate.register(Wrapper(), "wrapper")
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
    for added in (lambda: NO, awaitable(NO)):
        decisions = wrapped(lambda answers, added=added: [*answers, added()], YES)
        assert decisions == [NO.attributed("wrapper")] * 2


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
def test_a_wrapper_that_fails_or_answers_nonsense_is_a_rejection(
    result: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever comes out of a wrapper and is no list of answers does not open the relay, and its
    plugin is named in the source and in the log.
    """
    for other in (YES, awaitable(YES)):
        assert wrapped(result, other) == [FAULT.attributed("wrapper")] * 2
    assert caplog.text.count("plugin wrapper: on_write") == 4
    assert "plugin p0" not in caplog.text
    gc.collect(1)  # what nobody awaits would warn


STYLES = pytest.mark.parametrize("style", ["wrapper", "hookwrapper"])


def around(style: str, function: Callable[[], Any]) -> object:
    """A plugin with a wrapper of the new style or the old around three hooks."""
    mark = hookimpl(wrapper=True) if style == "wrapper" else hookimpl(hookwrapper=True)

    class Wrapper:
        on_write = on_read = on_kind3 = staticmethod(mark(function))

    return Wrapper()


def asked(wrapper: object, *others: object, seconds: float = 10) -> Iterator[Decision]:
    """What a gate with it decides, asked in several ways."""
    may_vouch = frozenset({"members"})
    gate = Gate(
        GateSettings(budget_seconds=seconds, may_vouch_write=may_vouch, may_vouch_read=may_vouch)
    )
    gate.register(wrapper, "wrapper")
    for i, other in enumerate(others):
        gate.register(other, f"p{i}")
    yield asyncio.run(gate.write(EVENT, NOBODY))
    yield asyncio.run(gate.reads([EVENT], NOBODY))[0]
    yield gate.blocking.read(EVENT, NOBODY)
    gate.blocking.close()


class OfItsOwn(BaseException):
    """Nothing that a guard for Exception would see."""


def raising_before() -> Generator[None, Any, Any]:
    raise RuntimeError("broken")
    yield  # type: ignore[unreachable]


def raising_after() -> Generator[None, Any, Any]:
    yield
    raise RuntimeError("broken")


def raising_what_is_no_exception() -> Generator[None, Any, Any]:
    yield
    raise OfItsOwn


def raising_before_what_is_no_exception() -> Generator[None, Any, Any]:
    raise OfItsOwn
    yield  # type: ignore[unreachable]


def making_up_a_cancellation() -> Generator[None, Any, Any]:
    yield
    raise asyncio.CancelledError


def not_yielding() -> Generator[None, Any, Any]:
    return []
    yield  # type: ignore[unreachable]


def yielding_twice() -> Generator[None, Any, Any]:
    answers = yield
    yield
    return answers


def refusing_to_be_closed() -> Generator[None, Any, Any]:
    yield
    with contextlib.suppress(GeneratorExit):
        yield
    yield


FAULTY = [
    raising_before,
    raising_after,
    raising_what_is_no_exception,
    raising_before_what_is_no_exception,
    making_up_a_cancellation,
    not_yielding,
    yielding_twice,
]


@STYLES
@pytest.mark.parametrize("function", FAULTY, ids=lambda function: function.__name__)
@pytest.mark.parametrize("other", [YES, awaitable(YES), None], ids=["yes", "later", "nothing"])
def test_a_fault_of_a_wrapper_is_a_rejection_in_its_plugins_name(
    function: Any, style: str, other: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Before or after the others were asked; and they were asked."""
    plugin = Answering(other)
    decisions = list(asked(around(style, function), plugin))
    assert decisions == [FAULT.attributed("wrapper")] * 3
    assert caplog.text.count("plugin wrapper: on_") == 3
    assert "plugin p0" not in caplog.text
    assert len(plugin.asked) == 3
    gc.collect(1)


def test_a_wrapper_that_cannot_be_closed_is_a_rejection() -> None:
    """It yields instead of ending."""
    (decision, *_) = asked(around("wrapper", refusing_to_be_closed), Answering(YES))
    assert decision == FAULT.attributed("wrapper")


@pytest.mark.parametrize(
    ("result", "says"),
    [
        (lambda _: True, "TypeError: the wrapper answered True, not a list of answers"),
        (lambda _: [None], "TypeError: the wrapper's list of answers has a None in it"),
        (not_yielding, "RuntimeError: the wrapper did not yield"),
        (yielding_twice, "RuntimeError: the wrapper yielded twice"),
    ],
)
def test_what_a_wrapper_does_wrong_is_in_the_log(
    result: Any, says: str, caplog: pytest.LogCaptureFixture
) -> None:
    """For its author."""
    if inspect.isgeneratorfunction(result):
        list(asked(around("wrapper", result)))
    else:
        wrapped(result)
    assert f"  | {says}\n" in caplog.text


@STYLES
def test_an_interrupt_in_a_wrapper_is_nobodys_answer(style: str) -> None:
    """Ctrl-C ends the relay, whose turn ever it is."""

    def interrupted() -> Generator[None, Any, Any]:
        yield
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        next(asked(around(style, interrupted)))


@STYLES
@pytest.mark.parametrize(("before", "after"), [(5, 0), (0, 5), (3, 2)])
@pytest.mark.parametrize("other", [YES, awaitable(YES)], ids=["yes", "later"])
def test_a_wrapper_that_takes_too_long_is_a_rejection_in_its_plugins_name(
    style: str, before: int, after: int, other: Any, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """What it does before and after counts together."""

    def slow() -> Generator[None, Any, Any]:
        clock.now += before
        answers = yield
        clock.now += after
        return answers

    decisions = list(asked(around(style, slow), Answering(other), seconds=4))
    too_long = Decision.reject("error: the policy took too long to answer")
    assert decisions == [too_long.attributed("wrapper")] * 3
    assert caplog.text.count("plugin wrapper: on_") >= 3
    assert "plugin p0" not in caplog.text


@STYLES
def test_a_slow_plugin_is_not_its_wrappers_fault(
    style: str, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Only the wrapper's own time is its own."""

    def passing() -> Generator[None, Any, Any]:
        return (yield)

    slow = Answering(clock.passing(5, YES))
    decisions = list(asked(around(style, passing), slow, seconds=4))
    assert {decision.source for decision in decisions} == {"p0"}
    assert "plugin wrapper" not in caplog.text


def test_a_slow_wrapper_of_a_policy_event_does_not_deny_what_was_done(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """There is a line of the log, and the answer stands."""

    class Wrapper:
        @hookimpl(wrapper=True)
        def on_policy_event(self) -> Generator[None, Any, Any]:
            clock.now += 5
            return (yield)

    gate = Gate(GateSettings(budget_seconds=4))
    gate.register(Wrapper(), "wrapper")
    gate.register(Answering(Decision.accept("done")), "p0")
    decision = asyncio.run(gate.policy_event(EVENT, NOBODY))
    assert decision == Decision.accept("done").attributed("p0")
    assert "plugin wrapper: on_policy_event took longer" in caplog.text


def both(event: Event, context: Context) -> Generator[None, Any, Any]:
    assert (event, context) == (frozen(EVENT), NOBODY)
    return (yield)


def context_first(context: Context, event: Event) -> Generator[None, Any, Any]:
    return (yield from both(event, context))


def context_alone(context: Context) -> Generator[None, Any, Any]:
    return (yield from both(frozen(EVENT), context))


@STYLES
@pytest.mark.parametrize("function", [both, context_first, context_alone])
def test_a_wrapper_and_those_within_are_given_the_question(function: Any, style: str) -> None:
    """By the names of the parameters."""
    plugin = Answering(YES)
    assert list(asked(around(style, function), plugin)) == [YES.attributed("p0")] * 3
    assert plugin.asked == [(frozen(EVENT), NOBODY)] * 3


def test_a_wrapper_of_the_old_style_may_change_the_answers() -> None:
    """By the object that it is sent."""

    def forcing() -> Generator[None, Any, None]:
        outcome = yield
        outcome.force_result([*outcome.get_result(), NO])

    def force_failing() -> Generator[None, Any, None]:
        outcome = yield
        outcome.force_exception(RuntimeError("broken"))

    assert list(asked(around("hookwrapper", forcing), Answering(YES))) == (
        [NO.attributed("wrapper")] * 3
    )
    assert list(asked(around("hookwrapper", force_failing), Answering(YES))) == (
        [FAULT.attributed("wrapper")] * 3
    )


@pytest.mark.parametrize("later", [False, True], ids=["at once", "later"])
def test_no_wrapper_vouches_in_anothers_name(later: bool) -> None:
    """What it adds is its own, whatever source it writes into it."""
    forged = Decision(Verdict.VOUCH, "", "members")

    def forging() -> Generator[None, Any, Any]:
        answers = yield
        return [*answers, awaitable(forged)() if later else forged]

    assert not any(d.accepted for d in asked(around("wrapper", forging), Answering(FALLBACK)))


def test_no_wrapper_keeps_anothers_vouch_for_later() -> None:
    """A vouch counts for the question about which it was given."""
    kept: list[Any] = []

    class Keeping:
        @hookimpl(wrapper=True)
        def on_write(self) -> Generator[None, Any, Any]:
            answers = yield
            kept.extend(answers)
            return [*answers, *kept]

    gate = Gate(GateSettings(may_vouch_write=frozenset({"members"})))
    members = Answering(VOUCH)
    gate.register(members, "members")
    gate.register(Keeping(), "wrapper")
    gate.register(Answering(FALLBACK), "engine")
    assert asyncio.run(gate.write(EVENT, NOBODY)).accepted
    members.answer = None
    assert not asyncio.run(gate.write(EVENT, NOBODY)).accepted


def test_what_a_wrapper_leaves_in_the_list_keeps_its_source() -> None:
    """Also what must be awaited, in whatever order and however often it stands there."""

    def shuffling() -> Generator[None, Any, Any]:
        answers = yield
        answers.reverse()
        return answers + answers

    later = Answering(awaitable(VOUCH))
    gate = Gate(GateSettings(may_vouch_write=frozenset({"members"})))
    gate.register(later, "members")
    gate.register(Answering(FALLBACK), "engine")
    gate.register(around("wrapper", shuffling), "wrapper")
    decision = asyncio.run(gate.write(EVENT, NOBODY))
    assert decision == VOUCH.attributed("members")


def test_a_wrapper_may_wait_for_the_others_itself() -> None:
    """And answer in their place; the answers keep their sources as long as it shows them."""
    seen = []

    async def turned(answers: list[Any]) -> Decision:
        seen.extend([await answer for answer in answers])
        return NO

    decisions = wrapped(lambda answers: [turned(answers)], awaitable(YES), awaitable(None))
    assert decisions == [NO.attributed("wrapper")] * 2
    assert [each and each.source for each in seen] == [None, "p0"] * 2


def test_a_cancellation_that_a_plugin_makes_up_is_not_its_wrappers() -> None:
    """A wrapper that waits for it is given the plugin's rejection, not the exception."""

    async def passed_on(answers: list[Any]) -> Decision | None:
        decision = await answers[0]
        return Decision.reject(f"blocked: {decision.source}: {decision.message}")

    made_up = raising_later(asyncio.CancelledError())
    (decision, _) = wrapped(lambda answers: [passed_on(answers)], made_up)
    assert decision.message == f"blocked: p0: {FAULT.message}"


def test_what_a_wrapper_drops_does_not_count_and_does_not_warn() -> None:
    """It is trusted like the host; a coroutine that it drops is closed."""
    for decision in wrapped(lambda _: [], NO, awaitable(NO)):
        assert decision.accepted
    gc.collect(1)


@STYLES
def test_a_wrapper_around_follow_lists_keeps_them_from_nobody(
    style: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Where it fails that is in the log; one that answers nothing is right there."""
    learned = []

    async def learn() -> None:
        learned.append(1)

    def silent() -> Generator[None, Any, None]:
        yield

    for function in (silent, raising_after, raising_before):
        gate = Gate()
        gate.register(around(style, function), "wrapper")
        gate.register(Answering(learn))
        asyncio.run(gate.kind3(EVENT, NOBODY))
    assert learned == [1, 1, 1]
    assert caplog.text.count("plugin wrapper: on_kind3 failed") == 2


@STYLES
def test_wrappers_around_wrappers_are_each_their_own(style: str) -> None:
    """The outer one sees what the inner one has added, and it stays the inner one's."""

    def adding() -> Generator[None, Any, Any]:
        return [*(yield), NO]

    def passing() -> Generator[None, Any, Any]:
        return (yield)

    gate = Gate()
    gate.register(around("wrapper", adding), "inner")
    gate.register(around(style, passing), "outer")
    assert asyncio.run(gate.write(EVENT, NOBODY)) == NO.attributed("inner")
    assert gate.blocking.read(EVENT, NOBODY) == NO.attributed("inner")


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
        gate._registry.unregister(name="wrapper")
    gate.blocking.close()
