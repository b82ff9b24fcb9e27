"""What the gate makes of its plugins' answers, at once or awaited."""

import asyncio
import logging
from itertools import product
from typing import Any

import attrs
import pytest
from examples import (
    FALLBACK,
    NO,
    NOBODY,
    SHADOW,
    VOUCH,
    YES,
    AnEvent,
    Answering,
    awaitable,
)
from hypothesis import given
from hypothesis import strategies as st
from strategies import some

from orly_policy_hookspecs import (
    Decision,
    Event,
    Gate,
    GateSettings,
    Verdict,
    combine,
    frozen,
    hookimpl,
)

EVENT = AnEvent()
ALL = (NO, SHADOW, VOUCH, FALLBACK, YES, None)


def gate_with(*answers: Any, may_vouch: frozenset[str] = frozenset()) -> Gate:
    """A gate with a plugin for each answer, named p0, p1, …"""
    gate = Gate(GateSettings(may_vouch_write=may_vouch, may_vouch_read=may_vouch))
    for i, answer in enumerate(answers):
        gate.register(Answering(answer), f"p{i}")
    return gate


def written(gate: Gate) -> Decision:
    return asyncio.run(gate.write(EVENT, NOBODY))


def read(gate: Gate) -> Decision:
    return asyncio.run(gate.read(EVENT, NOBODY))


@pytest.mark.parametrize("ask", [written, read])
def test_a_plain_answer_comes_with_its_plugins_name(ask: Any) -> None:
    """The gate says who denied."""
    assert ask(gate_with(NO)) == NO.attributed("p0")


@pytest.mark.parametrize("ask", [written, read])
def test_an_awaited_answer_comes_with_its_plugins_name(ask: Any) -> None:
    """The same for an async plugin."""
    assert ask(gate_with(awaitable(NO))) == NO.attributed("p0")


def test_an_async_plugin_that_abstains_hides_nobodys_deny() -> None:
    """Its answer is a coroutine, not None, and still says nothing."""
    for answers in ((awaitable(None), NO), (NO, awaitable(None))):
        assert written(gate_with(*answers)).message == NO.message


def test_an_async_deny_is_waited_for() -> None:
    """Accepts that are there at once do not win over a no that comes later."""
    assert written(gate_with(YES, awaitable(NO), YES)).verdict is Verdict.REJECT


def test_everybody_abstaining_is_no_objection() -> None:
    """With plugins that say nothing, and without plugins, nothing is denied."""
    assert written(gate_with(None, awaitable(None))).accepted
    assert written(gate_with()).accepted


@given(
    st.lists(st.tuples(st.sampled_from(ALL), st.booleans()), max_size=4),
    st.frozensets(st.sampled_from(("p0", "p1", "p2", "p3"))),
)
@some
def test_it_is_what_combine_says(
    answers: list[tuple[Decision | None, bool]], may_vouch: frozenset[str]
) -> None:
    """Sync, async or mixed, asked from a loop or from plain code: the same decision."""
    gate = gate_with(
        *(awaitable(answer) if later else answer for answer, later in answers),
        may_vouch=may_vouch,
    )
    right = combine(
        (a.attributed(f"p{i}") for i, (a, _) in enumerate(answers) if a is not None), may_vouch
    )
    for decision in (
        written(gate),
        read(gate),
        *asyncio.run(gate.reads([EVENT, EVENT], NOBODY)),
        gate.blocking.write(EVENT, NOBODY),
        gate.blocking.read(EVENT, NOBODY),
    ):
        if right.verdict is Verdict.REJECT:  # whose no it is depends on which comes first
            assert (decision.verdict, decision.message) == (right.verdict, right.message)
        else:
            assert decision == right
    gate.blocking.close()


def test_plugins_are_given_the_context_as_it_is() -> None:
    """The host's own object crosses; of the event, see test_given_events.py."""
    plugin = Answering()
    gate = Gate()
    gate.register(plugin)
    written(gate)
    ((_, context),) = plugin.asked
    assert context is NOBODY


def test_vouches_are_listed_for_writes_and_reads_apart() -> None:
    """A plugin that may vouch for writes opens no read."""
    gate = Gate(GateSettings(may_vouch_write=["members"]))  # type: ignore[arg-type]
    gate.register(Answering(VOUCH), "members")
    gate.register(Answering(FALLBACK), "engine")
    assert written(gate).accepted
    assert not read(gate).accepted


VOUCHES = [VOUCH, awaitable(VOUCH)]
FALLBACKS = [FALLBACK, awaitable(FALLBACK)]


@pytest.mark.parametrize(
    ("answers", "may_vouch", "expected"),
    [
        *((both, {"p0"}, VOUCH) for both in product(VOUCHES, FALLBACKS)),
        *(((vouch,), {"p0"}, VOUCH) for vouch in VOUCHES),
        *(((vouch,), set(), YES) for vouch in VOUCHES),
    ],
)
def test_a_vouch_counts_or_does_not_however_it_is_asked_for(
    answers: tuple[Any, ...], may_vouch: set[str], expected: Decision
) -> None:
    """At once or later, alone or in a batch, with and without an event loop."""
    gate = gate_with(*answers, may_vouch=frozenset(may_vouch))
    every = (
        written(gate),
        read(gate),
        *asyncio.run(gate.reads([EVENT], NOBODY)),
        gate.blocking.write(EVENT, NOBODY),
        gate.blocking.read(EVENT, NOBODY),
        *gate.blocking.reads([EVENT], NOBODY),
    )
    gate.blocking.close()
    assert every == (expected.attributed("p0"),) * 6


@pytest.mark.parametrize("later", [False, True])
def test_no_plugin_vouches_in_anothers_name(later: bool) -> None:
    """The source that a plugin writes into its decision does not count."""
    forged = Decision(Verdict.VOUCH, "", "members")
    gate = Gate(GateSettings(may_vouch_write=frozenset({"members"})))
    gate.register(Answering(None), "members")
    gate.register(Answering(FALLBACK), "engine")
    gate.register(Answering(awaitable(forged) if later else forged), "forger")
    assert not written(gate).accepted


def test_a_decision_of_a_subclass_cannot_forge_either() -> None:
    """What a subclass says of itself is not asked; its plugin's name is written over it."""

    @attrs.frozen(init=False)
    class Forged(Decision):
        def attributed(self, source: str) -> Decision:
            return self

    forged = Forged(Verdict.VOUCH, "", "members")
    gate = Gate(GateSettings(may_vouch_write=frozenset({"members"})))
    gate.register(Answering(None), "members")
    gate.register(Answering(FALLBACK), "engine")
    gate.register(Answering(forged), "forger")
    assert not written(gate).accepted


def test_a_source_that_claims_to_equal_any_name_does_not_count() -> None:
    """Nor is a look-alike asked what it says of itself."""

    class Everyone(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = str.__hash__

    class LookAlike:
        source = "members"
        verdict = Verdict.VOUCH
        message = ""
        __class__ = Decision  # type: ignore[assignment]

        def attributed(self, source: str) -> "LookAlike":
            return self

    gate = Gate(GateSettings(may_vouch_write=frozenset({"members"})))
    gate.register(Answering(None), "members")
    gate.register(Answering(FALLBACK), "engine")
    forger = Answering()
    gate.register(forger, "forger")
    changed = Decision.vouch()
    object.__setattr__(changed, "source", Everyone("members"))
    for forged in (Decision(Verdict.VOUCH, "", Everyone("members")), changed, LookAlike()):
        forger.answer = forged
        assert not written(gate).accepted


def test_a_plugin_registered_later_counts_from_then_on() -> None:
    """The gate does not have to be made anew."""
    gate = gate_with(YES)
    assert written(gate).accepted
    gate.register(Answering(NO), "late")
    assert written(gate).source == "late"
    assert gate.plugins == ("late", "p0")


def test_several_questions_at_once_do_not_mix() -> None:
    """Each question gets its own answer, whatever is in flight beside it."""

    class Mirror:
        @hookimpl
        async def on_write(self, event: Event) -> Decision:
            await asyncio.sleep(0.001 * (event.kind % 3))
            return Decision.reject(f"blocked: {event.kind}")

    gate = Gate()
    gate.register(Mirror(), "mirror")

    async def all_of_them() -> list[Decision]:
        questions = (gate.write(AnEvent(kind=kind), NOBODY) for kind in range(100))
        return await asyncio.gather(*questions)

    answers = asyncio.run(all_of_them())
    assert [answer.message for answer in answers] == [f"blocked: {kind}" for kind in range(100)]


@pytest.mark.parametrize(("tell", "kind"), [("kind3", 3), ("list_event", 10_000)])
def test_lists_reach_every_plugin(tell: str, kind: int, caplog: pytest.LogCaptureFixture) -> None:
    """One that fails, sync or async, is in the log and keeps the list from nobody."""

    def failing() -> None:
        raise RuntimeError("no disk")

    async def failing_later() -> None:
        raise RuntimeError("no network")

    learned = []

    async def learning_last() -> None:
        for _ in range(5):
            await asyncio.sleep(0)
        learned.append(1)

    answers = (failing, failing_later, NO, None, learning_last)
    plugins = [Answering(answer) for answer in answers]
    gate = Gate()
    for plugin in plugins:
        gate.register(plugin)
    event = frozen(AnEvent(kind=kind))
    with caplog.at_level(logging.ERROR):
        asyncio.run(getattr(gate, tell)(event, NOBODY))
        getattr(gate.blocking, tell)(event, NOBODY)
    gate.blocking.close()
    assert all([event for event, _ in plugin.asked] == [event, event] for plugin in plugins)
    assert learned == [1, 1]
    assert "no disk" in caplog.text
    assert "no network" in caplog.text


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ((), "blocked: this relay takes no policy events"),
        ((None, awaitable(None)), "blocked: this relay takes no policy events"),
        ((VOUCH,), "blocked: this relay takes no policy events"),
        ((awaitable(VOUCH), None), "blocked: this relay takes no policy events"),
        ((NO, Decision.accept("done")), "blocked: no"),
        ((lambda: 1 / 0, Decision.accept("done")), "error: a policy plugin failed"),
    ],
)
def test_a_policy_event_that_nobody_takes_is_rejected(
    answers: tuple[Any, ...], message: str
) -> None:
    """Silence and vouches take nothing, and a no wins."""
    gate = gate_with(*answers, may_vouch=frozenset({"p0"}))
    for decision in (
        asyncio.run(gate.policy_event(EVENT, NOBODY)),
        gate.blocking.policy_event(EVENT, NOBODY),
    ):
        assert not decision.accepted
        assert decision.message == message
    gate.blocking.close()


def test_a_policy_event_that_is_taken_says_what_happened() -> None:
    """The message of whoever took it reaches the client."""
    gate = gate_with(None, awaitable(Decision.accept("policy updated")), VOUCH)
    decision = asyncio.run(gate.policy_event(EVENT, NOBODY))
    assert decision.accepted
    assert decision.message == "policy updated"


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ((), None),
        ((None, awaitable(None), VOUCH), None),
        ((None, awaitable(YES)), YES.attributed("p1")),
        ((YES, NO), NO.attributed("p1")),
    ],
)
def test_a_deletion_withdraws_nothing_or_it_is_said(
    answers: tuple[Any, ...], expected: Decision | None
) -> None:
    """Then it is decided as any other event whether it is stored."""
    gate, event = gate_with(*answers), frozen(AnEvent(kind=5))
    assert asyncio.run(gate.withdrawal(event, NOBODY)) == expected
    assert gate.blocking.withdrawal(event, NOBODY) == expected
    gate.blocking.close()
    for _, plugin in gate._registry.list_name_plugin():
        assert plugin.asked == [(event, NOBODY)] * 2
