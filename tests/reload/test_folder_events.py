"""Hints come from the folders that are followed, and only for changes."""

import threading
from pathlib import Path

import pytest

from orly_policy_plugin.reload.folder_events import FolderEvents
from orly_policy_plugin.reload.watched_folders import watched_folders


@pytest.fixture
def hint():
    return threading.Event()


@pytest.fixture
def events(hint):
    made = FolderEvents(hint, "test-events")
    made.start()
    yield made
    made.stop()


def follow(events: FolderEvents, path: Path) -> None:
    events.follow(watched_folders(path))


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def hinted(hint: threading.Event) -> bool:
    """A hint came; forget it."""
    came = hint.wait(1.0)
    hint.clear()
    return came


def test_every_change_hints_and_reading_does_not(tmp_path, events, hint):
    """Reading before another file's change raises no hint that would come before it."""
    path = tmp_path / "policy.json"
    path.write_bytes(b"{}")
    follow(events, path)
    for _ in range(10):
        path.read_bytes()
    assert not hint.wait(0.3)
    (tmp_path / "another.json").write_bytes(b"{}")
    assert hinted(hint)


@pytest.mark.parametrize("times", [5])
def test_a_recreated_folder_is_followed_anew(tmp_path, events, hint, until, times):
    """Also where it has the inode number of the one before."""
    path = tmp_path / "etc" / "policy.json"
    path.parent.mkdir()
    follow(events, path)
    for _ in range(times):
        path.parent.rmdir()
        path.parent.mkdir()
        assert hinted(hint)

        def hints_of_a_write() -> bool:
            follow(events, path)
            hint.clear()
            path.write_bytes(b"{}")
            came = hint.wait(0.1)
            path.unlink()
            return came

        until(hints_of_a_write, within_seconds=2)


def test_a_folder_left_behind_hints_no_more(tmp_path, events, hint):
    """After a symlink was switched, what happens where it led before does not matter."""
    old, new, path = tmp_path / "old", tmp_path / "new", tmp_path / "links" / "policy.json"
    for folder in old, new, path.parent:
        folder.mkdir()
    path.symlink_to(old / "policy.json")
    follow(events, path)
    path.unlink()
    path.symlink_to(new / "policy.json")
    follow(events, path)
    assert hinted(hint)
    while hint.wait(0.3):
        hint.clear()
    (old / "policy.json").touch()
    assert not hint.wait(0.3)
    (new / "policy.json").touch()
    assert hinted(hint)


def folder_threads() -> list[threading.Thread]:
    """Watchdog's, and no other's that may end meanwhile."""
    return [each for each in threading.enumerate() if "watchdog" in type(each).__module__]


def test_following_anew_leaks_nothing(tmp_path, events, hint):
    """A thousand switches to and fro leave no more descriptors and threads than one."""
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
    follow(events, folders[0] / "policy.json")
    held, threads = descriptors(), len(folder_threads())
    for number in range(1001):
        follow(events, folders[number % 2] / "policy.json")
    follow(events, folders[0] / "policy.json")
    assert descriptors() <= held  # what other tests have left may be closed meanwhile
    assert len(folder_threads()) == threads


def test_a_folder_that_is_gone_by_now_is_no_reason_to_poll(tmp_path, events, hint, caplog):
    """Only what the system refuses ends the file events; the folders found next are followed."""
    (tmp_path / "etc").mkdir()
    folders = watched_folders(tmp_path / "etc" / "policy.json")
    (tmp_path / "etc").rmdir()
    events.follow(folders)
    assert not caplog.records
    follow(events, tmp_path / "etc" / "policy.json")
    (tmp_path / "etc").mkdir()
    assert hinted(hint)
