"""The watcher's threads: what they survive, what they cost, that they end."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from orly_policy_plugin.errors import PolicyError
from orly_policy_plugin.policy_file import read_policy_file
from orly_policy_plugin.reload import ContentLook, FileWatcher


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "policy.json"
    path.write_bytes(b"{}")
    return path


def ignore(_: object) -> None:
    """A callback."""


def watch(
    path: Path,
    content: bytes,
    changed: Callable[[bytes], bool | None],
    vanished: Callable[[PolicyError], None],
) -> FileWatcher:
    """A watcher that reads the policy file as the engine does. It is not started."""
    read = partial(read_policy_file, path)
    return FileWatcher((ContentLook(path, content, changed, vanished, read=read),))


def test_a_callback_that_raises_is_logged_once_and_told_again(path, until, caplog):
    """Until it takes what it is told: no edit is lost for a fault that passes."""
    told = []

    def fail(report: object) -> None:
        told.append(report)
        if len(told) < 4:
            raise RuntimeError("a bad callback")

    watcher = watch(path, b"{}", fail, fail)
    watcher.start()
    path.write_bytes(b"[1]")
    until(lambda: len(told) == 4, within_seconds=10)
    path.write_bytes(b"[2]")
    until(lambda: len(told) == 5)
    watcher.stop()
    assert told == [b"[1]"] * 4 + [b"[2]"]
    errors = [record for record in caplog.records if record.exc_text]
    assert [record.levelno for record in errors] == [logging.ERROR]


def test_a_callback_that_is_told_of_a_missing_file_may_raise_too(path, until, caplog):
    """The next change is told as if nothing had happened."""
    told = []

    def fail(report: object) -> None:
        told.append(report)
        raise RuntimeError("a bad callback")

    watcher = watch(path, b"{}", lambda content: told.append(content), fail)
    watcher.start()
    path.unlink()
    until(lambda: len(told) >= 2)
    path.write_bytes(b"[2]")
    until(lambda: told[-1] == b"[2]")
    watcher.stop()


def test_stop_ends_all_threads_and_closes_all_descriptors(path):
    """Watchers come and go without a trace. What other tests have left may end meanwhile."""
    threads, open_before = set(threading.enumerate()), descriptors()
    for _ in range(20):
        watcher = watch(path, b"{}", ignore, ignore)
        watcher.start()
        watcher.stop()
        watcher.stop()
    assert set(threading.enumerate()) <= threads
    assert descriptors() <= open_before


def test_all_threads_are_daemons(path, until):
    """A process that forgets to stop the watcher can end."""
    before = set(threading.enumerate())
    watcher = watch(path, b"{}", ignore, ignore)
    watcher.start()
    until(lambda: len(set(threading.enumerate()) - before) >= 3)
    started = set(threading.enumerate()) - before
    watcher.stop()
    assert all(thread.daemon for thread in started)
    assert "orly-policy-reload" in {thread.name for thread in started}


def test_stop_without_start_does_nothing(path):
    """A watcher that was never started can be stopped."""
    watch(path, b"{}", ignore, ignore).stop()


def test_stop_is_prompt_while_a_file_settles(path, follow):
    """A stop does not wait for a writer, and nothing is told after it."""
    told = []
    watcher = watch(path, b"{}", told.append, told.append)
    watcher.start()
    path.write_bytes(b"{")
    began = time.monotonic()
    watcher.stop()
    assert time.monotonic() - began < 0.5
    path.write_bytes(b"[]")
    follow(path, content=b"{}").wait_for_content(b"[]")
    assert told == []


def test_stop_may_be_called_from_a_callback(path, until, caplog):
    """The threads end when the callback has returned."""
    before = set(threading.enumerate())
    watcher = watch(path, b"[]", lambda _: watcher.stop(), ignore)
    watcher.start()
    until(lambda: set(threading.enumerate()) == before)
    assert not caplog.records


def test_a_thousand_swaps_leak_nothing(tmp_path, follow):
    """Switching a symlink between two folders over and over costs no descriptor and no thread."""
    path = tmp_path / "policy.json"
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "policy.json").write_bytes(b'["%s"]' % name.encode())
    path.symlink_to("a/policy.json")
    follower = follow(path)
    switch(path, "b")
    follower.wait_for_content(b'["b"]')
    held, threads = descriptors(), threading.active_count()
    for number in range(1000):
        switch(path, "ab"[number % 2])
    for name in "abab":
        switch(path, name)
        follower.wait_for_content(b'["%s"]' % name.encode())
    assert descriptors() <= held
    assert threading.active_count() <= threads


def switch(path, name):
    link = path.with_name("link")
    link.symlink_to(f"{name}/policy.json")
    link.replace(path)


def test_a_busy_folder_neither_costs_readings_nor_hides_changes(path, follow):
    """A database written beside the policy all the time does not have the policy read over and
    over, and the policy's changes are told in time."""
    follower = follow(path)
    with busy_folder(path.parent):
        for number in range(5):
            path.write_bytes(b"[%d]" % number)
            follower.wait_for_content(b"[%d]" % number)
        assert openings(path, seconds=1.0) <= 10


@contextmanager
def busy_folder(folder: Path) -> Iterator[None]:
    """A file in it is written about a thousand times a second."""
    done = threading.Event()

    def write() -> None:
        while not done.wait(0.001):
            (folder / "data.db").write_bytes(b"x" * 100)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        done.set()
        writer.join()


class Openings(FileSystemEventHandler):
    """Counts how often a file is opened."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.count = 0

    def on_opened(self, event: FileSystemEvent) -> None:
        self.count += event.src_path == self.path


def openings(path: Path, seconds: float) -> int:
    """How often a file is opened in a time. It is opened once more, so that zero is no zero."""
    handler = Openings(path)
    observer = Observer()
    observer.schedule(handler, str(path.parent))
    observer.start()
    path.read_bytes()
    time.sleep(seconds)
    observer.stop()
    observer.join()
    assert handler.count
    return handler.count
