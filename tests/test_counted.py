"""Counts in messages."""

import pytest

from orly_policy_plugin.counted import counted, listed
from orly_policy_plugin.policy import read_policy
from orly_policy_plugin.policy.diff import changes_of_meaning


@pytest.mark.parametrize(
    ("count", "told"), [(0, "0 more bytes"), (1, "1 more byte"), (2, "2 more bytes")]
)
def test_only_one_is_in_the_singular(count: int, told: str) -> None:
    """Nothing is not."""
    assert counted(count, "more byte") == told


@pytest.mark.parametrize(
    ("items", "told"),
    [((), ""), ((1,), "1"), ((1, 2), "1; 2"), ((1, 2, 3, 4), "1; 2; and 2 more")],
)
def test_the_first_few_are_listed_and_the_rest_is_counted(
    items: tuple[int, ...], told: str
) -> None:
    """No more than that are shown as they are."""
    assert listed(items, 2, "; ") == told


def test_a_limit_of_one_byte_is_in_the_singular() -> None:
    """In what a change of it newly allows, too."""
    none, one = (
        read_policy(b'{"rules": {"1": {"content_limit": %d}}}' % limit) for limit in (0, 1)
    )
    [change] = changes_of_meaning(none, one)
    assert change.allowed == ("content of 1 byte",)
