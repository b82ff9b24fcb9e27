"""The decision log: a real file, which is moved, full, or gone."""

import contextlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from examples import ALICE, BOB, NOW, AnEvent
from live.making import eventually

from orly_policy_hookspecs import Context, Decision, frozen
from orly_policy_plugin.desk.decision_log import DecisionLog
from orly_policy_plugin.desk.entries import Decided
from orly_policy_plugin.desk.settings import DeskSettings
from orly_policy_plugin.errors import PolicyError

NO = Decision.reject("blocked: no", "rules.1.size_limit").attributed("orly-policy")
CONTEXT = Context([BOB], ip="192.0.2.7")


def decided(number: int = 0, at: float = NOW) -> Decided:
    event = frozen(AnEvent(pubkey=ALICE, content=f"{number}"))
    return Decided(at, "write", event, CONTEXT, NO, 0.5, "abc")


@contextlib.contextmanager
def logging_to(path: Path, **settings: Any) -> Iterator[DecisionLog]:
    log = DecisionLog(path, DeskSettings(**settings))
    log.start()
    try:
        yield log
    finally:
        log.stop()


def entries(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines() if line]


def contents(path: Path) -> list[str]:
    return [each["input"]["event"]["content"] for each in entries(path) if "input" in each]


def test_an_entry_has_the_fields_of_opas_log(tmp_path: Path) -> None:
    """And is for its owner alone."""
    path = tmp_path / "decisions.jsonl"
    with logging_to(path) as log:
        log.tell(decided(7))
    (entry,) = entries(path)
    assert len(entry.pop("decision_id")) == 36
    assert entry.pop("input")["event"]["content"] == "7"
    assert entry == {
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(NOW)),
        "labels": {"worker": str(os.getpid())},
        "revision": "abc",
        "path": "rules.1.size_limit",
        "requested_by": "192.0.2.7",
        "result": {
            "outcome": "reject",
            "accepted": False,
            "message": "blocked: no",
            "plugin": "orly-policy",
        },
        "metrics": {"timer_decision_ns": 500_000_000},
    }
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_is_to_be_erased_is_not_written(tmp_path: Path) -> None:
    """By JSON pointers."""
    path = tmp_path / "decisions.jsonl"
    pointers = ("/input/event/content", "/requested_by", "/input/ip")
    with logging_to(path, log_erases=pointers) as log:
        log.tell(decided())
    (entry,) = entries(path)
    assert "content" not in entry["input"]["event"]
    assert "192.0.2.7" not in path.read_text()
    assert entry["erased"] == list(pointers)


@pytest.mark.parametrize(("which", "wanted"), [("refusals", [False]), ("all", [True, False])])
def test_refusals_alone_are_written_by_default(
    tmp_path: Path, which: Any, wanted: list[bool]
) -> None:
    """Or everything."""
    log = DecisionLog(tmp_path / "log", DeskSettings(log_decisions=which))
    assert [accepted for accepted in (True, False) if log.wants(accepted=accepted)] == wanted


def test_a_file_that_is_moved_away_is_begun_anew(tmp_path: Path) -> None:
    """As logrotate does; nothing is lost, and no signal is needed."""
    path, old = tmp_path / "decisions.jsonl", tmp_path / "decisions.jsonl.1"
    with logging_to(path) as log:
        log.tell(decided(1))
        eventually(lambda: contents(path) == ["1"])
        path.rename(old)
        log.tell(decided(2))
        eventually(path.exists)
        eventually(lambda: contents(path) == ["2"])
    assert contents(old) == ["1"]


def test_two_workers_may_write_into_one_file(tmp_path: Path) -> None:
    """Each line is one entry."""
    path = tmp_path / "decisions.jsonl"
    with logging_to(path) as one, logging_to(path) as other:
        for number in range(200):
            (one if number % 2 else other).tell(decided(number))
    assert sorted(map(int, contents(path))) == list(range(200))


def test_more_than_the_rate_is_dropped_and_counted(tmp_path: Path) -> None:
    """In the second; the next one is another."""
    path = tmp_path / "decisions.jsonl"
    with logging_to(path, log_most_a_second=5) as log:
        for number in range(8):
            log.tell(decided(number))
        eventually(lambda: contents(path) == ["0", "1", "2", "3", "4"])
        log.tell(decided(8, at=NOW + 1))
    assert contents(path) == ["0", "1", "2", "3", "4", "8"]
    assert sum(each.get("dropped", 0) for each in entries(path)) == log.dropped == 3


def test_a_log_that_cannot_be_written_is_told_once_and_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What is missing is counted, and said in the log itself when it can be written again."""
    folder = tmp_path / "logs"
    folder.mkdir()
    path = folder / "decisions.jsonl"
    with logging_to(path) as log:
        path.unlink()
        folder.rmdir()
        for number in range(3):
            log.tell(decided(number))
            eventually(lambda number=number: log.dropped == number + 1)
        folder.mkdir()
        log.tell(decided(3))
        eventually(path.exists)
        eventually(lambda: contents(path) == ["3"])
    assert [each["dropped"] for each in entries(path) if "dropped" in each] == [3]
    assert caplog.text.count("cannot be written") == 1
    assert caplog.text.count("can be written again") == 1


def test_a_full_disk_drops_and_counts(caplog: pytest.LogCaptureFixture) -> None:
    """The relay goes on."""
    with logging_to(Path("/dev/full")) as log:
        log.tell(decided())
        eventually(lambda: log.dropped == 1)
    assert "No space left" in caplog.text


def test_a_log_that_cannot_be_opened_keeps_the_relay_closed(tmp_path: Path) -> None:
    """An operator who wants one has to know."""
    with pytest.raises(PolicyError, match="No such file"):
        DecisionLog(tmp_path / "nowhere" / "log", DeskSettings()).start()
