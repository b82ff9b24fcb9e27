"""What a policy says of itself in NIP-11."""

from typing import Any

import pytest
from examples import ADMIN, ALICE, BOB, NOW

from orly_policy_hookspecs.limits import RelayLimits
from orly_policy_plugin.authority import read_contribution
from orly_policy_plugin.decisions import compile_policy, limits_of
from orly_policy_plugin.policy import structure_policy

ALLOWS = {"write_allow": [ALICE]}
# policy, whether writes are restricted, whether nothing works without authenticating
POLICIES: list[tuple[dict[str, Any], bool, bool]] = [
    ({}, False, False),
    ({"default_policy": "deny"}, True, True),
    ({"global": ALLOWS}, True, False),
    ({"global": {**ALLOWS, "read_allow": [ALICE]}}, True, True),
    ({"global": {"read_allow": [ALICE]}}, False, False),
    ({"rules": {"1": ALLOWS}}, True, False),
    ({"rules": {"1": {"size_limit": 5}, "2": ALLOWS}}, True, False),
    ({"rules": {"1": {"write_follows_whitelist": [ALICE]}}}, True, False),
    ({"rules": {"1": {"write_allow": []}}}, False, False),
    ({"rules": {"1": {"write_deny": [BOB]}}}, False, False),
    ({"rules": {"1": {"read_allow": [ALICE]}}}, False, False),
    ({"default_policy": "deny", "rules": {"1": {"write_allow": []}}}, True, False),
    ({"default_policy": "deny", "rules": {"1": {"read_allow": []}}}, True, False),
    ({"default_policy": "deny", "rules": {"1": ALLOWS}}, True, True),
]


@pytest.mark.parametrize(("policy", "restricted", "closed"), POLICIES)
def test_a_policy_tells_its_limits(policy: dict[str, Any], restricted: bool, closed: bool) -> None:
    """Allow lists restrict writes, deny lists do not; authentication is needed where nothing at
    all works without, neither writing nor reading.
    """
    snapshot = compile_policy(structure_policy(policy))
    assert limits_of(snapshot) == RelayLimits(restricted_writes=restricted, auth_required=closed)


def test_an_admins_rule_is_not_told() -> None:
    """The owner's rules are."""
    policy = structure_policy({"policy_admins": [ADMIN]})
    made = read_contribution(
        {"rules_add": {"7": ALLOWS}}, admin=ADMIN, created_at=NOW, event_id="ee" * 32
    )
    assert limits_of(compile_policy(policy, contributions=[made])) == RelayLimits(False, False)
