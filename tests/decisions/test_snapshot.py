"""What a snapshot says of itself: its version, and what changed since an older one."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import attrs
import pytest
from examples import ADMIN, ALICE, BOB, NOW

from orly_policy_plugin.authority import Contribution, read_contribution
from orly_policy_plugin.authority.contributions import unstructure_contribution
from orly_policy_plugin.decisions import compile_policy
from orly_policy_plugin.decisions.access import NotDenied
from orly_policy_plugin.decisions.snapshot import version_in_force
from orly_policy_plugin.policy import Policy, structure_policy

OWN: dict[str, Any] = {"policy_admins": [ADMIN], "rules": {"1": {"write_allow": [BOB]}}}
FIRST, SECOND = "1d" * 32, "ee" * 32


def made(event_id: str, **content: Any) -> Contribution:
    return read_contribution(content, admin=ADMIN, created_at=NOW, event_id=event_id)


BLACKLIST = made(FIRST, kind_blacklist_add=[7])
ALLOW = made(SECOND, rules_extend={"1": {"write_allow_add": [ALICE]}})


@pytest.mark.parametrize("own", [OWN, {}])
@pytest.mark.parametrize("standing", [(), (ALLOW,), (BLACKLIST, ALLOW), (ALLOW, BLACKLIST)])
def test_a_version_is_that_of_one_json_object(
    own: dict[str, Any], standing: Sequence[Contribution]
) -> None:
    """The owner's policy with its contributions by event id: written with sorted keys and without
    spaces, the first 12 digits of its SHA-256. The order in which they came does not count.
    """
    added = {each.event_id: unstructure_contribution(each) for each in standing}
    whole = own | ({"contributions": added} if added else {})
    text = json.dumps(whole, sort_keys=True, separators=(",", ":"))
    version = hashlib.sha256(text.encode()).hexdigest()[:12]
    policy = structure_policy(own)
    snapshot = compile_policy(policy, contributions=standing)
    assert snapshot.version == version == version_in_force(policy, standing)
    assert compile_policy(policy, contributions=standing, before=snapshot).version == version


BY = f"admin_pubkey {ADMIN}, created_at {NOW}, event_id"

CHANGES: list[tuple[dict[str, Any], Sequence[Contribution], list[str]]] = [
    (OWN, [BLACKLIST], []),
    ({**OWN, "default_policy": "deny"}, [BLACKLIST], ["default_policy: nothing -> deny"]),
    (OWN, [], [f"contributions: {FIRST} {BY} {FIRST}, kind_blacklist_add a list of 1 -> nothing"]),
    (
        OWN,
        [BLACKLIST, ALLOW],
        [
            f"contributions: nothing -> {SECOND} {BY} {SECOND}, "
            "rules_extend 1 write_allow_add a list of 1"
        ],
    ),
    (
        {**OWN, "owners": [ALICE]},
        [attrs.evolve(BLACKLIST, kind_blacklist_add=(7, 8))],
        [f"contributions.{FIRST}.kind_blacklist_add: added 8", "owners: nothing -> a list of 1"],
    ),
]


@pytest.mark.parametrize(("own", "standing", "expected"), CHANGES)
def test_changes_are_told_place_by_place(
    own: dict[str, Any], standing: Sequence[Contribution], expected: list[str]
) -> None:
    """Of the owner's policy and of contributions that came, went or became another."""
    old = compile_policy(structure_policy(OWN), contributions=[BLACKLIST])
    new = compile_policy(structure_policy(own), contributions=standing)
    assert [str(each) for each in new.changes_since(old)] == expected


def test_a_long_list_is_made_a_set_of_once() -> None:
    """As long as the owner's policy is the same: one of a million keys takes its time."""
    many = [f"{number:064x}" for number in range(1_000)]
    policy = structure_policy({**OWN, "rules": {"1": {"write_deny": many}}})
    old = compile_policy(policy)
    new = compile_policy(policy, contributions=[ALLOW], before=old)
    was, now = (each.writes.for_kind(1).conditions[0] for each in (old, new))
    assert isinstance(was, NotDenied)
    assert isinstance(now, NotDenied)
    assert now.denied is was.denied


def test_what_is_known_is_no_policy_of_another() -> None:
    """A policy that was read again is another, however alike: it has what its own text says."""
    old = compile_policy(structure_policy(OWN))
    policy: Policy = structure_policy({**OWN, "default_policy": "deny"})
    assert compile_policy(policy, before=old).version == version_in_force(policy, ())
