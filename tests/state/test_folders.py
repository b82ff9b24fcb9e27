"""Where the state lies."""

from pathlib import Path

import pytest

from orly_policy_plugin.state.files.folders import StateFolders


def test_beside_the_policy_file(tmp_path: Path) -> None:
    """Nothing is made."""
    folders = StateFolders(tmp_path / "policy.json")
    assert folders.contributions == tmp_path / "policy-contributions"
    assert folders.follows == tmp_path / "policy-follows"
    assert folders.history == tmp_path / "policy-history"
    assert folders.lock_file.parent == folders.history
    assert list(tmp_path.iterdir()) == []


def test_in_a_folder_of_the_hosts_choosing(tmp_path: Path) -> None:
    """The policy file stays where it is."""
    folders = StateFolders(tmp_path / "policy.json", tmp_path / "state")
    assert folders.policy_file == tmp_path / "policy.json"
    assert folders.follows == tmp_path / "state" / "policy-follows"


def test_beside_the_link_where_the_policy_is_one(tmp_path: Path) -> None:
    """What it leads to may be another file tomorrow."""
    (tmp_path / "policy.json").symlink_to("versions/1/policy.json")
    assert StateFolders(tmp_path / "policy.json").root == tmp_path


def test_relative_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stay what they are when the process goes elsewhere."""
    monkeypatch.chdir(tmp_path)
    folders = StateFolders(Path("policy.json"))
    assert folders.root == tmp_path
    assert folders.policy_file == tmp_path / "policy.json"
