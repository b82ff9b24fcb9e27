"""Which folders matter for a path."""

from orly_policy_plugin.reload.watched_folders import watched_folders


def test_an_ordinary_file(tmp_path):
    """Its folder, whether the file is there or not."""
    assert set(watched_folders(tmp_path / "policy.json")) == {tmp_path}
    (tmp_path / "policy.json").touch()
    assert set(watched_folders(tmp_path / "policy.json")) == {tmp_path}


def test_a_folder(tmp_path):
    """Itself, whether it is named or a symlink to it, and where the symlink lies."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert set(watched_folders(tmp_path / "real")) == {tmp_path / "real"}
    assert set(watched_folders(tmp_path / "link")) == {tmp_path, tmp_path / "real"}


def test_several_paths(tmp_path):
    """The folders of each, those of a missing one included."""
    (tmp_path / "a").mkdir()
    folders = {tmp_path, tmp_path / "a"}
    assert set(watched_folders(tmp_path / "a", tmp_path / "b")) == folders


def test_every_link_on_the_way(tmp_path):
    """The folder of each symlink and that of the file; none that only lies in between."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b" / "c").mkdir(parents=True)
    (tmp_path / "b" / "c" / "real.json").touch()
    (tmp_path / "a" / "one.json").symlink_to("../b/two.json")
    (tmp_path / "b" / "two.json").symlink_to(tmp_path / "b" / "c" / "real.json")
    folders = {tmp_path / "a", tmp_path / "b", tmp_path / "b" / "c"}
    assert set(watched_folders(tmp_path / "a" / "one.json")) == folders


def test_a_link_in_the_middle(tmp_path):
    """A folder that is a symlink is watched as what it leads to, and so is where it lies."""
    (tmp_path / "release-1" / "etc").mkdir(parents=True)
    (tmp_path / "current").symlink_to("release-1")
    folders = {tmp_path, tmp_path / "release-1" / "etc"}
    assert set(watched_folders(tmp_path / "current" / "etc" / "policy.json")) == folders


def test_a_missing_folder(tmp_path):
    """The nearest folder above it, also at the end of a symlink."""
    assert set(watched_folders(tmp_path / "no" / "such" / "policy.json")) == {tmp_path}
    (tmp_path / "mount").mkdir()
    (tmp_path / "policy.json").symlink_to(tmp_path / "mount" / "gone" / "policy.json")
    assert set(watched_folders(tmp_path / "policy.json")) == {tmp_path, tmp_path / "mount"}


def test_a_link_that_leads_back_to_itself(tmp_path):
    """It ends, with the folder of the loop."""
    (tmp_path / "policy.json").symlink_to("other.json")
    (tmp_path / "other.json").symlink_to("policy.json")
    assert set(watched_folders(tmp_path / "policy.json")) == {tmp_path}


def test_dots_in_the_path(tmp_path):
    """``..`` after a symlink is the real folder's parent, as the system has it."""
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "link").symlink_to("deep/er")
    folders = {tmp_path, tmp_path / "deep"}
    assert set(watched_folders(tmp_path / "link" / ".." / "policy.json")) == folders


def test_a_replaced_folder_has_another_identity(tmp_path):
    """A folder renamed aside and made again is told from the old one."""
    folder = tmp_path / "etc"
    folder.mkdir()
    before = watched_folders(folder / "policy.json")
    folder.rename(tmp_path / "old")
    folder.mkdir()
    assert watched_folders(folder / "policy.json")[folder] != before[folder]
