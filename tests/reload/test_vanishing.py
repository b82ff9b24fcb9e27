"""A file that cannot be read: told once for each reason, and told when it is back."""

import shutil

from orly_policy_plugin.errors import Unreadable


def test_a_deleted_file_is_told_once(tmp_path, means, follow):
    """One report for one reason, however long it lasts."""
    path = tmp_path / "policy.json"
    path.write_bytes(b"{}")
    follower = follow(path)
    path.unlink()
    follower.wait_for_error("is not there")
    (tmp_path / "another.json").touch()
    path.mkdir()
    follower.wait_for_error("is a directory")
    path.rmdir()
    path.write_bytes(b"[]")
    follower.wait_for_content(b"[]")
    assert [type(report) for report in follower.reports] == [Unreadable, Unreadable, bytes]


def test_a_file_that_comes_back_as_it_was_is_told(tmp_path, follow):
    """So that what was said about its absence can be taken back."""
    path = tmp_path / "policy.json"
    path.write_bytes(b"{}")
    follower = follow(path)
    for times in 1, 2:
        path.rename(tmp_path / "aside")
        follower.wait_for_error("is not there")
        (tmp_path / "aside").rename(path)
        follower.wait_for_content(b"{}")
        assert len(follower.reports) == 2 * times


def test_each_new_reason_is_told(tmp_path, follow):
    """A link that leads to nothing, to something else that is not there, and to itself."""
    path = tmp_path / "policy.json"
    path.write_bytes(b"{}")
    follower = follow(path)
    for target in "nowhere.json", "elsewhere.json":
        path.unlink()
        path.symlink_to(target)
        follower.wait_for_error(f"is a symlink to {target}")
    path.unlink()
    path.symlink_to(path)
    follower.wait_for_error("leads back to itself")
    path.unlink()
    path.write_bytes(b"{}")
    follower.wait_for_content(b"{}")


def test_a_folder_gone_for_long_is_noticed_when_it_is_back(tmp_path, follow):
    """Two levels of folders vanish, are told about, and come back."""
    path = tmp_path / "outer" / "etc" / "policy.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"{}")
    follower = follow(path)
    shutil.rmtree(tmp_path / "outer")
    follower.wait_for_error("is not there")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"[]")
    follower.wait_for_content(b"[]")


def test_a_file_missing_from_the_start_is_told(tmp_path, follow):
    """It was deleted between loading and starting."""
    follow(tmp_path / "policy.json", content=b"{}").wait_for_error("is not there")
