"""The owner's policy with the admins' contributions, read from a folder."""

import json
from pathlib import Path
from typing import Any

import pytest
from examples import ADMIN, ALICE, BOB, NOW, OWNER

from orly_policy_plugin.decisions import compile_policy
from orly_policy_plugin.policy import InvalidPolicy
from orly_policy_plugin.state import PolicyState, read_state
from orly_policy_plugin.state.files import FileStore
from orly_policy_plugin.state.files.folders import StateFolders

POLICY = {"owners": [OWNER], "policy_admins": [ADMIN], "rules": {"1": {"write_allow": [ALICE]}}}
FIRST, SECOND = "01" * 32, "02" * 32


@pytest.fixture
def folders(tmp_path: Path) -> StateFolders:
    made = StateFolders(tmp_path / "policy.json")
    made.policy_file.write_text(json.dumps(POLICY))
    made.contributions.mkdir()
    return made


def put(folders: StateFolders, name: str, **content: Any) -> None:
    """A contribution in ORLY's format, by hand."""
    content = {"admin_pubkey": ADMIN, "created_at": NOW, "event_id": name, **content}
    (folders.contributions / f"{name}.json").write_text(json.dumps(content))


def state(folders: StateFolders) -> PolicyState:
    return read_state(FileStore(folders.policy_file), [BOB])


def test_without_contributions_it_is_the_owners(folders: StateFolders) -> None:
    """Every kind's rule is there, and the environment's owners are owners."""
    found = state(folders)
    assert found.contributions == ()
    assert found.policy.rules[1].write_allow == (ALICE,)
    assert found.owners == {OWNER, BOB}
    assert found.problems == ()


def test_those_that_fit_stand_oldest_first(folders: StateFolders) -> None:
    """And decide, once compiled."""
    put(folders, SECOND, kind_blacklist_add=[7])
    put(folders, FIRST, created_at=NOW + 1, rules_extend={"1": {"write_allow_add": [BOB]}})
    found = state(folders)
    assert [one.event_id for one in found.contributions] == [SECOND, FIRST]
    snapshot = compile_policy(found.policy, contributions=found.contributions)
    assert snapshot.version != compile_policy(found.policy).version


def test_what_does_not_fit_is_skipped_with_its_place(folders: StateFolders) -> None:
    """A rule that the owner has already, somebody who is no admin, a content that is none."""
    put(folders, FIRST, rules_add={"1": {}})
    put(folders, SECOND, admin_pubkey=ALICE, kind_blacklist_add=[7])
    put(folders, "03" * 32, kind_blacklist_add=["7"])
    found = state(folders)
    assert found.contributions == ()
    said = "\n".join(map(str, found.problems))
    for place in (FIRST, SECOND, f"policy-contributions/{'03' * 32}.json"):
        assert place in said


def test_a_wrong_policy_is_an_error(folders: StateFolders) -> None:
    """With its problems."""
    with pytest.raises(InvalidPolicy, match="unknown key"):
        read_state(FileStore(folders.policy_file), [], policy=b'{"owner": []}')
