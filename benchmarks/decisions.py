"""The rows of one decision: the engine alone, and through the gate as a relay calls it."""

import asyncio
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import attrs

from orly_policy_hookspecs import Context, Event, Gate, frozen
from orly_policy_plugin.desk.desk import NAME as DESK
from orly_policy_plugin.desk.desk import Desk
from orly_policy_plugin.desk.settings import DeskSettings
from orly_policy_plugin.plugin import PolicyPlugin, register
from orly_policy_plugin.settings import Settings
from orly_policy_plugin.shadow import shadow_file

from .timing import Effort, Timed, timed, timed_together
from .workloads import NOW, READ_POLICY, WORKLOADS, Workload, gate_with, key, simple

_SHADOW_SECONDS: Final = 30.0


def decision(name: str, effort: Effort) -> Timed:
    """A decision of a workload's policy about a write."""
    workload = WORKLOADS[name]()
    return timed(deciding(workload), effort, len(workload.events))


def deciding(workload: Workload) -> Callable[[int], None]:
    """Decides a workload's events so many times."""
    write, keys, events = workload.compiled().write, workload.keys, workload.events

    def run(times: int) -> None:
        if len(events) == 1:
            (event,) = events
            for _ in range(times):
                write(event, keys, NOW)
        else:
            for _ in range(times):
                for event in events:
                    write(event, keys, NOW)

    return run


def hook(effort: Effort) -> Timed:
    """A decision of ``simple`` as a relay asks for it: the gate, pluggy, one plugin."""
    workload = simple()
    (event,) = workload.events
    context = Context(authenticated=workload.keys)
    gate = gate_with(_plugin(workload.policy))

    async def asking(times: int) -> None:
        for _ in range(times):
            await gate.write(event, context)

    with asyncio.Runner() as runner:
        workload.check(runner.run(gate.write(event, context)))
        return timed(lambda times: runner.run(asking(times)), effort)


def told(effort: Effort, shadow: bytes | None = None) -> Timed:
    """What it adds to ``hook`` that the operator is told: counts, a socket, and a decision log of
    refusals.

    :param shadow: a second policy, which is asked as well.
    """
    workload = simple()
    event, context = frozen(*workload.events), Context(authenticated=workload.keys)
    plain, told = gate_with(_plugin(workload.policy)), Gate()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "policy.json")
        path.write_bytes(workload.policy)
        if shadow is not None:
            shadow_file(path).write_bytes(shadow)
        desk = DeskSettings(log=Path(folder, "decisions.jsonl"))
        register(told, Settings(path=path, desk=desk))
        told.check()
        with asyncio.Runner() as runner:
            runner.run(told.start())
            told.open()
            if shadow is not None:
                _until_asked(told)

            def writing(gate: Gate) -> Callable[[int], None]:
                async def asking(times: int) -> None:
                    for _ in range(times):
                        await gate.write(event, context)

                return lambda times: runner.run(asking(times))

            without, with_it = timed_together([writing(plain), writing(told)], effort)
            runner.run(told.stop())
    return attrs.evolve(with_it, seconds=with_it.seconds - without.seconds)


def _until_asked(gate: Gate) -> None:
    """Wait for the shadow policy.

    :raises TimeoutError: it does not come.
    """
    desk = gate.plugin(DESK)
    assert isinstance(desk, Desk)
    deadline = time.monotonic() + _SHADOW_SECONDS
    while desk._shadow.pair is None:
        if time.monotonic() > deadline:
            raise TimeoutError("the shadow policy is not asked")
        time.sleep(0.01)


def read(events: Sequence[Event], effort: Effort) -> tuple[Timed, int]:
    """A decision about one of a REQ's events, and how many of them the reader may be given."""
    gate = gate_with(_plugin(READ_POLICY))
    context = Context(authenticated=(key(0),))

    async def asking(times: int) -> None:
        for _ in range(times):
            await gate.reads(events, context)

    with asyncio.Runner() as runner:
        given = sum(answer.accepted for answer in runner.run(gate.reads(events, context)))
        return timed(lambda times: runner.run(asking(times)), effort, len(events)), given


def _plugin(policy: bytes) -> PolicyPlugin:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "policy.json")
        path.write_bytes(policy)
        return PolicyPlugin.load(path)
