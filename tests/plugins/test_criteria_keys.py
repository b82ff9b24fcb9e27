"""Criteria whose values have lists of keys: keys, and names of the policy's lists."""

from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from bech32 import bech32_encode, convertbits
from examples import ALICE, BOB, CAROL, DAVE, NOBODY, NOW, AnEvent, by
from live.making import eventually
from relay.signing import named_key

from orly_policy_hookspecs import Context, Criterion, Event, InvalidSettings, hookimpl
from orly_policy_hookspecs.criteria import ReadKeys
from orly_policy_plugin.policy import key_reader

from .test_criteria import Criteria, members
from .test_section import Json, Relayed, problems, started

LISTS: Json = {"friends": {"file": "friends.txt"}}
POLICY: Json = {
    "lists": LISTS,
    "rules": {"1": {"x_only": {"these": [ALICE, "@friends"]}}, "2": {"size_limit": 1_000_000}},
}
Value = tuple[Container[str], ...]


def read(value: Any, keys: ReadKeys) -> Value:
    try:
        return (keys(value["these"]),)
    except InvalidSettings as error:
        raise error.within("these") from error


def is_another(_: Event, context: Context, value: Value) -> str | None:
    (these,) = value
    return None if any(key in these for key in context.authenticated) else "blocked: another"


class Only:
    """A plugin with ``x_only``, which notes the values that it hears of."""

    def __init__(self) -> None:
        self.values: list[Any] = []

    @hookimpl
    def criteria(self) -> list[Criterion]:
        return [
            Criterion(
                name="x_only",
                unit="keys",
                read_with_keys=read,
                refuses=is_another,
                decided=lambda *told: self.values.append(told[-1]),
            )
        ]


@pytest.fixture
def only() -> Only:
    return Only()


@pytest.fixture
def running(tmp_path: Path, only: Only) -> Iterator[Relayed]:
    (tmp_path / "friends.txt").write_text(f"{BOB}\n")
    relayed = started(tmp_path, POLICY, it=only)
    relayed.engine.start()
    yield relayed
    relayed.engine.stop()


def may(relayed: Relayed, *keys: str) -> list[bool]:
    """Whether each may write."""
    return [relayed.gate.blocking.write(AnEvent(), by(key)).accepted for key in keys]


def test_its_keys_and_those_of_the_lists_that_it_names(running: Relayed) -> None:
    assert may(running, ALICE, BOB, CAROL) == [True, True, False]


def test_a_list_that_changes_is_obeyed(tmp_path: Path, running: Relayed, only: Only) -> None:
    """In what is asked, and in what is told of decisions; other rules stay compiled."""
    other = running.engine.snapshot.writes.for_kind(2)
    (tmp_path / "friends.txt").write_text(f"{CAROL}\n")
    eventually(lambda: may(running, ALICE, BOB, CAROL) == [True, False, True])
    running.gate.blocking.write(AnEvent(kind=7), NOBODY)
    (((these,),),) = only.values[-1:]
    assert [key in these for key in (ALICE, BOB, CAROL)] == [True, False, True]
    assert running.engine.snapshot.writes.for_kind(2) is other


def test_a_list_that_names_one_list_is_not_copied() -> None:
    """It may have a million keys."""
    friends = frozenset({BOB})
    assert key_reader({"friends": friends})(["@friends"]) is friends


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ([ALICE], {ALICE}),
        ([ALICE.upper()], {ALICE}),
        ([bech32_encode("npub", convertbits(bytes.fromhex(BOB), 8, 5))], {BOB}),
        (["@friends", "@friends"], {BOB}),
        (["@friends", "@empty", CAROL], {BOB, CAROL}),
        (["@empty"], set()),
        ([], set()),
    ],
)
def test_what_is_in_a_list(written: list[str], found: set[str]) -> None:
    keys = key_reader({"friends": frozenset({BOB}), "empty": frozenset()})(written)
    assert {key for key in (ALICE, BOB, CAROL, DAVE) if key in keys} == found


@pytest.mark.parametrize(
    ("these", "why"),
    [
        (ALICE, "these: expected a list of public keys, found "),
        (
            [ALICE, "@freinds"],
            "these[1]: '@freinds' names no list of this policy; did you mean '@f",
        ),
        ([ALICE, 5], "these[1]: the number 5 is not a public key: 64 hex characters or npub1…"),
        (["@"], "these[0]: '' is no name of a list"),
    ],
)
def test_a_list_that_is_wrong_keeps_the_relay_closed(
    tmp_path: Path, only: Only, these: Any, why: str
) -> None:
    """With its place, as a rule's own list does."""
    (tmp_path / "friends.txt").write_text(f"{BOB}\n")
    policy = {"lists": LISTS, "rules": {"1": {"x_only": {"these": these}}}}
    (found,) = problems(tmp_path, policy, it=only)
    assert found.startswith(f"rules.1.x_only.{why}")


def test_a_list_that_is_gone_while_a_criterion_names_it(running: Relayed) -> None:
    """The policy is refused, and what was in force stays."""
    gone = {"rules": {"1": {"x_only": {"these": ["@friends"]}}}}
    running.save_until(gone, lambda: running.engine.status.problems != ())
    (problem,) = running.engine.status.problems
    assert problem.place == "rules.1.x_only.these[0]"
    assert may(running, ALICE, BOB, CAROL) == [True, True, False]


def test_a_criterion_is_read_in_one_way() -> None:
    for given in ({}, {"read": list, "read_with_keys": read}):
        with pytest.raises(ValueError, match="x_only is read, or read with keys: give one of th"):
            Criterion(name="x_only", unit="keys", refuses=is_another, **given)


def test_problems_are_seen_from_an_outer_place() -> None:
    error = InvalidSettings({"": "a", "[2]": "b", "who": "c"}).within("[1]").within("it")
    assert error.problems == {"it[1]": "a", "it[1][2]": "b", "it[1].who": "c"}


def friendly() -> Criterion:
    """It lets in who is in its list."""

    def lets_in(_: Event, context: Context, value: Container[str]) -> bool:
        return any(key in value for key in context.authenticated)

    return Criterion(
        name="x_friends",
        unit="keys",
        read_with_keys=lambda value, keys: keys(value),
        lets_in=lets_in,
    )


def test_a_criterion_that_lets_in_names_lists_too(tmp_path: Path) -> None:
    """As an allow list of the rule does."""
    (tmp_path / "friends.txt").write_text(f"{BOB}\n")

    policy = {"lists": LISTS, "rules": {"1": {"x_friends": ["@friends"]}}}
    relayed = started(tmp_path, policy, it=Criteria([friendly(), members()]))
    assert may(relayed, ALICE, BOB) == [False, True]


AUTHOR = named_key("a list's author")
MUTES: Json = {"mutes": {"author": AUTHOR.pubkey, "kind": 10_000}}


@pytest.mark.parametrize(
    "rule", [{"x_only": {"these": [ALICE, "@mutes"]}}, {"x_friends": ["@mutes"]}]
)
def test_a_criterion_that_names_a_list_which_is_not_known_yet_keeps_everybody_out(
    tmp_path: Path, only: Only, rule: Json
) -> None:
    """Whoever else may: whether it lets in or keeps out, only its plugin knows."""
    rule = {**rule, "write_allow": [ALICE], "write_deny": [DAVE]}
    plugins = {"it": only, "friends": Criteria([friendly()])}
    relayed = started(tmp_path, {"lists": MUTES, "rules": {"1": rule}}, **plugins)
    answer = relayed.gate.blocking.write(AnEvent(), by(ALICE))
    assert answer.message.startswith("error: a list of people")
    assert may(relayed, ALICE, BOB, CAROL) == [False, False, False]
    mutes = AUTHOR.event(10_000, "", [["p", BOB]], NOW)
    relayed.gate.blocking.list_event(AnEvent(**mutes), NOBODY)
    assert may(relayed, ALICE, CAROL) == [True, False]
    assert may(relayed, BOB) == ["x_friends" in rule]


@attrs.define(eq=False)
class Failing:
    """A plugin that stops being able to read its values."""

    fails: bool = False

    @hookimpl
    def criteria(self) -> list[Criterion]:
        return [
            Criterion(
                name="x_refuses",
                unit="keys",
                read_with_keys=self.read,
                refuses=lambda *_: None,
                decided=lambda *_: None,
            ),
            Criterion(
                name="x_lets_in",
                unit="keys",
                read_with_keys=self.read,
                lets_in=lambda _, context, value: any(
                    key in value for key in context.authenticated
                ),
            ),
        ]

    def read(self, value: Any, keys: ReadKeys) -> Container[str]:
        if self.fails:
            raise RuntimeError("too many keys")
        return keys(value)


def test_a_criterion_that_cannot_read_its_value_keeps_no_list_from_being_obeyed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its rules deny, and name it, until it can; all others go on."""
    rules = {
        "1": {"x_refuses": ["@friends"], "read_allow": []},
        "2": {"x_lets_in": ["@friends"]},
        "3": {"write_deny": ["@friends"]},
    }
    friends, failing = tmp_path / "friends.txt", Failing()
    friends.write_text(f"{ALICE}\n")
    policy = {"default_policy": "allow", "lists": LISTS, "rules": rules}
    relayed = started(tmp_path, policy, it=failing)

    def answers(key: str) -> list[str]:
        writes = (AnEvent(kind=kind) for kind in (1, 2, 3))
        told = [relayed.gate.blocking.write(event, by(key)).message for event in writes]
        return [message.partition(":")[0] for message in told]

    relayed.engine.start()
    try:
        assert answers(ALICE) == ["", "", "restricted"]
        failing.fails = True
        friends.write_text(f"{ALICE}\n{BOB}\n")
        eventually(lambda: answers(BOB) == ["error", "error", "restricted"])
        assert answers(ALICE) == ["error", "error", "restricted"]
        assert "the criterion x_refuses of the plugin it could not read its value" in caplog.text
        assert "RuntimeError: too many keys" in caplog.text
        failing.fails = False
        friends.write_text(f"{BOB}\n")
        eventually(lambda: answers(ALICE) == ["", "restricted", ""])
    finally:
        relayed.engine.stop()
