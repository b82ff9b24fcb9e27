"""The engine answers all conformance vectors as they say, and no test of that passes vacuously."""

import copy
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from click.testing import CliRunner

from orly_policy_plugin.cli.command import orly_policy
from orly_policy_plugin.cli.test.suites import Suite, read_suite
from orly_policy_plugin.policy import GlobalRule

FOLDER = Path(__file__).parent
FILES = {"decisions.jsonl.gz": (400, 4800), "extended.jsonl.gz": (120, 1440)}

NOT_IN_THE_VECTORS = {"criteria", "description", "script", "rate_limit"}
RULE_FIELDS = sorted({field.name for field in attrs.fields(GlobalRule)} - NOT_IN_THE_VECTORS)
KIND_LISTS = ["blacklist", "whitelist"]
TOP_FIELDS = [
    "default_policy",
    "global",
    "policy_admins",
    "policy_follow_whitelist_enabled",
    "rules",
]


@pytest.fixture(scope="session")
def suites() -> list[dict[str, Any]]:
    """All suites of both files, as JSON."""
    return [
        json.loads(line)
        for name in FILES
        for line in gzip.open(FOLDER / name, "rt", encoding="utf-8")
    ]


def answers(suite: Suite) -> list[bool]:
    """What the engine's fast path says to each case."""
    snapshot = suite.snapshot()
    return [
        getattr(snapshot, case.access)(case.event, case.authed, suite.now).accepted
        for case in suite.cases
    ]


@pytest.mark.heavy
def test_the_command_agrees_with_every_vector() -> None:
    """``orly-policy test`` over both files runs 6,240 cases, and none fails."""
    paths = [str(FOLDER / name) for name in FILES]
    done = CliRunner().invoke(orly_policy, ["test", *paths])
    assert done.stderr == ""
    assert done.stdout == "6240 cases in 520 suites: all as expected\n"
    assert done.exit_code == 0


def test_nothing_is_missing(suites: list[dict[str, Any]]) -> None:
    """The copies hold as many suites and cases as the README says, and both answers."""
    assert len(suites) == sum(count for count, _ in FILES.values())
    cases = [case for suite in suites for case in suite["cases"]]
    assert len(cases) == sum(count for _, count in FILES.values())
    for access in ("write", "read"):
        answered = [case["allowed"] for case in cases if case["access"] == access]
        assert len(answered) // 4 < sum(answered) < 3 * len(answered) // 4


def test_every_case_agrees(suites: list[dict[str, Any]]) -> None:
    """The fast path gives each case the answer that its file has."""
    wrong = [
        (suite["name"], i)
        for suite in suites
        for i, answer in enumerate(answers(read_suite(suite)))
        if answer is not suite["cases"][i]["allowed"]
    ]
    assert wrong == []


def test_explain_and_decide_agree(suites: list[dict[str, Any]]) -> None:
    """An explanation carries the very decision of the fast path, and its last step decided."""
    for suite in map(read_suite, suites):
        snapshot = suite.snapshot()
        for case in suite.cases:
            question = (case.event, case.authed, suite.now)
            decision = getattr(snapshot, case.access)(*question)
            explanation = snapshot.explain(case.access, *question)
            assert explanation.decision == decision
            outcomes = [step.outcome for step in explanation.steps]
            assert ("deny" in outcomes) is not decision.accepted
            assert "deny" not in outcomes[:-1]


@pytest.mark.parametrize("field", RULE_FIELDS + KIND_LISTS + TOP_FIELDS)
def test_no_field_is_idle(field: str, suites: list[dict[str, Any]]) -> None:
    """Without this one field the engine would give some case another answer."""
    assert any(_changed(suite, field) for suite in suites)


def _changed(suite: dict[str, Any], field: str) -> bool:
    """Whether switching the field off, wherever it stands, changes an answer of the suite."""
    if f'"{field}"' not in json.dumps(suite["policy"]):
        return False
    without = {**suite, "policy": copy.deepcopy(suite["policy"])}
    for part in _parts(without["policy"], field):
        part.pop(field, None)
    return answers(read_suite(without)) != [case["allowed"] for case in suite["cases"]]


def _parts(policy: dict[str, Any], field: str) -> Iterator[dict[str, Any]]:
    """The objects of a policy file in which the field may stand."""
    if field in TOP_FIELDS:
        yield policy
    elif field in KIND_LISTS:
        yield policy.get("kind", {})
    else:
        yield policy.get("global", {})
        yield from policy.get("rules", {}).values()


@pytest.mark.parametrize(
    "difference", ["blacklist_only", "deny_author", "expiry_equal", "three_valued"]
)
def test_each_deliberate_difference_is_covered(
    difference: str, suites: list[dict[str, Any]]
) -> None:
    """Each difference to ORLY 0.31.7 decides at least one case, and there we answer otherwise."""
    cases = [case for suite in suites for case in suite["cases"] if "because" in case]
    decided = [case for case in cases if difference in case["because"]]
    assert decided
    assert all(case["allowed"] is not case["orly_0_31_7"] for case in decided)
