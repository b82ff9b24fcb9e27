"""Problems of a policy: their places, and what may have been meant."""

import pytest

from orly_policy_plugin.policy import InvalidPolicy, Problem
from orly_policy_plugin.policy.problems import MOST_PROBLEMS, did_you_mean


@pytest.mark.parametrize(
    ("outer", "inner", "place"),
    [
        ("rules", "1", "rules.1"),
        ("owners", "[0]", "owners[0]"),
        ("rules", "", "rules"),
        ("", "rules", "rules"),
        ("", "", ""),
    ],
)
def test_a_problem_has_a_place(outer: str, inner: str, place: str) -> None:
    """Keys are joined by dots, numbers in lists are in brackets."""
    problem = Problem(inner, "is wrong").within(outer)
    assert problem == Problem(place, "is wrong")
    assert str(problem) == (f"{place}: is wrong" if place else "is wrong")


def test_a_problem_is_one_line_that_can_be_printed() -> None:
    """Whatever the file has at its place."""
    assert str(Problem("a\x1b", "b\n")) == r"a\x1b: b\n"


@pytest.mark.parametrize(
    ("found", "hint"),
    [("Deny", "; did you mean 'deny'?"), ("alow", "; did you mean 'allow'?"), ("zzz", "")],
)
def test_the_nearest_word_may_have_been_meant(found: str, hint: str) -> None:
    """Or nothing that is near."""
    assert did_you_mean(found, ("allow", "deny", "denies")) == hint


@pytest.mark.parametrize("count", [1, MOST_PROBLEMS, MOST_PROBLEMS + 1, 2 * MOST_PROBLEMS])
def test_a_hundred_problems_are_kept(count: int) -> None:
    """Of more all but the last, which says that there are more."""
    told = str(InvalidPolicy(Problem("", f"is wrong {i}") for i in range(count))).splitlines()
    assert len(told) == min(count, MOST_PROBLEMS)
    assert told[:99] == [f"is wrong {i}" for i in range(min(count, 99))]
    if count > MOST_PROBLEMS:
        assert told[-1] == "and perhaps more: mend these first"


def test_no_more_problems_are_looked_for() -> None:
    """Than say whether there are more: to find them takes its time."""
    numbers = iter(range(1_000))
    InvalidPolicy(Problem("", str(number)) for number in numbers)
    assert next(numbers) == MOST_PROBLEMS + 1
