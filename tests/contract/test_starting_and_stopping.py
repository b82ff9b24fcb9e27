"""Plugins that have something to open before the relay does, and to close after it."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import pytest
from examples import NOBODY, AnEvent, Answering, raising, raising_later

from orly_policy_hookspecs import (
    Decision,
    Event,
    Gate,
    GateSettings,
    PluginError,
    RunningLoopError,
    StartContext,
    hookimpl,
)

BUDGET_SECONDS = 0.05
URLS = ("wss://relay.example", "ws://127.0.0.1:7447")


@attrs.define(eq=False)
class Living:
    """Does what it is given when it starts and stops, and says so."""

    name: str
    told: list[str]
    start: Callable[[], Any] = lambda: None
    stop: Callable[[], Any] = lambda: None

    @hookimpl
    def on_start(self) -> Any:
        self.told.append(f"{self.name} starts")
        return self.start()

    @hookimpl
    def on_stop(self) -> Any:
        self.told.append(f"{self.name} stops")
        return self.stop()


def gate_with(*plugins: Living, budget_seconds: float = 10.0) -> Gate:
    gate = Gate(GateSettings(budget_seconds=budget_seconds))
    for plugin in plugins:
        gate.register(plugin, plugin.name)
    return gate


async def lived(gate: Gate) -> None:
    await gate.start()
    await gate.stop()


def endless() -> Awaitable[None]:
    return asyncio.Event().wait()  # type: ignore[return-value]


async def stubborn() -> None:
    """Goes on when it is cancelled, once."""
    for _ in range(2):
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            continue


FAULTS = {
    "raises": (raising(RuntimeError("no disk")), "failed: RuntimeError: no disk"),
    "raises later": (raising_later(RuntimeError("no disk")), "failed: RuntimeError: no disk"),
    "exits": (raising(SystemExit(3)), "failed: SystemExit: 3"),
    "exits later": (raising_later(SystemExit(3)), "failed: SystemExit: 3"),
    "is cancelled": (raising_later(asyncio.CancelledError("x")), "failed: CancelledError: x"),
    "is endless": (endless, f"took longer than the budget of {BUDGET_SECONDS} seconds"),
    "is stubborn": (stubborn, f"took longer than the budget of {BUDGET_SECONDS} seconds"),
    "blocks": (
        lambda: time.sleep(2 * BUDGET_SECONDS),
        f"took longer than the budget of {BUDGET_SECONDS} seconds",
    ),
}
"""What a plugin may do, and what is said of it."""


def test_what_is_opened_is_there_when_it_is_asked_and_closed_at_the_end() -> None:
    """All on one event loop, as an HTTP session needs it."""
    loops: list[object] = []

    class WithSession:
        @hookimpl
        async def on_start(self, context: StartContext) -> None:
            await asyncio.sleep(0)
            self.session = context.relay_urls
            loops.append(asyncio.get_running_loop())

        @hookimpl
        async def on_write(self, event: Event) -> Decision:
            loops.append(asyncio.get_running_loop())
            return Decision.reject(" ".join(self.session))

        @hookimpl
        async def on_stop(self) -> None:
            await asyncio.sleep(0)
            del self.session
            loops.append(asyncio.get_running_loop())

    plugin = WithSession()
    gate = Gate()
    gate.register(plugin, "p")

    async def lives() -> None:
        await gate.start(relay_urls=iter(URLS))
        answer = await gate.write(AnEvent(), NOBODY)
        assert answer.message == "blocked: wss://relay.example ws://127.0.0.1:7447"
        await gate.stop()

    asyncio.run(lives())
    assert not hasattr(plugin, "session")
    assert len(loops) == 3
    assert len(set(loops)) == 1


def test_a_synchronous_relays_plugins_have_one_loop_too() -> None:
    """That on which its answers are awaited."""
    loops: list[object] = []

    def note() -> None:
        loops.append(asyncio.get_running_loop())

    async def noted() -> None:
        note()

    gate = gate_with(Living("p", [], note, noted))
    gate.register(Answering(noted), "asked")
    gate.blocking.start(relay_urls=URLS, changed=lambda: None)
    gate.blocking.write(AnEvent(), NOBODY)
    gate.blocking.stop()
    gate.blocking.close()
    assert len(loops) == 3
    assert len(set(loops)) == 1


def test_on_a_running_loop_the_blocking_ones_say_so() -> None:
    """They would stop it."""

    async def inside() -> None:
        for call in (Gate().blocking.start, Gate().blocking.stop):
            with pytest.raises(RunningLoopError):
                call()

    asyncio.run(inside())


def test_they_start_in_the_order_of_their_registration() -> None:
    """Each when the one before it has ended."""
    told: list[str] = []

    async def slow() -> None:
        await asyncio.sleep(0.01)
        told.append("a has started")

    asyncio.run(lived(gate_with(Living("a", told, slow), Living("b", told))))
    assert told == ["a starts", "a has started", "b starts", "a stops", "b stops"]


@pytest.mark.parametrize("fault", FAULTS)
def test_one_that_does_not_start_is_named_and_none_is_left_started(fault: str) -> None:
    """Those before it are stopped; it and those after it have nothing to stop."""
    told: list[str] = []
    start, says = FAULTS[fault]
    plugins = [Living("a", told), Living("b", told, start), Living("c", told)]
    gate = gate_with(*plugins, budget_seconds=BUDGET_SECONDS)
    with pytest.raises(PluginError) as caught:
        asyncio.run(gate.start())
    assert str(caught.value) == f"plugin b: on_start {says}"
    assert told == ["a starts", "b starts", "a stops"]


@pytest.mark.parametrize("fault", FAULTS)
def test_one_that_does_not_stop_hinders_no_other(
    fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is named in the log."""
    told: list[str] = []
    stop, says = FAULTS[fault]
    plugins = [Living("a", told), Living("b", told, stop=stop), Living("c", told)]
    with caplog.at_level(logging.ERROR):
        asyncio.run(lived(gate_with(*plugins, budget_seconds=BUDGET_SECONDS)))
    assert [line for line in told if "stops" in line] == ["a stops", "b stops", "c stops"]
    assert [record.getMessage() for record in caplog.records] == [f"plugin b: on_stop {says}"]


def test_they_stop_together() -> None:
    """One that takes its time takes nobody else's."""
    told: list[str] = []
    both = asyncio.Barrier(2)
    gate = gate_with(*(Living(name, told, stop=both.wait) for name in "ab"))
    asyncio.run(asyncio.wait_for(lived(gate), 30))


def test_one_that_is_late_may_end_well() -> None:
    """What it has opened it can close: it is cancelled, and waited for."""
    closed: list[str] = []

    async def opening() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0)
            closed.append("closed")

    with pytest.raises(PluginError, match="budget"):
        asyncio.run(gate_with(Living("a", [], opening), budget_seconds=BUDGET_SECONDS).start())
    assert closed == ["closed"]


def test_a_start_that_is_given_up_is_undone() -> None:
    """The relay was told to end while a plugin was starting."""
    told: list[str] = []

    async def given_up() -> None:
        starting = asyncio.Event()

        async def slow() -> None:
            starting.set()
            await asyncio.sleep(3600)

        task = asyncio.ensure_future(gate_with(Living("a", told), Living("b", told, slow)).start())
        await starting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(given_up())
    assert told == ["a starts", "b starts", "a stops"]


def test_one_is_stopped_once() -> None:
    """And where it was not started, not at all; a relay may be opened again."""
    told: list[str] = []
    gate = gate_with(Living("a", told))

    async def lives() -> None:
        await gate.stop()
        for _ in range(2):
            await gate.start()
            await gate.stop()
            await gate.stop()

    asyncio.run(lives())
    assert told == ["a starts", "a stops"] * 2


def test_one_without_a_start_is_stopped_as_well() -> None:
    """It has been asked; it may have opened something then."""
    told: list[str] = []

    class Lazy:
        @hookimpl
        def on_stop(self) -> None:
            told.append("stopped")

    gate = Gate()
    gate.register(Lazy())
    asyncio.run(lived(gate))
    assert told == ["stopped"]


def test_one_that_is_switched_off_starts_and_stops() -> None:
    """As it may be switched on again while the relay runs."""
    told: list[str] = []
    gate = gate_with(Living("a", told))
    gate.switch_off({"a"})
    asyncio.run(lived(gate))
    assert told == ["a starts", "a stops"]


def test_one_that_is_unregistered_is_stopped_when_the_relay_closes() -> None:
    """It might be answering still when it is unregistered."""
    told: list[str] = []
    gate = gate_with(Living("a", told))

    async def lives() -> None:
        await gate.start()
        gate.unregister("a")
        assert told == ["a starts"]
        await gate.stop()

    asyncio.run(lives())
    assert told == ["a starts", "a stops"]
