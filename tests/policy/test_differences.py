"""What two policies say differently, place by place, and in one line each."""

from typing import Any

import pytest
from examples import ALICE, BOB

from orly_policy_plugin.policy import (
    Difference,
    differences,
    json_differences,
    structure_policy,
)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (5, None, "5 -> nothing"),
        (None, "deny", "nothing -> deny"),
        (None, True, "nothing -> True"),
        (None, ["a", "b"], "nothing -> a list of 2"),
        (["a"], None, "a list of 1 -> nothing"),
        (None, {}, "nothing -> {}"),
        ({"size_limit": 5, "write_allow": []}, None, "size_limit 5, write_allow a list of 0 -> n"),
        (["a", "b"], ["b", "a"], "in another order"),
        (["a", "b"], ["b", "c"], "added c, removed a"),
        (["a"], ["a", "b", "c"], "added b c"),
        (["a", "b"], ["a"], "removed b"),
        ([], ["a", "b", "c"], "added a b c"),
        ([], ["a", "b", "c", "d", "e"], "added a b c and 2 more"),
        ("a", "b\x1b", r"a -> b\x1b"),
    ],
)
def test_a_difference_is_told_in_one_line(old: Any, new: Any, told: str) -> None:
    """Of lists what was added and removed, of all else both."""
    assert str(Difference("rules.1", old, new)).startswith(f"rules.1: {told}")


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ({"b": 1, "a": {"x": 1}}, {"b": 2, "a": {"x": 2}}, [("a.x", 1, 2), ("b", 1, 2)]),
        ({"a": [1, 2]}, {"a": [2, 1]}, [("a", [1, 2], [2, 1])]),
        ({"a": 1}, {"b": 1}, [("a", 1, None), ("b", None, 1)]),
        ({"a": {"x": 1}}, {}, [("a", {"x": 1}, None)]),
        ({"a": {"x": 1}}, {"a": 5}, [("a", {"x": 1}, 5)]),
        ([], {}, [("", [], {})]),
        ({"a": {"x": [1]}}, {"a": {"x": [1]}}, []),
    ],
)
def test_values_are_compared_down_to_where_they_differ(
    old: Any, new: Any, found: list[tuple[str, Any, Any]]
) -> None:
    """In alphabetical order."""
    assert json_differences(old, new) == [Difference(*each) for each in found]


def test_policies_are_compared_by_what_would_be_written() -> None:
    """Not by what has no meaning."""
    old = structure_policy({"owners": [ALICE], "rules": {"1": {"max_expiry": 0}}})
    new = structure_policy({"owners": [BOB], "rules": {"1": {}}, "default_policy": "allow"})
    assert differences(old, new) == [Difference("owners", [ALICE], [BOB])]


def test_long_lists_are_compared_at_once() -> None:
    """Seconds at most: each item is looked up, not searched for."""
    many = [f"{i:064x}" for i in range(100_000)]
    assert str(Difference("owners", many, many[1:])).startswith("owners: removed 0000")
