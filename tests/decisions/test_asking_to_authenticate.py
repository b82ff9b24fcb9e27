"""Whether a policy may tell somebody to authenticate."""

from typing import Any

import pytest
from examples import ALICE

from orly_policy_plugin.decisions import compile_policy
from orly_policy_plugin.policy import structure_policy


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ({}, False),
        ({"rules": {"1": {"content_limit": 5}}}, False),
        ({"rules": {"4": {"privileged": True}}}, True),
        ({"global": {"write_allow": [ALICE]}}, True),
        ({"rules": {"1": {"write_deny": [ALICE]}}}, False),
        ({"default_policy": "deny"}, False),
    ],
)
def test_a_policy_that_may_ask(policy: Any, *, expected: bool) -> None:
    assert compile_policy(structure_policy(policy)).may_ask_to_authenticate == expected
