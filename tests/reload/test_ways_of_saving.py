"""However a file is saved, its final content is what is told."""

import statistics
import threading
import time

import pytest

CONTENTS = [
    b'{"default_policy": "%s"}' % word for word in (b"deny ", b"allow", b"never", b"maybe")
]


def test_each_way_of_saving_ends_with_the_final_content(saving, follow):
    """Save after save is told within a second, and nothing half-written."""
    saving.lay_out(CONTENTS[0])
    follower = follow(saving.path)
    for content in CONTENTS[1:]:
        saving.save(content)
        follower.wait_for_content(content)
    contents = [report for report in follower.reports if isinstance(report, bytes)]
    assert all(content.strip() in CONTENTS for content in contents)
    assert saving.is_away_meanwhile or contents == follower.reports


def test_so_it_does_by_polling(ways, no_file_events, follow):
    """The same ways, all at a time, where the system gives no file events."""
    for saving in ways:
        saving.lay_out(CONTENTS[0])
    followers = {saving: follow(saving.path) for saving in ways}
    for content in CONTENTS[1:]:
        for saving, follower in followers.items():
            saving.save(content)
            follower.due = time.monotonic() + 1.0
        for follower in followers.values():
            follower.wait_for_content(content, follower.due - time.monotonic())


@pytest.mark.parametrize("pauses", [0, 0.02])
def test_a_burst_of_renames_ends_with_the_last(tmp_path, follow, pauses):
    """A hundred files renamed into place, slowly or quickly: the last one counts."""
    path = tmp_path / "policy.json"
    path.write_bytes(b"{}")
    follower = follow(path)
    for number in range(100):
        new = tmp_path / "new"
        new.write_bytes(b"[%d]" % number)
        new.replace(path)
        time.sleep(pauses / 10 if number % 10 else pauses)
    follower.wait_for_content(b"[99]")
    assert follower.reports.count(b"[99]") == 1


def test_a_change_before_the_start_counts(tmp_path, follow):
    """What was written between loading and starting is told."""
    path = tmp_path / "policy.json"
    path.write_bytes(b'{"new": 1}')
    follow(path, content=b'{"old": 1}').wait_for_content(b'{"new": 1}')


def test_the_same_content_saved_again_is_not_told(tmp_path, follow):
    """Neither is what was loaded, nor touching the file."""
    path = tmp_path / "policy.json"
    path.write_bytes(b"{}")
    follower = follow(path)
    assert follower.hears_nothing()
    path.write_bytes(b"{}")
    path.touch()
    path.chmod(0o600)
    assert follower.hears_nothing()


def test_file_events_make_it_quick(tmp_path, follow):
    """A save is told sooner than the next heartbeat."""
    path = tmp_path / "policy.json"
    path.write_bytes(b"{}")
    follower = follow(path)
    delays = []
    for number in range(9):
        path.write_bytes(b"[%d]" % number)
        saved = time.monotonic()
        follower.wait_for_content(b"[%d]" % number)
        delays.append(time.monotonic() - saved)
    assert statistics.median(delays[1:]) < 0.25


def test_without_file_events_it_polls_and_says_so_once(tmp_path, no_file_events, follow, caplog):
    """Exhausted inotify watches cost one warning and a little time, no change."""
    path = tmp_path / "policy.json"
    path.write_bytes(b"{}")
    follower = follow(path)
    for content in b"[1]", b"[2]", b"[3]":
        path.write_bytes(content)
        follower.wait_for_content(content)
    said = [record for record in caplog.records if "polled" in record.message]
    assert len(said) == 1
    assert said[0].levelname == "WARNING"
    assert "inotify watch limit reached" in said[0].message


def test_an_observer_that_cannot_start_is_done_without(tmp_path, monkeypatch, follow, caplog):
    """Exhausted inotify instances are survived in the same way."""
    from watchdog.observers.api import BaseObserver

    def exhausted(_: object) -> None:
        raise OSError("inotify instance limit reached")

    before = set(threading.enumerate())
    monkeypatch.setattr(BaseObserver, "start", exhausted)
    path = tmp_path / "policy.json"
    path.write_bytes(b"{}")
    follower = follow(path)
    path.write_bytes(b"[]")
    follower.wait_for_content(b"[]")
    assert sum("instance limit" in record.message for record in caplog.records) == 1
    started = [thread.name for thread in set(threading.enumerate()) - before]
    assert started == ["orly-policy-reload"]
