"""``x_max_mentions`` and ``x_max_hashtags``."""

from pathlib import Path
from typing import Any

import pytest

from orly_policy_criteria.tag_counts import hashtags, mentions
from orly_policy_hookspecs import FrozenEvent

from .asking import ALICE, BOB, CAROL, problem, said

KEYS = [ALICE.pubkey, BOB.pubkey, CAROL.pubkey]


def tagged(name: str, *values: str, more: tuple[list[str], ...] = ()) -> FrozenEvent:
    return ALICE.event(1, "hello", [*([name, value] for value in values), *more])


def test_a_hellthread(tmp_path: Path) -> None:
    """It is told how many there are, and how many may be."""
    told = said(
        tmp_path, mentions, {"x_max_mentions": 2}, tagged("p", *KEYS), tagged("p", *KEYS[1:])
    )
    assert told == ["blocked: too many mentions: 3, the limit is 2", "OK"]


def test_who_is_mentioned_twice_counts_once(tmp_path: Path) -> None:
    """In capitals as well, with a relay's address, or among other tags."""
    more = (["p", KEYS[0].upper(), "wss://relay.example"], ["t", "a"], ["t", "b"], ["p"])
    told = said(tmp_path, mentions, {"x_max_mentions": 1}, tagged("p", KEYS[0], more=more))
    assert told == "OK"


def test_hashtags(tmp_path: Path) -> None:
    """Each counts once, in whatever capitals."""
    rule = {"x_max_hashtags": 2}
    events = tagged("t", "a", "b", "C"), tagged("t", "a", "B", "A", "b"), tagged("t")
    told = said(tmp_path, hashtags, rule, *events)
    assert told == ["blocked: too many hashtags: 3, the limit is 2", "OK", "OK"]


@pytest.mark.parametrize(
    ("it", "name", "tag"), [(mentions, "x_max_mentions", "p"), (hashtags, "x_max_hashtags", "t")]
)
def test_none_at_all(tmp_path: Path, it: Any, name: str, tag: str) -> None:
    """0 allows none, and no others count."""
    other = {"p": "t", "t": "p"}[tag]
    told = said(tmp_path, it, {name: 0}, tagged(tag, KEYS[0]), tagged(other, KEYS[0]))
    assert [each[:9] for each in told] == ["blocked: ", "OK"]


@pytest.mark.parametrize("value", [-1, "5", 5.0, True, [], 100_001])
def test_a_value_that_is_none(tmp_path: Path, value: Any) -> None:
    why = problem(tmp_path, mentions, {"x_max_mentions": value})
    assert why == f"expected a number of mentions, 0 to 100000, found {value!r}"
