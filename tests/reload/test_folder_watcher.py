"""Following folders in which files are renamed and removed."""

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from orly_policy_plugin.reload import FolderWatcher

Listings = list[set[str]]


@pytest.fixture
def follow() -> Iterator[Callable[[Path], Listings]]:
    """Follow a folder. What it lists is noted at every call."""
    watchers = []

    def start(folder: Path) -> Listings:
        seen: Listings = []

        def changed() -> None:
            seen.append({path.name for path in folder.iterdir()} if folder.is_dir() else set())

        watchers.append(FolderWatcher([folder], changed))
        watchers[-1].start()
        return seen

    yield start
    for watcher in watchers:
        watcher.stop()


@pytest.mark.usefixtures("means")
def test_files_that_come_change_and_go_are_told(tmp_path, follow, until):
    """Of the folder as well: it is made, renamed aside, and back as it was."""
    soon = partial(until, within_seconds=10)
    folder = tmp_path / "state"
    seen = follow(folder)
    soon(lambda: seen == [set()])
    folder.mkdir()
    place(folder / "one")
    soon(lambda: seen[-1] == {"one"})
    told = len(seen)
    place(folder / "one")
    soon(lambda: len(seen) > told)
    folder.rename(tmp_path / "aside")
    soon(lambda: seen[-1] == set())
    (tmp_path / "aside").rename(folder)
    soon(lambda: seen[-1] == {"one"})
    (folder / "one").unlink()
    soon(lambda: seen[-1] == set())


def place(path: Path) -> None:
    """A file of the same size, renamed to its name."""
    new = path.parent.parent / "new"
    new.write_bytes(b"{}")
    new.replace(path)


def test_stop_may_be_called_from_the_callback(tmp_path, until, caplog):
    """The threads end when the callback has returned."""
    before = set(threading.enumerate())
    watcher = FolderWatcher([tmp_path], lambda: watcher.stop())
    watcher.start()
    until(lambda: set(threading.enumerate()) == before, within_seconds=10)
    assert not caplog.records


def test_looking_takes_a_twentieth_of_the_time(
    tmp_path: Path, no_file_events: None, until: Callable[..., None]
) -> None:
    """Where nothing hints: what is told belongs to the look."""
    calls: list[float] = []

    def changed() -> None:
        calls.append(time.monotonic())
        time.sleep(0.05)
        raise ValueError("not now")

    watcher = FolderWatcher([tmp_path], changed)
    watcher.start()
    until(lambda: len(calls) == 2, within_seconds=10)
    watcher.stop()
    assert calls[1] - calls[0] >= 20 * 0.05


def test_what_could_not_be_taken_is_told_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Until it is; what is wrong is in the log once."""
    calls: list[int] = []
    taken = threading.Event()

    def changed() -> None:
        calls.append(len(list(tmp_path.iterdir())))
        if len(calls) < 4:
            raise ValueError("not now")
        taken.set()

    (tmp_path / "one").touch()
    watcher = FolderWatcher([tmp_path], changed)
    watcher.start()
    try:
        assert taken.wait(10)
    finally:
        watcher.stop()
    assert calls == [1, 1, 1, 1]
    assert len([record for record in caplog.records if record.exc_text]) == 1
