"""The plans of a compiled policy, by kind."""

from typing import Any

import pytest

from orly_policy_plugin.decisions import compile_policy
from orly_policy_plugin.policy import structure_policy

PLANS = compile_policy(
    structure_policy({"kind": {"whitelist": [1, 2, 7]}, "rules": {"7": {}}})
).writes


def test_kinds_that_differ_in_nothing_share_a_plan() -> None:
    """Those that nothing names, and those of which the lists say the same."""
    assert PLANS.named == {1, 2, 7, 12345}
    assert PLANS.for_kind(5) is PLANS.for_kind(65_535) is PLANS.other
    assert PLANS.for_kind(1) is PLANS.for_kind(2)
    assert len({id(PLANS.for_kind(kind)) for kind in (1, 5, 7, 12345)}) == 4


def test_a_plan_is_made_once() -> None:
    """Also one that is made when it is first asked for."""
    made = compile_policy(
        structure_policy({"rules": {"1": {}}, "kind": {"blacklist": [7]}})
    ).writes
    assert made.for_kind(7) is made.for_kind(7)


@pytest.mark.parametrize("kind", [65_536, 2**70, -1])
def test_a_number_that_is_no_kind_has_the_others_plan_and_leaves_nothing(kind: int) -> None:
    """Else whoever sends events of ever other kinds would fill the memory."""
    before = len(PLANS._by_kind)
    assert PLANS.for_kind(kind) is PLANS.other
    assert len(PLANS._by_kind) == before


@pytest.mark.parametrize("kind", ["1", None, 1.5])
def test_what_is_no_number_has_no_plan(kind: Any) -> None:
    """No rule could be told from another."""
    with pytest.raises(TypeError, match=f"^a kind is a whole number, not {kind!r}$"):
        PLANS.for_kind(kind)
