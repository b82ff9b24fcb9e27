"""What plugins are told of the relay's life, and what they tell the relay of themselves."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest
from examples import ALICE, BOB, CAROL, NOBODY, Answering

from orly_policy_hookspecs import (
    Context,
    Criterion,
    Gate,
    OperatorError,
    PluginError,
    StartContext,
    hookimpl,
)
from orly_policy_hookspecs.limits import RelayLimits
from orly_policy_hookspecs.nip01 import Address
from orly_policy_hookspecs.reading import HINDERS_NOTHING, SameForAllKinds


@attrs.define(eq=False)
class Living:
    """A plugin with all hooks that are not about an event. Raises what is given."""

    error: Exception | None = None
    told: list[str] = attrs.Factory(list)
    relay: StartContext | None = None
    limits: RelayLimits | None = None
    lists: frozenset[Address] = frozenset()

    def _told(self, what: str) -> None:
        self.told.append(what)
        if self.error is not None:
            raise self.error

    @hookimpl
    def on_registered(self) -> None:
        self._told("registered")

    @hookimpl
    def on_start(self, context: StartContext) -> None:
        self.relay = context
        self._told("start")

    @hookimpl
    def on_open(self) -> None:
        self._told("open")

    @hookimpl
    def on_stop(self) -> None:
        self._told("stop")

    @hookimpl
    def needed_lists(self) -> frozenset[Address]:
        self._told("lists")
        return self.lists

    @hookimpl
    def relay_limits(self) -> RelayLimits | None:
        self._told("limits")
        return self.limits

    @hookimpl
    def read_scopes(self) -> SameForAllKinds:
        return SameForAllKinds(HINDERS_NOTHING)


class Silent:
    """Has the hooks, and nothing to say."""

    @hookimpl
    def needed_lists(self) -> None:
        """Nobody's."""

    @hookimpl
    def relay_limits(self) -> None:
        """None."""


def gate_with(*plugins: object) -> Gate:
    gate = Gate()
    for i, plugin in enumerate(plugins):
        gate.register(plugin, f"p{i}")
    return gate


TELLS: dict[str, Callable[[Gate], Any]] = {
    "start": lambda gate: asyncio.run(gate.start()),
    "open": lambda gate: gate.open(),
    "lists": lambda gate: gate.needed_lists(),
    "limits": lambda gate: gate.relay_limits(),
    "registered": lambda gate: gate.check(),
}
HOOKS = {
    "start": "on_start",
    "open": "on_open",
    "lists": "needed_lists",
    "limits": "relay_limits",
    "registered": "on_registered",
}


@pytest.mark.parametrize("what", TELLS)
def test_every_plugin_is_told_once(what: str) -> None:
    """But for those without the hook."""
    plugins = [Living(), Living()]
    TELLS[what](gate_with(plugins[0], Answering(), Silent(), plugins[1]))
    assert [plugin.told for plugin in plugins] == [[what], [what]]


@pytest.mark.parametrize("what", TELLS)
def test_what_a_plugin_raises_is_told_in_its_name(what: str) -> None:
    """A relay does not open then."""
    with pytest.raises(PluginError) as caught:
        TELLS[what](gate_with(Living(), Living(RuntimeError("no disk"))))
    assert str(caught.value) == f"plugin p1: {HOOKS[what]} failed: RuntimeError: no disk"
    assert isinstance(caught.value.__cause__, RuntimeError)


@pytest.mark.parametrize("what", ["open", "registered"])
def test_what_the_operator_has_to_mend_is_told_as_it_is(what: str) -> None:
    """A plugin's own words, and its own error, which a relay may show in another way."""

    class NoRegister(OperatorError):
        pass

    with pytest.raises(NoRegister, match=r"^there is no register$"):
        TELLS[what](gate_with(Living(NoRegister("there is no register"))))


@pytest.mark.parametrize(
    ("what", "answer", "why"),
    [
        ("lists", 5, "TypeError: 'int' object is not iterable"),
        (
            "limits",
            {"auth_required": True},
            "TypeError: {'auth_required': True} is no RelayLimits",
        ),
    ],
)
def test_an_answer_that_is_none_is_told_in_its_name(what: str, answer: Any, why: str) -> None:
    """As if it had been raised."""
    plugin = Living(limits=answer, lists=answer)
    with pytest.raises(PluginError) as caught:
        TELLS[what](gate_with(Living(), plugin))
    assert str(caught.value) == f"plugin p1: {HOOKS[what]} failed: {why}"


def test_criteria_that_fail_while_they_are_listed_are_told_in_its_name() -> None:
    """Where they are made as they are looked through."""

    class Generating:
        @hookimpl
        def criteria(self) -> Iterator[Criterion]:
            yield Criterion(name="x_a", unit="", read=int, refuses=lambda *_: None)
            raise OSError("no disk")

    with pytest.raises(PluginError, match=r"^plugin p0: criteria failed: OSError: no disk$"):
        gate_with(Generating()).criteria()


def test_scopes_that_fail_are_logged_in_its_name(caplog: pytest.LogCaptureFixture) -> None:
    """Then nothing is known, and each event is asked about."""

    class Failing:
        @hookimpl
        def on_read(self) -> None:
            """Nothing to say."""

        @hookimpl
        def read_scopes(self) -> None:
            raise OSError("no disk")

    scope = gate_with(Failing()).read_scopes(NOBODY).of_kind(1)
    assert (scope.denial, scope.grants_rest) == (None, False)
    assert "plugin p0: read_scopes failed: OSError: no disk" in caplog.text


def test_a_plugin_that_changes_tells_the_relay() -> None:
    """From any thread; what was known of readers is asked anew."""
    heard: list[threading.Thread] = []
    plugin = Living()
    gate = gate_with(plugin)
    asyncio.run(gate.start(changed=lambda: heard.append(threading.current_thread())))
    before = gate.read_scopes(NOBODY)
    assert heard == []
    assert plugin.relay is not None
    changing = threading.Thread(target=plugin.relay.changed)
    changing.start()
    changing.join()
    assert heard == [changing]
    assert gate.read_scopes(NOBODY) is not before


def test_lists_that_one_plugin_needs_are_needed() -> None:
    """All together; none without plugins."""
    alice, bob = Address(3, ALICE, ""), Address(10_000, BOB, "")
    carol = Address(30_000, CAROL, "friends")
    some, more = (Living(lists=frozenset(lists)) for lists in ({alice, bob}, {bob, carol}))
    assert gate_with(some, Silent(), more).needed_lists() == {alice, bob, carol}
    assert gate_with().needed_lists() == frozenset()


def test_a_limit_of_one_plugin_is_the_relays() -> None:
    """As NIP-11 tells it."""
    limits = (RelayLimits(restricted_writes=True), RelayLimits(auth_required=True))
    gate = gate_with(Silent(), *(Living(limits=each) for each in limits))
    assert gate.relay_limits() == RelayLimits(True, True)
    assert gate_with().relay_limits() == RelayLimits()


def test_a_hook_is_given_the_parameters_that_it_names() -> None:
    """And no others; the reader is what the host says."""
    seen = []

    class Naming:
        @hookimpl
        def read_scopes(self, context: Context) -> None:
            seen.append(context)

        @hookimpl
        def on_start(self) -> None:
            seen.append("started")

        @hookimpl
        def on_read(self) -> None:
            """Nothing to say."""

    gate = gate_with(Naming())
    asyncio.run(gate.start())
    gate.read_scopes(NOBODY)
    assert seen == ["started", NOBODY]
