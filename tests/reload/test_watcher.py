"""When a watcher looks, and what it makes of a look that fails."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orly_policy_plugin.reload.watcher import HEARTBEAT_SECONDS, Watcher


class Looker(Watcher):
    """Notes when each look begins. A look takes a time, and may be told to raise."""

    def __init__(self, path: Path, *, takes_seconds: float = 0.0, rest: float = 0.0) -> None:
        super().__init__("test-looker", [path], rest=rest)
        self.takes_seconds = takes_seconds
        self.fault: Exception | None = None
        self.began: list[float] = []
        self._looked = threading.Condition()

    def _look(self, stopping: threading.Event) -> None:
        with self._looked:
            self.began.append(time.monotonic())
            self._looked.notify_all()
        stopping.wait(self.takes_seconds)
        if self.fault is not None:
            raise self.fault

    def hint(self) -> None:
        """As a file event does."""
        self._hint.set()

    def wait_for_looks(self, count: int, within_seconds: float = 10.0) -> None:
        """Until so many looks began since the start."""
        with self._looked:
            assert self._looked.wait_for(lambda: len(self.began) >= count, within_seconds)

    def look_again(self, fault: Exception | None = None) -> None:
        """Let the looks raise this from now on, or nothing, and see one of them end."""
        self.fault = fault
        self.wait_for_looks(len(self.began) + 2)  # the one under way aside, one ends before


Start = Callable[..., Looker]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a watcher of a folder."""
    started = []

    def make(**how: float) -> Looker:
        looker = Looker(tmp_path, **how)
        started.append(looker)
        looker.start()
        return looker

    yield make
    for looker in started:
        looker.stop()


def test_it_looks_at_every_heartbeat(start: Start, no_file_events: None) -> None:
    """Where no event tells of a change, a look finds it; but it does not look all the time."""
    looker = start()
    looker.wait_for_looks(5)
    assert looker.began[4] - looker.began[0] >= 4 * HEARTBEAT_SECONDS


def test_one_hint_is_one_look(start: Start, no_file_events: None) -> None:
    """The heartbeat is what it was after it."""
    looker = start()
    looker.wait_for_looks(1)
    looker.hint()
    looker.wait_for_looks(5)
    assert looker.began[4] - looker.began[0] >= 3 * HEARTBEAT_SECONDS


def test_a_long_look_is_rested_from(start: Start, no_file_events: None) -> None:
    """So that looking takes no more than its share of the time."""
    looker = start(takes_seconds=0.1, rest=10.0)
    looker.wait_for_looks(3)
    assert looker.began[2] - looker.began[0] >= 2 * (0.1 + 1.0)


def test_a_hint_ends_the_rest(start: Start, tmp_path: Path) -> None:
    """A change is seen at once, however long a look takes."""
    looker = start(takes_seconds=0.1, rest=10_000.0)
    looker.wait_for_looks(1)
    (tmp_path / "file").touch()
    looker.wait_for_looks(2)


def test_a_failure_is_logged_once(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    """Again where the reason is another, or where all was well in between."""
    looker = start()
    for fault in ValueError("one"), ValueError("one"), OSError("two"), None, OSError("two"):
        looker.look_again(fault)
    looker.stop()
    logged = [record.exc_text.rpartition("| ")[2] for record in caplog.records if record.exc_text]
    assert logged == ["ValueError: one", "OSError: two", "OSError: two"]


def test_a_stop_ends_the_rest(start: Start, no_file_events: None) -> None:
    """However long it would be."""
    looker = start(takes_seconds=0.1, rest=1_000.0)
    looker.wait_for_looks(1)
    time.sleep(0.3)  # the look ends; where it has not, the stop has less to end
    began = time.monotonic()
    looker.stop()
    assert time.monotonic() - began < 30
    assert looker.began[1:] == []


def test_a_look_under_way_is_told_to_stop(start: Start) -> None:
    """A stop does not wait for all that the look waits for."""
    looker = start(takes_seconds=60.0)
    looker.wait_for_looks(1)
    began = time.monotonic()
    looker.stop()
    assert time.monotonic() - began < 30
    assert "test-looker" not in {thread.name for thread in threading.enumerate()}
