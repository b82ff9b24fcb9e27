"""Follow lists in their files."""

from pathlib import Path

import pytest
from examples import NOW
from live.making import foe, follows, friend, owner, stranger

from orly_policy_plugin.follows import follow_list
from orly_policy_plugin.state.files import follow_files as module
from orly_policy_plugin.state.files.follow_files import FollowFiles


def keep(files: FollowFiles, *events: object) -> None:
    files.keep_newer(
        {made.author: (made, event) for event in events for made in [follow_list(event)]}
    )


def test_keeping_one_reads_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are left out may be gigabytes, and all other changes wait meanwhile."""
    files = FollowFiles(tmp_path / "policy-follows")
    keep(files, follows(stranger, foe), follows(owner, foe))
    monkeypatch.setattr(module, "MOST_BYTES_FOR_ADMINS", 0)
    other = FollowFiles(tmp_path / "policy-follows")
    assert other.read([owner.pubkey]).lists.keys() == {owner.pubkey}
    looked: list[str] = []
    read = module._read

    def reading(path: Path) -> object:
        looked.append(path.stem)
        return read(path)

    monkeypatch.setattr(module, "_read", reading)
    keep(other, follows(owner, friend, created_at=NOW + 1))
    assert looked == []
    keep(other, follows(stranger, friend, created_at=NOW - 1))
    assert looked == [stranger.pubkey]
    lists = other.read().lists
    assert lists[owner.pubkey].followed == {friend.pubkey}
    assert lists[stranger.pubkey].followed == {foe.pubkey}


def test_one_that_cannot_be_read_gives_way(tmp_path: Path) -> None:
    """It says nothing, and grants nobody."""
    folder = tmp_path / "policy-follows"
    folder.mkdir()
    (folder / f"{owner.pubkey}.json").write_text("{")
    files = FollowFiles(folder)
    assert files.read().lists == {}
    keep(files, follows(owner, friend))
    assert FollowFiles(folder).read().lists[owner.pubkey].followed == {friend.pubkey}
