"""``orly_policy_hookspecs.testing``: what a plugin's author tests a plugin with."""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest
from examples import NO, VOUCH, awaitable
from relay.signing import hash_of

from orly_policy_hookspecs import (
    Context,
    Decision,
    Event,
    FrozenEvent,
    InvalidSettings,
    Origin,
    PluginError,
    StartContext,
    Verdict,
    hookimpl,
    malformed,
)
from orly_policy_hookspecs.limits import RelayLimits
from orly_policy_hookspecs.nip01 import event_json
from orly_policy_hookspecs.testing import NOBODY, Key, Running, ask, ask_async, by
from orly_policy_plugin.authority import verify
from orly_policy_plugin.plugin import PolicyPlugin

ALICE, BOB = Key("alice"), Key("bob")


@attrs.define(eq=False)
class Answering:
    """A plugin that gives one answer to all questions."""

    answer: Any = None
    told: list[str] = attrs.Factory(list)

    @hookimpl
    async def on_start(self, context: StartContext) -> None:
        await asyncio.sleep(0)
        self.told.append(f"starts at {' '.join(context.relay_urls)}")

    @hookimpl
    def on_open(self) -> None:
        self.told.append("opens")

    @hookimpl
    def on_stop(self) -> None:
        self.told.append("stops")

    @hookimpl
    def relay_limits(self) -> RelayLimits:
        return RelayLimits(auth_required=True)

    def _answer(self, what: str) -> Any:
        self.told.append(what)
        return self.answer() if callable(self.answer) else self.answer

    @hookimpl
    def on_write(self) -> Any:
        return self._answer("write")

    @hookimpl
    def on_read(self) -> Any:
        return self._answer("read")

    @hookimpl
    def on_policy_event(self) -> Any:
        return self._answer("policy event")

    @hookimpl
    def on_kind3(self) -> Any:
        return self._answer("kind 3")


def answered_later(*args: Any, **named: Any) -> Decision:
    return asyncio.run(ask_async(*args, **named))


ASKING = pytest.mark.parametrize("asking", [ask, answered_later])


@pytest.mark.parametrize("tags", [[], [["e", "ab" * 32], ["-"]], (("t", "ü\n"),)])
def test_a_keys_events_are_genuine(tags: Any) -> None:
    """To the engine, and to a reading of NIP-01 that is not ours."""
    event = ALICE.event(30023, 'a "text"\n', tags)
    assert type(event) is FrozenEvent
    assert malformed(event_json(event)) is None
    assert verify(event)
    assert hash_of(event_json(event)) == event.id
    assert (event.kind, event.content) == (30023, 'a "text"\n')
    assert event.tags == tuple(map(tuple, tags))
    assert abs(event.created_at - time.time()) < 60
    assert ALICE.event(created_at=5).created_at == 5


def test_a_key_of_a_name_is_the_same_each_time() -> None:
    """Without a name it is a new one."""
    assert Key("alice").pubkey == ALICE.pubkey != BOB.pubkey
    assert Key().pubkey != Key().pubkey


def test_without_coincurve_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """All else works without it."""
    monkeypatch.setitem(sys.modules, "coincurve", None)
    with pytest.raises(ImportError, match=r"pip install 'orly-policy-hookspecs\[testing\]'"):
        Key()
    event = FrozenEvent("1d" * 32, "5a" * 32, 1, 1, (), "", "0f" * 64)
    assert ask(Answering(NO), event) == NO.attributed("Answering")


def test_a_context_is_of_keys_and_pubkeys() -> None:
    """In their order; the rest as a context has it."""
    assert by(ALICE, BOB.pubkey) == Context((ALICE.pubkey, BOB.pubkey))
    connection = object()
    context = by(ip="192.0.2.7", connection=connection, origin=Origin.SYNC)
    assert context == Context((), "192.0.2.7", origin=Origin.SYNC)
    assert context.connection is connection
    assert by() == NOBODY


@ASKING
@pytest.mark.parametrize("answer", [NO, awaitable(NO), None])
def test_an_answer_is_what_a_relay_gets(asking: Any, answer: Any) -> None:
    """At once or awaited, in the plugin's name; nothing is no objection."""
    for access in ("write", "read", "policy_event"):
        plugin = Answering(answer)
        decision = asking(plugin, ALICE.event(), by(BOB), access)
        assert plugin.told == ["starts at ", "opens", access.replace("_", " "), "stops"]
        if answer is not None:
            assert decision == NO.attributed("Answering")
        elif access == "policy_event":
            assert decision.message == "blocked: this relay takes no policy events"
        else:
            assert (decision.accepted, decision.source) == (True, "")


@ASKING
def test_it_is_given_the_event_and_the_context(asking: Any) -> None:
    """As a relay gives them."""
    given: list[Any] = []

    class Noting:
        @hookimpl
        def on_write(self, event: Event, context: Context) -> None:
            given.append((event, context))

    event = ALICE.event(tags=[["t", "a"]])
    asking(Noting(), event, by(BOB))
    asking(Noting(), event)
    assert given == [(event, by(BOB)), (event, NOBODY)]


@ASKING
def test_the_budget_is_kept(asking: Any) -> None:
    """As in a relay: who misses it has rejected."""
    decision = asking(
        Answering(lambda: asyncio.sleep(3600)), ALICE.event(), budget_seconds=0.05, name="slow"
    )
    assert decision == Decision(
        Verdict.REJECT, "error: the policy took too long to answer", "slow"
    )


@ASKING
def test_a_fault_is_a_rejection(asking: Any, caplog: pytest.LogCaptureFixture) -> None:
    """And in the log, with its traceback."""

    def fails() -> None:
        raise KeyError("members")

    assert asking(Answering(fails), ALICE.event()).message == "error: a policy plugin failed"
    assert "KeyError: 'members'" in caplog.text


@ASKING
def test_a_vouch_counts_where_the_host_lets_it(asking: Any) -> None:
    """Which it does unless the test says otherwise."""
    event = ALICE.event()
    assert asking(Answering(VOUCH), event).verdict is Verdict.VOUCH
    assert asking(Answering(VOUCH), event, may_vouch=False).verdict is Verdict.ACCEPT


class Overruling:
    """A wrapper."""

    @hookimpl(wrapper=True)
    def on_write(self) -> Generator[None, list[Decision], list[Decision]]:
        answers = yield
        return [Decision.shadow_reject() for _ in answers]


def test_wrappers_and_other_plugins_are_asked_as_in_a_relay() -> None:
    """Their decisions are in their names."""
    with Running(Overruling(), Answering(NO), name="over") as gate:
        decision = gate.write(ALICE.event(), NOBODY)
        assert (decision.verdict, decision.source) == (Verdict.SHADOW_REJECT, "over")
        assert gate.read(ALICE.event(), NOBODY) == NO.attributed("Answering")


def test_every_question_can_be_asked() -> None:
    """Of a gate that runs: those that are awaited through it, the others of the gate itself."""
    plugin = Answering(NO)
    running = Running(plugin, relay_urls=["wss://relay.example"])
    event = ALICE.event()
    with running as gate:
        gate.kind3(event, NOBODY)
        assert gate.reads([event], NOBODY) == [NO.attributed("Answering")]
        assert gate.withdrawal(event, NOBODY) == NO.attributed("Answering")
        assert running.gate.relay_limits() == RelayLimits(auth_required=True)
        assert not running.gate.read_scopes(NOBODY).others.grants_rest
    assert plugin.told == [
        *("starts at wss://relay.example", "opens", "kind 3", "read", "policy event", "stops")
    ]


class Pow:
    """A plugin with settings."""

    @hookimpl
    def configure(self, settings: Mapping[str, Any]) -> Callable[[], None]:
        bits = settings.get("bits", 16)
        if type(bits) is not int:
            raise InvalidSettings({"bits": f"expected a number, found {bits!r}"})
        return lambda: setattr(self, "bits", bits)

    @hookimpl
    def on_write(self) -> Decision:
        return Decision.reject(f"pow: {self.bits} bits are needed")  # type: ignore[attr-defined]


@ASKING
def test_settings_are_checked_and_put_in_force(asking: Any) -> None:
    """As those of a policy file are."""
    assert asking(Pow(), ALICE.event()).message == "pow: 16 bits are needed"
    assert asking(Pow(), ALICE.event(), settings={"bits": 3}).message == "pow: 3 bits are needed"
    with pytest.raises(InvalidSettings, match=r"^bits: expected a number, found 'many'$"):
        asking(Pow(), ALICE.event(), settings={"bits": "many"})
    with pytest.raises(InvalidSettings, match="has no settings"):
        asking(Answering(), ALICE.event(), settings={"bits": 3})


def test_a_policy_may_be_asked_beside_it(tmp_path: Path) -> None:
    """As the engine is a plugin, too: then the policy file has the settings."""
    policy = {"plugins": {"pow": {"bits": 7}}, "rules": {"1": {"read_allow": [BOB.pubkey]}}}
    (tmp_path / "policy.json").write_text(json.dumps(policy))
    with Running(Pow(), PolicyPlugin.load(tmp_path / "policy.json"), name="pow") as gate:
        assert gate.write(ALICE.event(), NOBODY).message == "pow: 7 bits are needed"
        assert gate.read(ALICE.event(), by(BOB)).accepted
        assert not gate.read(ALICE.event(), by(ALICE)).accepted


def test_a_plugin_that_cannot_work_is_an_error() -> None:
    """At once."""
    with pytest.raises(PluginError, match="no hook"):
        Running(object())


class NotOpening:
    """Opens no relay."""

    def __init__(self) -> None:
        self.stopped = False

    @hookimpl
    def on_open(self) -> None:
        raise OSError("no disk")

    @hookimpl
    def on_stop(self) -> None:
        self.stopped = True


@ASKING
def test_what_keeps_a_relay_closed_is_raised(asking: Any) -> None:
    """And what was started is stopped."""
    plugin = NotOpening()
    with pytest.raises(PluginError, match=r"^plugin NotOpening: on_open failed: OSErr"):
        asking(plugin, ALICE.event())
    assert plugin.stopped
