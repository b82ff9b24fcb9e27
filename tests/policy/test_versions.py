"""A policy keeps its version: relays and histories know it by that.

Each field is written down with a value and as empty, in a kind's rule and in ``global``; each
field of a contribution beside one policy.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from orly_policy_plugin.authority import read_contribution
from orly_policy_plugin.decisions import compile_policy
from orly_policy_plugin.policy import policy_version, read_policy, structure_policy

KNOWN = [
    json.loads(line)
    for line in Path(__file__).with_name("versions.jsonl").read_text().splitlines()
]
SAMPLE = Path(__file__).parents[2] / "example_relay" / "sample-policy.json"


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: json.dumps(next(iter(known.values()))))
def test_a_version_stays_what_it_was(known: dict[str, Any]) -> None:
    """Whatever becomes of the code that writes a policy."""
    if "policy" in known:
        assert policy_version(structure_policy(known["policy"])) == known["version"]
        return
    admin = "cc" * 32
    own = structure_policy({"rules": {"1": {"size_limit": 5}}, "policy_admins": [admin]})
    made = read_contribution(
        known["contribution"], admin=admin, created_at=1_700_000_000, event_id="ee" * 32
    )
    assert compile_policy(own, contributions=[made]).version == known["version"]


def test_the_sample_keeps_its_version() -> None:
    """That of the example relay's policy."""
    assert policy_version(read_policy(SAMPLE.read_bytes())) == "92dbf0c36798"
