"""No half-written file is told, and no stream of writes hides a change."""

import threading
import time

import pytest

from orly_policy_plugin.errors import Unreadable
from orly_policy_plugin.reload.settling import identify, is_settled, looks_whole, read_settled

WHOLE = b'{"default_policy": "deny", "rules": {"1": {"description": "notes"}}}'


@pytest.mark.parametrize("cut", [0, len(WHOLE) - 1])
def test_a_half_written_file_is_not_told(tmp_path, means, follow, cut):
    """A writer that truncates and takes 200 ms for the rest is waited for."""
    path = tmp_path / "policy.json"
    path.write_bytes(b"{}")
    follower = follow(path)
    with path.open("wb", buffering=0) as file:
        file.write(WHOLE[:cut])
        time.sleep(0.2)
        file.write(WHOLE[cut:])
    follower.wait_for_content(WHOLE)
    assert follower.reports == [WHOLE]


def test_a_slow_writer_is_waited_for(tmp_path, follow):
    """Half a second in pieces, with short pauses, is one change."""
    path = tmp_path / "policy.json"
    path.write_bytes(b"{}")
    follower = follow(path)
    with path.open("wb", buffering=0) as file:
        for start in range(0, len(WHOLE), 20):
            time.sleep(0.15)
            file.write(WHOLE[start : start + 20])
    follower.wait_for_content(WHOLE)
    assert follower.reports == [WHOLE]


def test_an_overwritten_tail_is_not_told(tmp_path, follow):
    """A shorter content written over a longer one, truncated after a while, is waited for."""
    path = tmp_path / "policy.json"
    path.write_bytes(WHOLE)
    follower = follow(path)
    with path.open("rb+", buffering=0) as file:
        file.write(b"{}")
        time.sleep(0.2)
        file.truncate()
    follower.wait_for_content(b"{}")
    assert follower.reports == [b"{}"]


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\x00", b"no JSON", b"[" * 100_000])
def test_what_stays_unfinished_is_told(tmp_path, follow, content):
    """Patience has an end: what is wrong with a file must be shown."""
    path = tmp_path / "policy.json"
    path.write_bytes(b"{}")
    follower = follow(path)
    path.write_bytes(content)
    follower.wait_for_content(content)


def test_a_file_that_never_rests_is_followed(tmp_path, follow):
    """A writer without a pause does not keep changes from being told, and none of them is torn."""
    path = tmp_path / "policy.json"
    path.write_bytes(b"[-1]")
    follower = follow(path)
    done = threading.Event()

    def write() -> None:
        number = 0
        while not done.wait(0.005):
            number += 1
            path.write_bytes(b"[%d]" % number)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        follower.wait_for(lambda _: len(follower.reports) >= 3, within_seconds=3)
    finally:
        done.set()
        writer.join()
    follower.wait_for_content(path.read_bytes())
    assert all(looks_whole(report) for report in follower.reports)


def test_what_looks_unfinished_is_read_once_as_long_as_nothing_changes(tmp_path):
    """A list of keys always does, and may be large."""
    path = tmp_path / "members.txt"
    path.write_bytes(b"ab\n")
    readings = []

    def read() -> bytes:
        readings.append(path.read_bytes())
        if len(readings) == 1:
            path.write_bytes(b"abcd\n")
        return readings[-1]

    settled = read_settled(path, read, threading.Event())
    assert settled == (identify(path), b"abcd\n")
    assert readings == [b"ab\n", b"abcd\n"]


def test_each_way_of_saving_leaves_its_mark(saving):
    """The file's identity differs, so that the file is read."""
    saving.lay_out(b"[1]")
    before = identify(saving.path)
    saving.save(b"[2]")
    assert identify(saving.path) != before


@pytest.mark.parametrize(
    ("reading", "quiet", "waited", "taken"),
    [
        (WHOLE, 0.04, 0.04, False),
        (WHOLE, 0.05, 0.05, True),
        (WHOLE, 0.01, 0.3, True),
        (b"{", 0.05, 0.05, False),
        (b"{", 0.29, 0.9, False),
        (b"{", 0.3, 0.3, True),
        (b"{", 0.01, 1.0, True),
        (Unreadable("gone"), 0.2, 0.2, False),
        (Unreadable("gone"), 0.3, 0.3, True),
    ],
)
def test_when_a_reading_is_taken(reading, quiet, waited, taken):
    """Quiet is enough for what looks whole; the rest needs patience, which has limits."""
    assert is_settled(reading, quiet_seconds=quiet, waited_seconds=waited) is taken
