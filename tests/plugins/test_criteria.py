"""Criteria: fields of plugins' own in the rules of a policy."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from examples import ALICE, BOB, CAROL, NOBODY, NOW, AnEvent, by

from orly_policy_hookspecs import Context, Criterion, Event, Gate, PluginError, hookimpl
from orly_policy_hookspecs.criteria import Access
from orly_policy_plugin.plugin import NAME, PolicyPlugin

from .test_section import Json, problems, started


def whole_number(value: object) -> int:
    if type(value) is not int:
        raise ValueError(f"expected a number of characters, found {value!r}")
    return value


def too_short(event: Event, _: Context, least: int) -> str | None:
    return f"invalid: under {least}" if len(event.content) < least else None


def is_member(_: Event, context: Context, members: list[str]) -> bool:
    return not set(members).isdisjoint(context.authenticated)


@attrs.frozen(eq=False)
class Criteria:
    """A plugin with criteria and nothing else."""

    given: Any

    @hookimpl
    def criteria(self) -> Any:
        return self.given


def shortest(ask: Callable[..., Any] = too_short, **more: Any) -> Criterion:
    made = {"name": "x_shortest", "unit": "characters", "read": whole_number, "refuses": ask}
    return Criterion(**(made | more))


def members(ask: Callable[..., Any] = is_member, *asked_on: Access) -> Criterion:
    return Criterion(
        name="x_members", unit="keys", read=list, asked_on=asked_on or ("write",), lets_in=ask
    )


def says(
    folder: Path,
    policy: Json,
    *keys: str,
    content: str = "hello",
    access: str = "write",
    **more: Any,
) -> str:
    """The message of an answer; ``OK`` where it is accepted."""
    gate = started(folder, policy, **more).gate
    ask = gate.blocking.write if access == "write" else gate.blocking.read
    decision = ask(AnEvent(content=content), by(*keys))
    return "OK" if decision.accepted else decision.message


RULE = {"rules": {"1": {"x_shortest": 3}}}


@pytest.mark.parametrize("place", ["global", "1"])
def test_a_criterion_refuses(tmp_path: Path, place: str) -> None:
    """In the global rule as in a kind's, with its own words."""
    rule = {"x_shortest": 3}
    policy: Json = {"global": rule} if place == "global" else {"rules": {"1": rule}}
    plugin = Criteria([shortest()])
    assert says(tmp_path, policy, content="hi", it=plugin) == "invalid: under 3"
    assert says(tmp_path, policy, content="hello", it=plugin) == "OK"


def test_a_refusal_has_the_place_of_its_criterion(tmp_path: Path) -> None:
    gate = started(tmp_path, RULE, it=Criteria([shortest()])).gate
    assert gate.blocking.write(AnEvent(content="hi"), NOBODY).place == "rules.1.x_shortest"


def test_it_counts_in_its_place(tmp_path: Path) -> None:
    """After the built-in limits, before deny lists; the first that fails has the word."""
    plugin = Criteria([shortest()])
    rule = {"x_shortest": 9, "content_limit": 4, "write_deny": [ALICE]}
    policy: Json = {"rules": {"1": rule}}
    assert says(tmp_path, policy, it=plugin).startswith("blocked: content is 5 bytes")
    rule["content_limit"] = 100
    assert says(tmp_path, policy, it=plugin) == "invalid: under 9"
    rule["x_shortest"] = 1
    assert says(tmp_path, policy, it=plugin).startswith("restricted:")


def test_it_is_asked_no_more_than_it_has_to(tmp_path: Path) -> None:
    """Not about events that are refused before, other kinds, or another access."""
    asked: list[int] = []

    def ask(event: Event, _: Context, __: object) -> None:
        asked.append(event.kind)

    gate = started(
        tmp_path,
        {"rules": {"1": {"x_shortest": 1, "content_limit": 3}}},
        it=Criteria([shortest(ask)]),
    ).gate
    for event in (AnEvent(content="long"), AnEvent(kind=2), AnEvent(content="ok")):
        gate.blocking.write(event, NOBODY)
        gate.blocking.read(event, NOBODY)
    assert asked == [1]


@pytest.mark.parametrize("is_async", [False, True])
def test_a_criterion_lets_in(tmp_path: Path, is_async: bool) -> None:
    """It is one of the rule's allow lists: who matches none is denied."""

    async def ask(event: Event, context: Context, value: list[str]) -> bool:
        await asyncio.sleep(0)
        return is_member(event, context, value)

    plugin = Criteria([members(ask if is_async else is_member)])
    policy: Json = {"default_policy": "deny", "rules": {"1": {"x_members": [ALICE]}}}
    assert says(tmp_path, policy, ALICE, it=plugin) == "OK"
    assert says(tmp_path, policy, BOB, it=plugin).startswith("restricted:")
    assert says(tmp_path, policy, it=plugin).startswith("auth-required:")
    policy["rules"]["1"]["write_allow"] = [BOB]
    assert says(tmp_path, policy, BOB, it=plugin) == "OK"
    assert says(tmp_path, policy, ALICE, it=plugin) == "OK"


def test_an_allow_list_of_its_own_is_asked_last(tmp_path: Path) -> None:
    """A key in the file needs no plugin."""

    def ask(*_: object) -> bool:
        raise AssertionError

    policy: Json = {"rules": {"1": {"x_members": [], "write_allow": [BOB]}}}
    assert says(tmp_path, policy, BOB, it=Criteria([members(ask)])) == "OK"


def test_reads_are_asked_about_too(tmp_path: Path) -> None:
    """And nothing is foretold of a reader whom a criterion may let in."""
    plugin = Criteria([members(is_member, "read")])
    policy: Json = {"default_policy": "deny", "rules": {"1": {"x_members": [ALICE]}}}
    relayed = started(tmp_path, policy, it=plugin)
    for key, may in ((ALICE, True), (BOB, False)):
        assert relayed.gate.blocking.read(AnEvent(), by(key)).accepted is may
        scope = relayed.gate.read_scopes(by(key)).of_kind(1)
        assert (scope.denial, scope.grants_rest) == (None, False)
        assert scope.tells_addresses_apart
    assert relayed.gate.read_scopes(by(ALICE)).of_kind(2).denial is not None


def test_a_reader_whom_a_list_lets_in_is_known_beforehand(tmp_path: Path) -> None:
    """Beside a criterion, which others are to be asked about."""
    rule = {"x_members": [ALICE], "read_allow": [BOB]}
    policy: Json = {"default_policy": "deny", "rules": {"1": rule}}
    relayed = started(tmp_path, policy, it=Criteria([members(is_member, "read")]))
    assert relayed.gate.read_scopes(by(BOB)).of_kind(1).grants_rest
    assert not relayed.gate.read_scopes(by(ALICE)).of_kind(1).grants_rest


LIMITS: Json = {"content_limit": 5, "max_age_of_event": 60}
QUESTIONS: list[tuple[Json, tuple[str, ...]]] = [
    ({}, (ALICE,)),
    ({}, (BOB,)),
    ({}, (CAROL,)),
    ({}, ()),
    ({"content": "too long"}, (ALICE,)),
    ({"created_at": NOW - 61}, (ALICE,)),
    ({"kind": 2}, (BOB,)),
    ({"kind": 2}, ()),
]


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("default", ["allow", "deny"])
@pytest.mark.parametrize(
    "policy",
    [
        {"global": {"write_allow": [ALICE, BOB]}, "rules": {"1": LIMITS}},
        {"rules": {"1": LIMITS | {"write_allow": [ALICE], "write_deny": [CAROL]}}},
        {"rules": {"1": LIMITS | {"follows_whitelist_admins": [ALICE]}}},
        {"rules": {"1": LIMITS}},
    ],
)
def test_beside_one_that_passes_all_is_decided_as_without_it(
    tmp_path: Path, policy: Json, default: str, is_async: bool
) -> None:
    """Before and after it, in the global rule and in a kind's, waited for or not."""

    async def later(*_: object) -> None:
        await asyncio.sleep(0)

    def at_once(*_: object) -> None:
        return None

    plain = {"default_policy": default, "rules": {}, "global": {}} | policy
    asking = plain | {"global": plain["global"] | {"x_shortest": 1}}
    asking["rules"] = {kind: rule | {"x_shortest": 1} for kind, rule in plain["rules"].items()}
    plugin = Criteria([shortest(later if is_async else at_once)])
    answers = []
    for each in (plain, asking):
        gate = started(tmp_path, each, it=plugin).gate
        answers.append(
            [gate.blocking.write(AnEvent(**event), by(*keys)) for event, keys in QUESTIONS]
        )
        gate.blocking.close()
    assert answers[0] == answers[1]


def test_a_script_and_a_rate_come_after(tmp_path: Path) -> None:
    """What a criterion lets pass is charged, what it refuses is not."""

    async def ask(event: Event, context: Context, least: int) -> str | None:
        return too_short(event, context, least)

    policy: Json = {"rules": {"1": {"x_shortest": 3, "rate_limit": 40}}}
    gate = started(tmp_path, policy, it=Criteria([shortest(ask)])).gate
    answers = [
        gate.blocking.write(AnEvent(content=text), NOBODY) for text in ("a", "b", "abc", "abc")
    ]
    assert [each.message[:12] for each in answers] == ["invalid: und"] * 2 + ["", "rate-limited"]


async def never(*_: object) -> None:
    await asyncio.Event().wait()


async def raising(*_: object) -> None:
    raise KeyError("secret")


def raising_now(*_: object) -> None:
    raise KeyError("secret")


@pytest.mark.parametrize(
    ("criterion", "said"),
    [
        (shortest(raising), "the criterion x_shortest of the plugin it failed"),
        (shortest(raising_now), "the criterion x_shortest of the plugin it failed"),
        (shortest(never), "no answer within 0.05 seconds"),
        (shortest(lambda *_: False), "x_shortest of the plugin it answered False, not a text"),
        (members(lambda *_: None), "x_members of the plugin it answered None, not True or False"),
    ],
)
def test_a_criterion_that_fails_is_a_rejection(
    tmp_path: Path, criterion: Criterion, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is named in the log; the client is told of a fault, and no more."""
    path = tmp_path / "policy.json"
    value: Any = 3 if criterion.name == "x_shortest" else []
    path.write_text(json.dumps({"rules": {"1": {criterion.name: value}}}))
    gate = Gate()
    gate.register(PolicyPlugin.load(path, criterion_timeout_seconds=0.05), NAME)
    gate.register(Criteria([criterion]), "it")
    gate.check()
    decision = gate.blocking.write(AnEvent(), NOBODY)
    assert (decision.accepted, decision.message) == (False, "error: a policy plugin failed")
    assert said in caplog.text


def test_what_is_not_known_yet_denies(tmp_path: Path) -> None:
    """Before the plugins are there, a rule with a criterion lets nothing through."""
    path = tmp_path / "policy.json"
    path.write_text(json.dumps({"rules": {"1": {"x_shortest": 3}}}))
    gate = Gate()
    gate.register(PolicyPlugin.load(path), NAME)
    decision = gate.blocking.write(AnEvent(), NOBODY)
    assert decision.message == "error: the policy could not be evaluated"
    assert gate.blocking.write(AnEvent(kind=2), NOBODY).accepted


@pytest.mark.parametrize(
    ("policy", "problem"),
    [
        (
            {"global": {"x_shortst": 3}},
            "global.x_shortst: no plugin has this criterion; did you mean",
        ),
        (
            RULE | {"plugins": {"it": False}},
            "rules.1.x_shortest: this is a criterion of the plugin it,",
        ),
        (
            {"rules": {"7": {"x_shortest": "a"}}},
            "rules.7.x_shortest: expected a number of characters",
        ),
        (
            {"rules": {"7": {"x_members": 3}}},
            "rules.7.x_members: the plugin it failed to read it:",
        ),
    ],
)
def test_a_value_that_is_wrong_keeps_the_relay_closed(
    tmp_path: Path, policy: Json, problem: str
) -> None:
    """With its place."""
    (found,) = problems(tmp_path, policy, it=Criteria([shortest(), members()]))
    assert found.startswith(problem)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ([shortest(), shortest()], "plugin it registers x_shortest twice"),
        (5, "plugin it: criteria answered 5, not a list"),
        (["x_pow"], "plugin it: 'x_pow' is no Criterion"),
    ],
)
def test_a_plugin_without_usable_criteria(tmp_path: Path, given: Any, why: str) -> None:
    with pytest.raises(PluginError, match=why):
        started(tmp_path, {}, it=Criteria(given))


def test_two_plugins_with_one_criterion(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="the plugins a and b both register x_shortest"):
        started(tmp_path, {}, b=Criteria([shortest()]), a=Criteria([shortest()]))


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"name": "size_limit"}, "'size_limit' is no name of a criterion: it is x_ and"),
        ({"name": "x_"}, "'x_' is no name"),
        ({"name": 5}, "5 is no name"),
        ({"lets_in": is_member}, "x_shortest either refuses or lets in"),
        ({"refuses": None}, "x_shortest either refuses or lets in"),
        ({"asked_on": ()}, "x_shortest is asked on write, on read, or on both"),
        ({"asked_on": ("wirte",)}, "x_shortest is asked on write, on read, or on both"),
    ],
)
def test_what_is_no_criterion(wrong: Json, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        shortest(**wrong)


@pytest.mark.parametrize(
    ("says", "words"),
    [
        ("at least {}", "at least 3"),
        ("", "x_shortest 3"),
        (lambda value: f"over {value - 1}", "over 2"),
    ],
)
def test_a_value_in_words(says: Any, words: str) -> None:
    """By a text with a gap, or by a function."""
    assert shortest(says=says).in_words(3) == words


def test_an_event_cannot_be_changed_by_one(tmp_path: Path) -> None:
    """A host's own event is not handed to plugins."""
    seen: list[Event] = []

    def ask(event: Event, *_: object) -> None:
        seen.append(event)

    event = AnEvent()
    started(tmp_path, RULE, it=Criteria([shortest(ask)])).gate.blocking.write(event, NOBODY)
    assert seen[0] is not event
    with pytest.raises(AttributeError):
        seen[0].content = "other"  # type: ignore[misc]


def test_a_slow_one_is_told_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One that holds up the event loop."""
    path = tmp_path / "policy.json"
    path.write_text(json.dumps(RULE))
    gate = Gate()
    gate.register(PolicyPlugin.load(path, criterion_timeout_seconds=0.001), NAME)
    gate.register(Criteria([shortest(lambda *_: time.sleep(0.01))]), "it")
    gate.check()
    assert gate.blocking.write(AnEvent(), NOBODY).accepted
    assert "rules.1.x_shortest took 0.0 seconds of the event loop" in caplog.text
