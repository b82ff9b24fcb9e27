"""The pack's plugins, asked as a relay asks them: by a policy that has their field in a rule."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from orly_policy_hookspecs import BlockingGate, Context, Decision, FrozenEvent, hookimpl
from orly_policy_hookspecs.testing import NOBODY, Key, Running, by
from orly_policy_plugin.plugin import PolicyPlugin
from orly_policy_plugin.policy import InvalidPolicy

ROOT: Final = Path(__file__).parents[2]
ALICE, BOB, CAROL = Key("alice"), Key("bob"), Key("carol")


class Clock:
    """Seconds that a test lets pass."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def in_force(folder: Path, it: object, rule: Any) -> Iterator[BlockingGate]:
    """A gate with the plugin and a policy with this rule for kind 1."""
    with policy_in_force(folder, it, {"rules": {"1": rule}}) as gate:
        yield gate


@contextmanager
def policy_in_force(folder: Path, it: object, policy: Any) -> Iterator[BlockingGate]:
    """A gate with the plugin and a policy."""
    path = folder / "policy.json"
    path.write_text(json.dumps(policy))
    with Running(it, PolicyPlugin.load(path), name="it") as gate:
        yield gate


def says(gate: BlockingGate, event: FrozenEvent, context: Any = NOBODY) -> str:
    """What the client is told of a write; ``OK`` where it is accepted."""
    decision = gate.write(event, context)
    return "OK" if decision.accepted else decision.message


def said(folder: Path, it: object, rule: Any, *events: FrozenEvent, context: Any = NOBODY) -> Any:
    """What is told of each event, one after the other; of a single one not in a list."""
    with in_force(folder, it, rule) as gate:
        told = [says(gate, event, context) for event in events]
    return told if len(told) > 1 else told[0]


class SlowFor:
    """A plugin that thinks about the writes of one client until it is told what to answer."""

    def __init__(self, key: Key) -> None:
        self.__name__ = "slow"
        self._pubkey = key.pubkey
        self.asked, self.answer = asyncio.Event(), asyncio.Queue[Decision | None]()

    @hookimpl
    async def on_write(self, context: Context) -> Decision | None:
        if self._pubkey not in context.authenticated:
            return None
        self.asked.set()
        return await self.answer.get()


def twice_at_once(
    folder: Path, it: object, rule: Any, event: FrozenEvent, answers: tuple[bool, bool]
) -> Callable[[FrozenEvent], bool]:
    """Ask about an event on two connections at once.

    :param answers: whether it is accepted on the one that is asked about first, which is answered
        first, and on the other.
    :return: asks about another event then.
    """
    path = folder / "policy.json"
    path.write_text(json.dumps({"rules": {"1": rule}}))
    slow = [SlowFor(ALICE), SlowFor(BOB)]
    for name, each in zip("ab", slow, strict=True):
        each.__name__ = name
    running = Running(it, PolicyPlugin.load(path), *slow)

    async def asked() -> None:
        async with running as gate:
            asking = []
            for key, each in zip((ALICE, BOB), slow, strict=True):
                asking.append(asyncio.ensure_future(gate.write(event, by(key))))
                await asyncio.wait_for(each.asked.wait(), 60)
            for question, each, answer in zip(asking, slow, answers, strict=True):
                each.answer.put_nowait(None if answer else Decision.reject("not this time"))
                assert (await question).accepted is answer

    asyncio.run(asked())
    return lambda other: running.gate.blocking.write(other, NOBODY).accepted


def problem(folder: Path, it: object, rule: Any, within: str = "") -> str:
    """What the operator is told of a rule that is wrong, behind its place.

    :param within: the place in the field's value.
    """
    with pytest.raises(InvalidPolicy) as caught, in_force(folder, it, rule):
        pass
    (found,) = caught.value.problems
    place, _, why = str(found).partition(": ")
    (field,) = rule
    assert place == f"rules.1.{field}{within}"
    return why
