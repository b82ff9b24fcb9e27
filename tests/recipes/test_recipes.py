"""The recipes: valid, safe as they stand, and described by their suites."""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from examples import ALICE, BOB

from orly_policy_plugin.cli.test.suites import Case, Suite, read_suite
from orly_policy_plugin.decisions import compile_policy
from orly_policy_plugin.decisions.private import PRIVATE_KINDS
from orly_policy_plugin.lint import Examined, slips
from orly_policy_plugin.lists.members import read_lines
from orly_policy_plugin.policy import Policy, read_policy, structure_policy
from orly_policy_plugin.recipes import POLICY_FILE, RECIPES, SUITE_FILE, files_of
from orly_policy_plugin.recipes.pretty_json import pretty_json

GIVEN = [
    pytest.param(recipe, keys, id=f"{name}-{len(keys)}")
    for name, recipe in RECIPES.items()
    for keys in ((), (ALICE,), (ALICE, BOB))
    if keys or not recipe.needs_key
]
each_recipe = pytest.mark.parametrize(("recipe", "keys"), GIVEN)
UNNOTICED = {"rate_limit", "default_policy"}
"""Suites charge no rates; the default is written out where it decides nothing, to be read."""


def suite_of(files: dict[str, str]) -> Suite:
    return read_suite(json.loads(files[SUITE_FILE]), beside_policy=True)


def failures(policy: Policy, suite: Suite) -> Iterator[Case]:
    """The cases that a policy answers otherwise."""
    snapshot = compile_policy(policy, follows=suite.follows, lists=suite.lists)
    for case in suite.cases:
        explained = snapshot.explain(case.access, case.event, case.authed, suite.now)
        if explained.decision.accepted is not case.allowed:
            yield case


@each_recipe
def test_its_suite_passes(recipe: Any, keys: tuple[str, ...]) -> None:
    """Every case is answered as it says."""
    files = files_of(recipe, keys)
    suite = suite_of(files)
    assert list(failures(read_policy(files[POLICY_FILE].encode()), suite)) == []
    assert {case.allowed for case in suite.cases} == {True, False}
    assert {case.access for case in suite.cases} == {"write", "read"}


@each_recipe
def test_the_lint_says_nothing(recipe: Any, keys: tuple[str, ...]) -> None:
    files = files_of(recipe, keys)
    policy = read_policy(files[POLICY_FILE].encode())
    assert slips(Examined(policy, lists=suite_of(files).lists)) == []


@each_recipe
def test_private_kinds_are_for_their_parties(recipe: Any, keys: tuple[str, ...]) -> None:
    """The suite asks that of each of them: nobody else reads it, whether it is taken or not."""
    suite = suite_of(files_of(recipe, keys))
    for kind in PRIVATE_KINDS:
        reads = [each for each in suite.cases if (each.access, each.event.kind) == ("read", kind)]
        assert any(not each.allowed for each in reads)
        for case in reads:
            parties = {case.event.pubkey, *(tag[1] for tag in case.event.tags if tag[0] == "p")}
            assert not case.allowed or parties.intersection(case.authed)


@each_recipe
def test_its_lists_are_as_the_policy_names_them(recipe: Any, keys: tuple[str, ...]) -> None:
    """Each in its file, with a comment for who opens it."""
    files = files_of(recipe, keys)
    policy = read_policy(files[POLICY_FILE].encode())
    assert files.keys() - {POLICY_FILE, SUITE_FILE} == {
        source.file for source in policy.lists.values()
    }
    for source in policy.lists.values():
        assert source.file
        assert files[source.file].startswith("# ")
        assert read_lines(files[source.file].encode()) <= set(keys)
    named = {*policy.owners}.union(*(read_lines(files[f"{n}.txt"].encode()) for n in policy.lists))
    assert set(keys[:1]) <= named


def members(value: Any, *path: str) -> Iterator[tuple[str, ...]]:
    """The places of a policy's values that decide something."""
    for key, member in value.items() if isinstance(value, dict) else ():
        if not key.startswith("_") and key not in {"description", "owners", "lists"}:
            yield (*path, key)
            yield from members(member, *path, key)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=list(RECIPES))
def test_its_suite_notices_every_field(recipe: Any) -> None:
    """Left out, it makes some case fail: who changes the policy is told."""
    files = files_of(recipe, (ALICE,))
    suite, policy = suite_of(files), json.loads(files[POLICY_FILE])
    unnoticed = set()
    for *outer, last in members(policy):
        changed = deepcopy(policy)
        inner = changed
        for key in outer:
            inner = inner[key]
        del inner[last]
        if not any(failures(structure_policy(changed), suite)):
            unnoticed.add(last)
    assert unnoticed <= UNNOTICED


@each_recipe
def test_it_reads_at_80_columns(recipe: Any, keys: tuple[str, ...]) -> None:
    """And says at its head what it is."""
    files = files_of(recipe, keys)
    assert all(len(line) <= 80 for line in files[POLICY_FILE].splitlines())
    assert '"_about"' in files[POLICY_FILE]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({}, "{}"),
        ([], "[]"),
        ({"a": [1, 2]}, '{"a": [1, 2]}'),
        ("é", '"é"'),
        (list(range(40)), None),
        ({"a" * 60: ["b" * 30], "c": {"d": "e" * 80}}, None),
    ],
)
def test_json_for_people_is_the_same_json(value: Any, text: str | None) -> None:
    written = pretty_json(value)
    assert json.loads(written) == value
    assert text is None or written == text
    assert text is not None or len(written.splitlines()) > 2


def test_an_unknown_field_would_be_seen() -> None:
    """The policies are read strictly."""
    policy = json.loads(files_of(RECIPES["open"], ())[POLICY_FILE])
    assert structure_policy(policy)
