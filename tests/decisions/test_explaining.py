"""The steps of an explanation."""

from typing import Any

from examples import ADMIN, ALICE, BOB, CAROL, NOW, AnEvent

from orly_policy_plugin.decisions import Step, compile_policy
from orly_policy_plugin.policy import policy_version, structure_policy

FOLLOWS = {ADMIN: frozenset({CAROL})}


def steps(policy: dict[str, Any], *keys: str, access: Any = "write") -> list[tuple[str, str]]:
    """Place and outcome of each."""
    snapshot = compile_policy(structure_policy(policy), follows=FOLLOWS)
    explanation = snapshot.explain(access, AnEvent(), keys, NOW)
    return [(step.place, step.outcome) for step in explanation.steps]


def test_every_condition_is_a_step_with_its_place() -> None:
    """In the order in which they are looked at, up to the one that denies."""
    policy = {
        "global": {"size_limit": 10_000, "write_deny": [BOB]},
        "kind": {"whitelist": [1]},
        "rules": {"1": {"content_limit": 4, "must_have_tags": ["p"]}},
        "default_policy": "deny",
    }
    assert steps(policy, CAROL) == [
        ("global.size_limit", "pass"),
        ("global.write_deny", "pass"),
        ("kind.whitelist", "pass"),
        ("rules.1.content_limit", "deny"),
    ]


def test_a_step_says_value_and_limit() -> None:
    """`5 bytes`, `at most 4`."""
    policy = structure_policy({"rules": {"1": {"content_limit": 4}}})
    explanation = compile_policy(policy).explain("write", AnEvent(), (), NOW)
    assert explanation.steps == (Step("rules.1.content_limit", "5 bytes", "at most 4", "deny"),)
    assert explanation.policy_version == policy_version(policy)


def test_each_way_to_be_let_in_is_a_step() -> None:
    """Those that do not match are named, and the one that does."""
    rule = {
        "follows_whitelist_admins": [ADMIN],
        "write_allow": [BOB],
        "write_allow_if_tagged": [BOB],
    }
    policy = {"rules": {"1": rule}}
    assert steps(policy, CAROL) == [("rules.1.follows_whitelist_admins", "grant")]
    assert steps(policy, BOB) == [
        ("rules.1.follows_whitelist_admins", "no match"),
        ("rules.1.write_allow", "grant"),
    ]
    assert steps(policy, ALICE) == [
        ("rules.1.follows_whitelist_admins", "no match"),
        ("rules.1.write_allow", "no match"),
        ("rules.1.write_allow_if_tagged", "deny"),
    ]


def test_what_lets_everybody_in_is_named() -> None:
    """The empty allow list or the deny list, not a follow list that did not match."""
    admins = {"follows_whitelist_admins": [ADMIN]}
    assert steps({"rules": {"1": {"write_allow": []} | admins}}, BOB) == [
        ("rules.1.follows_whitelist_admins", "no match"),
        ("rules.1.write_allow", "grant"),
    ]
    assert steps({"rules": {"1": {"write_deny": [ALICE]}}}, BOB) == [
        ("rules.1.write_deny", "deny")
    ]
    assert steps({"rules": {"1": {"read_deny": [ALICE]} | admins}}, BOB, access="read") == [
        ("rules.1.read_deny", "pass"),
        ("rules.1.follows_whitelist_admins", "no match"),
        ("rules.1.read_deny", "grant"),
    ]


def test_the_default_is_the_last_step() -> None:
    """Where nothing granted and nothing denied."""
    assert steps({}) == [("default_policy", "pass")]
    assert steps({"default_policy": "deny"}) == [("default_policy", "deny")]


def test_a_permissive_flag_is_named() -> None:
    """It is why the whitelist does not count."""
    policy = {"kind": {"whitelist": [3]}, "global": {"read_allow_permissive": True}}
    assert steps(policy, access="read") == [
        ("global.read_allow_permissive", "pass"),
        ("default_policy", "pass"),
    ]
    assert steps(policy) == [("kind.whitelist", "deny")]
