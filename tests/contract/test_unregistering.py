"""A plugin that is taken out while the relay runs."""

import asyncio

import pytest
from examples import NO, NOBODY, SHADOW, VOUCH, AnEvent, Answering, awaitable

from orly_policy_hookspecs import (
    Context,
    Decision,
    Gate,
    GateSettings,
    PluginError,
    Verdict,
    hookimpl,
)
from orly_policy_hookspecs.reading import HINDERS_NOTHING, ReadScope, SameForAllKinds


def written(gate: Gate) -> Decision:
    return asyncio.run(gate.write(AnEvent(), NOBODY))


@pytest.mark.parametrize("answer", [NO, awaitable(NO)])
def test_it_is_asked_no_more(answer: object) -> None:
    """From the next question on; the others are."""
    gate = Gate()
    gone, other = Answering(answer), Answering(SHADOW)
    gate.register(gone, "gone")
    gate.register(other, "other")
    assert written(gate).source == "gone"
    gate.unregister("gone")
    assert gate.plugins == ("other",)
    assert written(gate).source == "other"
    assert len(gone.asked) == 1
    gate.unregister("other")
    assert written(gate).accepted


def test_what_was_asked_before_counts() -> None:
    """Its answer is waited for."""

    async def asked_and_unregistered() -> Decision:
        gate = Gate()
        begun = asyncio.Event()
        may_end = asyncio.Event()

        class Slow:
            @hookimpl
            async def on_write(self) -> Decision:
                begun.set()
                await may_end.wait()
                return NO

        gate.register(Slow(), "slow")
        asked = asyncio.ensure_future(gate.write(AnEvent(), NOBODY))
        await begun.wait()
        gate.unregister("slow")
        may_end.set()
        return await asked

    assert asyncio.run(asked_and_unregistered()) == NO.attributed("slow")


def test_the_relay_is_told_and_what_was_known_of_readers_is_asked_anew() -> None:
    """A plugin that is gone hides nothing."""

    class Hiding:
        @hookimpl
        def on_read(self) -> Decision:
            return NO

        @hookimpl
        def read_scopes(self, context: Context) -> SameForAllKinds:
            return hidden

    hidden = SameForAllKinds(ReadScope(denial=NO))
    told: list[str] = []
    gate = Gate()
    gate.register(Hiding(), "hiding")
    asyncio.run(gate.start(changed=lambda: told.append("changed")))
    assert gate.read_scopes(NOBODY).of_kind(1).denial is not None
    gate.unregister("hiding")
    assert told == ["changed"]
    assert gate.read_scopes(NOBODY).of_kind(1).denial is None
    assert gate.read_scopes(NOBODY).of_kind(1).grants_rest is HINDERS_NOTHING.grants_rest


def test_who_may_vouch_stays_as_it_is_set() -> None:
    """For the next plugin of this name."""
    gate = Gate(GateSettings(may_vouch_write={"members"}))
    gate.register(Answering(), "members")
    gate.unregister("members")
    gate.register(Answering(VOUCH), "members")
    assert written(gate).verdict is Verdict.VOUCH


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("menbers", "no plugin 'menbers' is registered; did you mean 'members'?"),
        ("x", "no plugin 'x' is registered"),
    ],
)
def test_a_name_that_is_not_there_is_an_error(name: str, says: str) -> None:
    """With the name that may have been meant. Nothing changes, and nobody is told."""
    told: list[str] = []
    gate = Gate()
    gate.register(Answering(NO), "members")
    asyncio.run(gate.start(changed=lambda: told.append("changed")))
    with pytest.raises(PluginError) as caught:
        gate.unregister(name)
    assert str(caught.value) == says
    assert (gate.plugins, told) == (("members",), [])
