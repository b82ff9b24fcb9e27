"""Who may, by one rule: the fields that are about a step, and what opens a rule."""

from typing import Any

import pytest
from examples import ADMIN, ALICE, BOB, CAROL

from orly_policy_plugin.policy import Rule, structure_policy
from orly_policy_plugin.policy.fields import Access
from orly_policy_plugin.policy.who import Step
from orly_policy_plugin.policy.who_may import (
    Way,
    authors_named,
    authors_needed,
    denying_fields,
    fields_at,
    listing_field,
    opening_field,
    ways,
)


def test_each_step_has_its_fields() -> None:
    """In the order of section 1 of the specification."""
    assert fields_at(Step.DENY, "write") == ("write_deny",)
    assert fields_at(Step.GRANT, "read") == ("write_allow_follows", "follows_whitelist_admins")
    assert fields_at(Step.ALLOW, "read") == (
        "read_allow",
        "privileged",
        "read_follows_whitelist",
    )
    assert listing_field("write", Step.ALLOW) == "write_allow"
    assert listing_field("read", Step.DENY) == "read_deny"
    assert denying_fields(Rule) == ("write_deny", "read_deny")


@pytest.mark.parametrize(
    ("rule", "access", "field"),
    [
        ({}, "write", None),
        ({"write_allow": []}, "write", "write_allow"),
        ({"write_allow": []}, "read", None),
        ({"read_deny": [ALICE]}, "read", "read_deny"),
        ({"read_deny": [ALICE], "read_allow": []}, "read", "read_allow"),
        ({"read_deny": []}, "read", None),
        ({"read_allow": [ALICE]}, "read", None),
    ],
)
def test_a_kinds_rule_may_open_it(rule: Any, access: Access, field: str | None) -> None:
    """By an empty allow list written out, or by a deny list; the global rule never."""
    policy = structure_policy({"global": rule, "rules": {"1": rule}})
    assert opening_field(policy.rules[1], access) == field
    assert opening_field(policy.rule_of_all, access) is None


def way_of(*written: str) -> Way:
    """The one field of a rule."""
    rule = {"write_allow": list(written)}
    lists = {name: {"file": f"{name}.txt"} for name in ("one", "two")}
    policy = structure_policy({"lists": lists, "rules": {"1": rule}})
    [way] = ways(policy.rules[1], "write", policy)
    return way


@pytest.mark.parametrize(
    ("written", "keys", "words"),
    [
        ([ALICE, ALICE], {ALICE}, "1 key"),
        ([ALICE, "@one", BOB], {ALICE, BOB, CAROL}, "2 keys and @one (1 key)"),
        (["@one"], {CAROL}, "@one (1 key)"),
        (["@two"], set(), "@two"),
        (["@one", ALICE, "@two"], {ALICE, CAROL}, "1 key and @one (1 key) and @two"),
    ],
)
def test_a_field_has_keys_and_those_of_its_named_lists(
    written: list[str], keys: set[str], words: str
) -> None:
    """Of a list that is not known it has none."""
    way, lists = way_of(*written), {"one": frozenset({CAROL})}
    assert set(way.all_keys(lists)) == keys
    assert way.keys_in_words(lists) == words
    names = [each for each in written if each.startswith("@")]
    assert list(way.written) == [each for each in written if each not in names] + names


def test_follow_lists_are_needed_of_who_is_named_and_of_admins_where_the_switch_is_on() -> None:
    """Of admins only where a rule asks for them."""
    rule = {
        "write_allow": [BOB],
        "follows_whitelist_admins": [ALICE],
        "read_follows_whitelist": [CAROL],
        "write_allow_follows": True,
    }
    for switch, needed in (False, {ALICE, CAROL}), (True, {ALICE, CAROL, ADMIN}):
        policy = structure_policy(
            {
                "rules": {"1": rule, "2": {"write_allow": [BOB]}},
                "policy_admins": [ADMIN],
                "policy_follow_whitelist_enabled": switch,
            }
        )
        assert authors_needed(policy.rules[1], policy) == needed
        assert authors_needed(policy.rules[2], policy) == set()
        assert authors_named(policy.rules[1]) == {ALICE, CAROL}


def test_follow_lists_are_needed_of_who_is_in_a_named_list() -> None:
    rule = {"read_follows_whitelist": [ALICE, "@one"]}
    policy = structure_policy({"lists": {"one": {"file": "x"}}, "rules": {"1": rule}})
    assert authors_needed(policy.rules[1], policy) == {ALICE}
    assert authors_needed(policy.rules[1], policy, {"one": frozenset({BOB})}) == {ALICE, BOB}
