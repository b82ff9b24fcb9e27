"""The lint: every planted mistake is found at its place, and nothing else is.

``told.txt`` has the very words. Where some were changed on purpose, write them anew and read the
difference as somebody who has made the mistake::

    cd tests/lint
    python -c "import test_lint as lint; lint.TOLD.write_text(lint.told(), encoding='utf-8')"
"""

import json
from pathlib import Path
from typing import Any

import pytest

from orly_policy_plugin.lint import CHECKS, Examined, slips
from orly_policy_plugin.lists import KnownLists
from orly_policy_plugin.policy import InvalidPolicy, Lists, read_policy

HERE = Path(__file__).parent
BAD = sorted(path for path in (HERE / "bad").glob("*.json") if path.stem != "nostr")
TOLD = HERE / "told.txt"
NEAR = sorted((HERE / "near").glob("*.json"))


def lists_beside(path: Path) -> Lists:
    """The named lists of a test's policy whose files are there."""
    named = read_policy(path.read_bytes())
    return {} if "unread" in named.lists else KnownLists(path.parent).resolve(named, {})


def examined(path: Path) -> Examined:
    comments: dict[str, Any] = json.loads(path.read_text())
    return Examined(
        read_policy(path.read_bytes()),
        lists=lists_beside(path),
        script_failure_read=comments.get("_script_failure_read", "deny"),
    )


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_every_planted_mistake_is_found(path: Path) -> None:
    """With its place and its name, and nothing besides."""
    planted = json.loads(path.read_text())["_slips"]
    assert sorted([each.place, each.name] for each in slips(examined(path))) == sorted(planted)


def told() -> str:
    """Every slip of every bad policy, a line each."""
    return "".join(f"{path.name}: {slip}\n" for path in BAD for slip in slips(examined(path)))


def test_each_is_told_in_these_words() -> None:
    assert told().splitlines() == TOLD.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("path", NEAR, ids=lambda path: path.stem)
def test_a_near_miss_is_none(path: Path) -> None:
    """What is meant so is left alone."""
    assert slips(examined(path)) == []


@pytest.mark.parametrize("name", [check.name for check in CHECKS])
def test_every_check_has_a_bad_policy(name: str) -> None:
    planted = [slip for path in BAD for slip in json.loads(path.read_text())["_slips"]]
    assert name in {found for _, found in planted}
    assert len(BAD) >= 40


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_slip_says_why_and_what_instead(path: Path) -> None:
    """In a line each, that names no whole key."""
    for slip in slips(examined(path)):
        assert slip.why
        assert slip.instead
        assert not any(len(word) > 60 for word in f"{slip.why} {slip.instead}".split())


@pytest.mark.parametrize(
    ("closed", "told"), [([4, 13, 14, 1059], "kind 1060,"), ([4, 13], "the kinds 14, 1059, 1060,")]
)
def test_the_private_kinds_are_told_by_number(closed: list[int], told: str) -> None:
    policy = {"kind": {"blacklist": closed}}
    [slip] = slips(Examined(read_policy(json.dumps(policy).encode())))
    assert told in slip.why


def test_a_policy_that_cannot_be_used_is_no_slip() -> None:
    """All of them are legal."""
    for path in (*BAD, *NEAR):
        try:
            read_policy(path.read_bytes())
        except InvalidPolicy as error:
            pytest.fail(f"{path.name}: {error}")
