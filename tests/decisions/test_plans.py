"""The plans of a compiled policy, by kind."""

from typing import Any

import pytest
from examples import ADMIN, ALICE, BOB, NOW

from orly_policy_plugin.authority import Contribution, read_contribution
from orly_policy_plugin.decisions import Plans, compile_policy
from orly_policy_plugin.decisions.private import PRIVATE_KINDS
from orly_policy_plugin.policy import structure_policy


def plans(policy: dict[str, Any] | None = None) -> Plans:
    listed = {"kind": {"whitelist": [1, 2, 7]}, "rules": {"7": {}}}
    return compile_policy(structure_policy(listed if policy is None else policy)).writes


def contribution(**content: Any) -> Contribution:
    return read_contribution(content, admin=ADMIN, created_at=NOW, event_id="ee" * 32)


def test_kinds_that_differ_in_nothing_share_a_plan() -> None:
    """Those that nothing names, and those of which the lists say the same."""
    made = plans()
    assert made.named == {1, 2, 7, 12345}
    assert made.for_kind(5) is made.for_kind(65_535) is made.other
    assert made.for_kind(1) is made.for_kind(2)
    assert len({id(made.for_kind(kind)) for kind in (1, 5, 7, 12345)}) == 4


def test_a_whitelist_that_is_lifted_names_no_kind() -> None:
    """Nor does an empty policy, but that of policy events."""
    lifted = {"kind": {"whitelist": [1]}, "global": {"write_allow_permissive": True}}
    assert plans(lifted).named == plans({}).named == {12345}


def test_kinds_that_are_denied_are_named() -> None:
    """By the owner's blacklist, and by an admin's."""
    made = contribution(kind_blacklist_add=[8])
    policy = structure_policy({"kind": {"blacklist": [7]}})
    assert compile_policy(policy, contributions=[made]).writes.named == {7, 8, 12345}


def test_private_kinds_are_named_where_others_are_opened() -> None:
    """An admin's addition to the global rule counts for reading all kinds but those."""
    made = contribution(global_extend={"read_allow_add": [BOB]})
    policy = structure_policy({"global": {"read_allow": [ALICE]}})
    snapshot = compile_policy(policy, contributions=[made])
    assert snapshot.reads.named == {*PRIVATE_KINDS, 12345}
    assert snapshot.writes.named == {12345}
    assert compile_policy(policy).reads.named == {12345}


def test_a_plan_is_made_once() -> None:
    """Also one that is made when it is first asked for."""
    made = compile_policy(
        structure_policy({"rules": {"1": {}}, "kind": {"blacklist": [7]}})
    ).writes
    assert made.for_kind(7) is made.for_kind(7)


@pytest.mark.parametrize("kind", [65_536, 2**70, -1])
def test_a_number_that_is_no_kind_has_the_others_plan_and_leaves_nothing(kind: int) -> None:
    """Else whoever sends events of ever other kinds would fill the memory."""
    made = plans()
    before = len(made._by_kind)
    assert made.for_kind(kind) is made.other
    assert len(made._by_kind) == before


@pytest.mark.parametrize("kind", ["1", None, 1.5])
def test_what_is_no_number_has_no_plan(kind: Any) -> None:
    """No rule could be told from another."""
    with pytest.raises(TypeError, match=f"^a kind is a whole number, not {kind!r}$"):
        plans().for_kind(kind)
