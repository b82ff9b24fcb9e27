"""What explains a decision says the same as the relay."""

import asyncio
from pathlib import Path
from typing import Any

import attrs
import pytest
from depth import times
from examples import ALICE, BOB, CAROL, NOW, AnEvent, by
from hypothesis import given, settings
from hypothesis import strategies as st

from orly_policy_hookspecs import Context, Decision, Event, Gate, GateSettings, frozen, hookimpl
from orly_policy_plugin.cli.explain import Explaining
from orly_policy_plugin.decisions import compile_policy
from orly_policy_plugin.plugin import NAME, PolicyPlugin
from orly_policy_plugin.plugins import PluginsOfGate
from orly_policy_plugin.policy import structure_policy, write_policy
from orly_policy_plugin.policy.fields import BOTH
from orly_policy_plugin.scripts import Scripts

from .test_criteria import Criteria, is_member, members, shortest, too_short

PEOPLE = (ALICE, BOB, CAROL)


async def later(event: Event, context: Context, least: int) -> str | None:
    await asyncio.sleep(0)
    if event.content == "fail":
        raise OSError
    return too_short(event, context, least)


async def is_member_later(event: Event, context: Context, people: list[str]) -> bool:
    await asyncio.sleep(0)
    if event.content == "fail":
        raise OSError
    return is_member(event, context, people)


class Opinions:
    """A plugin that says what an event's content says."""

    @hookimpl
    def on_write(self, event: Event) -> Decision | None:
        return self._of(event)

    @hookimpl
    async def on_read(self, event: Event) -> Decision | None:
        return self._of(event)

    def _of(self, event: Event) -> Decision | None:
        match event.content:
            case "no":
                return Decision.reject("restricted: no")
            case "shadow":
                return Decision.shadow_reject()
            case "vouch":
                return Decision.vouch()
            case "fallback":
                return Decision.fallback("blocked: no")
            case "yes":
                return Decision.accept()
        return None


def plugins() -> dict[str, object]:
    return {
        "criteria": Criteria(
            [shortest(later, asked_on=("write", "read")), members(is_member_later)]
        ),
        "opinions": Opinions(),
    }


people = st.lists(st.sampled_from(PEOPLE), max_size=2, unique=True)
rules = st.fixed_dictionaries(
    {},
    optional={
        "x_shortest": st.integers(0, 6),
        "x_members": people,
        "content_limit": st.integers(0, 8),
        "write_allow": people,
        "write_deny": people,
        "read_allow": people,
        "privileged": st.booleans(),
    },
)
policies = st.fixed_dictionaries(
    {"default_policy": st.sampled_from(["allow", "deny"])},
    optional={
        "global": rules,
        "rules": st.dictionaries(st.just("1"), rules),
        "plugins": st.just({"opinions": False}),
    },
)
contents = st.sampled_from(["", "no", "shadow", "vouch", "fallback", "yes", "fail", "a text"])
questions = st.tuples(contents, st.sampled_from(PEOPLE), st.integers(1, 2), people.map(tuple))


@settings(max_examples=times(40, 1_000), deadline=None)
@given(policies, st.lists(questions, min_size=8, max_size=12), st.booleans())
def test_it_agrees_with_the_relay(
    tmp_path_factory: pytest.TempPathFactory,
    policy: dict[str, Any],
    asked: list[Any],
    vouches: bool,
) -> None:
    """With plugins and criteria in force, whatever is asked."""
    may_vouch = ("opinions",) if vouches else ()
    made = structure_policy(policy)
    path = tmp_path_factory.mktemp("relay") / "policy.json"
    path.write_bytes(write_policy(made))
    relay = Gate(GateSettings(may_vouch_write=may_vouch, may_vouch_read=may_vouch))
    relay.register(PolicyPlugin.load(path, clock=lambda: NOW), NAME)
    installed = Gate()
    for name, plugin in plugins().items():
        relay.register(plugin, name)
        installed.register(plugin, name)
    relay.check()
    fitted = PluginsOfGate(installed).fit(made, None)
    fitted.put_in_force()
    snapshot = compile_policy(made, plugins=fitted)
    explaining = Explaining(snapshot, installed, Scripts(path.parent), may_vouch)
    asyncio.run(compared(relay, explaining, asked))


async def compared(relay: Gate, explaining: Explaining, asked: list[Any]) -> None:
    for content, author, kind, keys in asked:
        event = frozen(AnEvent(content=content, pubkey=author, kind=kind))
        context = Context(authenticated=keys)
        for access in BOTH:
            decision = await (relay.write if access == "write" else relay.read)(event, context)
            explained = await explaining.explained(access, event, context, NOW)
            assert explained.decision.verdict is decision.verdict
            # A firm no is the relay's answer as soon as it is there, whoever else would say it.
            said = [explained.decision.message, *(step.seen for step in explained.steps)]
            assert any(decision.message in each for each in said)


@pytest.mark.parametrize(
    ("rule", "content", "keys", "message", "steps"),
    [
        ({}, "hello", (ALICE,), "", [("x_shortest", "pass"), ("x_members", "grant")]),
        (
            {},
            "hello",
            (BOB,),
            "restricted: not allowed to write events of kind 1",
            [("x_shortest", "pass"), ("x_members", "deny")],
        ),
        ({}, "hi", (ALICE,), "invalid: under 3", [("x_shortest", "deny")]),
        ({}, "fail", (ALICE,), "error: a policy plugin failed", [("x_shortest", "deny")]),
        (
            {"x_shortest": None},
            "fail",
            (ALICE,),
            "error: a policy plugin failed",
            [("x_members", "deny")],
        ),
        (
            {"write_allow": [BOB]},
            "hello",
            (ALICE,),
            "",
            [("x_shortest", "pass"), ("write_allow", "no match"), ("x_members", "grant")],
        ),
        (
            {"x_others": [ALICE]},
            "hello",
            (ALICE,),
            "",
            [("x_shortest", "pass"), ("x_members", "grant")],
        ),
    ],
)
def test_each_criterion_is_a_step(
    tmp_path: Path,
    rule: dict[str, Any],
    content: str,
    keys: tuple[str, ...],
    message: str,
    steps: list[tuple[str, str]],
) -> None:
    """With what it has answered, as far as it was asked."""
    criteria = {"x_shortest": 3, "x_members": [ALICE]}
    policy = structure_policy({"default_policy": "deny", "rules": {"1": criteria | rule}})
    gate = Gate()
    others = attrs.evolve(members(), name="x_others")
    gate.register(plugins()["criteria"], "criteria")
    gate.register(Criteria([others]), "others")
    snapshot = compile_policy(policy, plugins=PluginsOfGate(gate).fit(policy, None))
    explaining = Explaining(snapshot, gate, Scripts(tmp_path), ())
    asked = explaining.explained("write", frozen(AnEvent(content=content)), by(*keys), NOW)
    explained = asyncio.run(asked)
    assert explained.decision.message == message
    assert explained.decision.accepted is not bool(message)
    made = [(step.place.removeprefix("rules.1."), step.outcome) for step in explained.steps]
    assert made == steps
    limits = {step.place: step.limit for step in explained.steps}
    assert limits.get("rules.1.x_shortest", "x_shortest 3") == "x_shortest 3"
