"""What plugins are told of the relay's life, and what they tell the relay of themselves."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from examples import ALICE, BOB, CAROL, NOBODY, Answering

from orly_policy_hookspecs import Context, Gate, StartContext, hookimpl
from orly_policy_hookspecs.limits import RelayLimits
from orly_policy_hookspecs.reading import HINDERS_NOTHING, SameForAllKinds


@attrs.define(eq=False)
class Living:
    """A plugin with all hooks that are not about an event. Raises what is given."""

    error: Exception | None = None
    told: list[str] = attrs.Factory(list)
    relay: StartContext | None = None
    limits: RelayLimits | None = None
    follow_lists: frozenset[str] = frozenset()

    def _told(self, what: str) -> None:
        self.told.append(what)
        if self.error is not None:
            raise self.error

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
    def needed_follow_lists(self) -> frozenset[str]:
        self._told("follow lists")
        return self.follow_lists

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
    def needed_follow_lists(self) -> None:
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
    "follow lists": lambda gate: gate.needed_follow_lists(),
    "limits": lambda gate: gate.relay_limits(),
}


@pytest.mark.parametrize("what", TELLS)
def test_every_plugin_is_told_once(what: str) -> None:
    """But for those without the hook."""
    plugins = [Living(), Living()]
    TELLS[what](gate_with(plugins[0], Answering(), Silent(), plugins[1]))
    assert [plugin.told for plugin in plugins] == [[what], [what]]


@pytest.mark.parametrize("what", [what for what in TELLS if what != "start"])
def test_what_a_plugin_raises_is_told(what: str) -> None:
    """A relay does not open then."""
    with pytest.raises(RuntimeError, match=r"^no disk$"):
        TELLS[what](gate_with(Living(RuntimeError("no disk"))))


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


def test_follow_lists_that_one_plugin_needs_are_needed() -> None:
    """All together; none without plugins."""
    some, more = (Living(follow_lists=frozenset(keys)) for keys in ({ALICE, BOB}, {BOB, CAROL}))
    assert gate_with(some, Silent(), more).needed_follow_lists() == {ALICE, BOB, CAROL}
    assert gate_with().needed_follow_lists() == frozenset()


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
