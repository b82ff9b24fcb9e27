"""Whom the policy in force names, for rate limits (section 6 of the spec)."""

from typing import Any

import pytest
from examples import ADMIN, ALICE, BOB, CAROL, DAVE, OWNER, STRANGER

from orly_policy_plugin.authority.contributions import read_contribution
from orly_policy_plugin.decisions import RateLimit, compile_policy
from orly_policy_plugin.policy import structure_policy

NOW = 1_700_000_000
ENVIRONMENT_OWNER = "e0" * 32


def rate(policy: dict[str, Any], *contents: dict[str, Any], follows: Any = None) -> RateLimit:
    """The rate limit that holds for a kind 1 under the policy."""
    contributions = [
        read_contribution(content, admin=ADMIN, created_at=NOW + i, event_id=f"{i:064x}")
        for i, content in enumerate(contents)
    ]
    policy = {"policy_admins": [ADMIN], "owners": [OWNER], **policy}
    policy.setdefault("rules", {}).setdefault("1", {})["rate_limit"] = 100
    snapshot = compile_policy(
        structure_policy(policy),
        follows=follows,
        owners=[ENVIRONMENT_OWNER],
        contributions=contributions,
    )
    (limit,) = snapshot.writes.for_kind(1).rates
    return limit


def test_owners_and_admins_are_named() -> None:
    """Those of the environment, too; nobody else."""
    limit = rate({})
    for key in (OWNER, ADMIN, ENVIRONMENT_OWNER):
        assert limit.is_named((key,))
    assert not limit.is_named((STRANGER,))
    assert not limit.is_named(())
    assert limit.is_named((STRANGER, OWNER))


@pytest.mark.parametrize(
    "rule",
    [
        {"write_allow": [ALICE]},
        {"read_allow": [ALICE]},
        {"write_follows_whitelist": [ALICE]},
        {"read_follows_whitelist": [ALICE]},
        {"write_allow_if_tagged": [ALICE]},
        {"follows_whitelist_admins": [BOB]},
        {"write_follows_whitelist": [BOB]},
        {"write_allow_follows": True},
    ],
)
def test_allow_lists_and_follow_lists_name(rule: dict[str, Any]) -> None:
    """Of any rule, the global one included, of the owner's and of an admin's."""
    follows = {BOB: {ALICE}, ADMIN: {ALICE}}
    added = {"rules_add": {"8": rule}}
    on = {"policy_follow_whitelist_enabled": True}
    for limit in (
        rate({**on, "rules": {"7": rule}}, follows=follows),
        rate({**on, "global": rule}, follows=follows),
        rate(on, added, follows=follows),
    ):
        assert limit.is_named((ALICE,))
        assert not limit.is_named((CAROL,))


def test_who_is_denied_or_only_names_others_is_not_named() -> None:
    """A deny list names nobody, nor does it name somebody that his follows are let in."""
    limit = rate({"rules": {"7": {"write_deny": [ALICE], "follows_whitelist_admins": [BOB]}}})
    assert not limit.is_named((ALICE,))
    assert not limit.is_named((BOB,))


@pytest.mark.parametrize(
    "extension",
    [
        {"write_allow_add": [ALICE]},
        {"read_allow_add": [ALICE]},
        {"follows_whitelist_admins_add": [BOB]},
        {"write_allow_follows": True},
    ],
)
def test_extensions_name(extension: dict[str, Any]) -> None:
    """What admins add to the owner's rules counts."""
    follows = {BOB: {ALICE}, ADMIN: {ALICE}}
    policy = {"policy_follow_whitelist_enabled": True}
    for content in ({"rules_extend": {"1": extension}}, {"global_extend": extension}):
        limit = rate(policy, content, follows=follows)
        assert limit.is_named((ALICE,))
        assert not limit.is_named((DAVE,))
