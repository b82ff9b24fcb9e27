"""One at a time."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from orly_policy_plugin.errors import Busy, PolicyError, Unwritable
from orly_policy_plugin.state.files import locks
from orly_policy_plugin.state.files.locks import exclusive

from . import nursery as tasks
from .nursery import Nursery


def test_threads_wait_for_each_other(tmp_path: Path) -> None:
    """Nobody is in between what another does."""
    done: list[int] = []

    def work(n: int) -> None:
        for _ in range(20):
            with exclusive(tmp_path / ".lock"):
                done.append(n)
                time.sleep(0.0005)
                done.append(n)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 160
    assert done[::2] == done[1::2]


def test_a_lock_ends_with_its_process(nursery: Nursery, tmp_path: Path) -> None:
    """Killed while it held the lock."""
    runner = threading.Thread(
        target=lambda: nursery.run(tasks.hold_the_lock, tmp_path, kill_after=0.5)
    )
    runner.start()
    lock_file = tmp_path / "policy-history" / ".lock"
    deadline = time.monotonic() + 10
    while not (tmp_path / "held").exists():
        assert time.monotonic() < deadline
        time.sleep(0.005)
    with pytest.raises(Busy), exclusive(lock_file, timeout_seconds=0.05):
        pass
    with exclusive(lock_file):
        pass
    runner.join()


def test_the_timeout_says_what_to_do(tmp_path: Path) -> None:
    """Also to a thread that waits for itself."""
    lock_file = tmp_path / "policy-history" / ".lock"
    with (
        exclusive(lock_file),
        pytest.raises(Busy, match=r"for 0\.05 s; `fuser .*` tells which one") as caught,
        exclusive(lock_file, timeout_seconds=0.05),
    ):
        pass
    assert isinstance(caught.value, PolicyError)
    with exclusive(lock_file, timeout_seconds=0):
        pass


def test_a_lock_file_that_was_removed_locks_nobody(tmp_path: Path) -> None:
    """Who waits for it takes the one that is there by then."""
    lock_file = tmp_path / ".lock"
    with exclusive(lock_file):
        lock_file.unlink()
        with (
            exclusive(lock_file, timeout_seconds=0),
            pytest.raises(Busy),
            exclusive(lock_file, timeout_seconds=0),
        ):
            pass


def test_a_lock_file_removed_before_it_is_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process comes between opening and locking: the file that is there is locked."""
    lock_file, real, removed = tmp_path / ".lock", locks._open, []

    def open_and_lose(path: Path) -> int:
        descriptor = real(path)
        if not removed:
            removed.append(path)
            path.unlink()
        return descriptor

    monkeypatch.setattr(locks, "_open", open_and_lose)
    with exclusive(lock_file), pytest.raises(Busy), exclusive(lock_file, timeout_seconds=0):
        pass
    assert removed


def test_a_forked_child_does_not_keep_the_lock(tmp_path: Path, nursery: Nursery) -> None:
    """Though it has the descriptor."""
    with exclusive(tmp_path / ".lock"):
        child = os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(0)
    try:
        with exclusive(tmp_path / ".lock", timeout_seconds=0):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_a_lock_that_cannot_be_made(tmp_path: Path) -> None:
    """A symlink is not followed."""
    (tmp_path / ".lock").symlink_to("elsewhere")
    with pytest.raises(Unwritable, match="cannot be locked"), exclusive(tmp_path / ".lock"):
        pass
    assert not (tmp_path / "elsewhere").exists()


def test_proof_of_holding_it(tmp_path: Path) -> None:
    """It is for one folder, and ends with the lock."""
    with exclusive(tmp_path / "one" / ".lock") as held:
        held.check(tmp_path / "one")
        with pytest.raises(RuntimeError, match="without holding its lock"):
            held.check(tmp_path / "other")
    with pytest.raises(RuntimeError):
        held.check(tmp_path / "one")


def test_an_exception_ends_it(tmp_path: Path) -> None:
    """As any way out does."""
    with pytest.raises(KeyError), exclusive(tmp_path / ".lock"):
        raise KeyError
    with exclusive(tmp_path / ".lock", timeout_seconds=0):
        pass
