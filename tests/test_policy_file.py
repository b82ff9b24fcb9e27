"""Reading and writing the policy file."""

import os
from pathlib import Path

import pytest

from orly_policy_plugin.errors import Unreadable, Unwritable
from orly_policy_plugin.policy import InvalidPolicy, Policy, Rule, read_policy
from orly_policy_plugin.policy_file import read_policy_file, write_policy_file

MADE = Policy(rules={1: Rule(write_allow=()), 4: Rule(privileged=True)}, default_policy="deny")


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """An empty allow list stays what it says."""
    path = tmp_path / "policy.json"
    for policy in MADE, Policy(), MADE:
        write_policy_file(path, policy)
        assert read_policy(read_policy_file(path)) == policy
    assert [each.name for each in tmp_path.iterdir()] == ["policy.json"]


def test_a_policy_that_could_not_be_read_is_not_written(tmp_path: Path) -> None:
    """A program can make one."""
    path = tmp_path / "policy.json"
    write_policy_file(path, MADE)
    wrong = Policy(owners=("nobody",), rules={1: Rule(size_limit=-1)})
    with pytest.raises(InvalidPolicy) as caught:
        write_policy_file(path, wrong)
    assert len(caught.value.problems) == 2
    assert read_policy(path.read_bytes()) == MADE


def test_a_failure_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole."""
    path = tmp_path / "policy.json"
    write_policy_file(path, MADE)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(Unwritable, match="make room"):
            write_policy_file(path, Policy())
    assert read_policy(path.read_bytes()) == MADE


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """Is told in one sentence."""
    with pytest.raises(Unreadable, match="is not there"):
        read_policy_file(tmp_path / "policy.json")
