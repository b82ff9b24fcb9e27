"""What Prometheus is told, of workers that come and go."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orly_policy_plugin.desk.counts import LIMITS, Counted
from orly_policy_plugin.desk.metrics import Summing, reason_of
from orly_policy_plugin.desk.reports import Report

EVENT_ID = "ab" * 32
TOOK = (1,) + (0,) * len(LIMITS)


def counted(place: str, plugin: str = "orly-policy") -> Counted:
    return Counted("write", "reject", plugin, place, TOOK, 0.0)


@pytest.mark.parametrize(
    ("place", "plugin", "reason"),
    [
        ("", "", ""),
        ("default_policy", "orly-policy", "default_policy"),
        ("rules.1.size_limit", "orly-policy", "size_limit"),
        ("rules.1.write_allow, rules.1.privileged", "orly-policy", "write_allow,privileged"),
        (f"contributions.{EVENT_ID}.rules_add.7.write_deny", "orly-policy", "write_deny"),
        ("anything at all", "other", "other"),
    ],
)
def test_a_reason_is_one_of_few(place: str, plugin: str, reason: str) -> None:
    """The field, whichever the rule; of other plugins their name."""
    assert reason_of(counted(place, plugin)) == reason


def worker(pid: int, started_at: float, script_failures: int) -> Report:
    return Report(
        pid=pid,
        started_at=started_at,
        path="/policy.json",
        version="abc",
        in_force_since=0,
        event_id=None,
        event_author=None,
        loaded_at=0,
        reload_failures=0,
        problems=(),
        next_start=(),
        contributions=(),
        follow_lists=(),
        lists=(),
        plugins=(),
        scripts=(),
        script_failures=script_failures,
        decisions=(counted("a"),) * script_failures,
        log_dropped=0,
    )


@given(st.lists(st.dictionaries(st.integers(1, 3), st.integers(0, 5), max_size=3), max_size=10))
def test_no_sum_ever_falls(scrapes: list[dict[int, int]]) -> None:
    """Whoever comes, counts, goes, and comes again with the same process id."""
    summing, before = Summing(), 0
    counts: dict[int, int] = {}
    generation = dict.fromkeys(range(1, 4), 0)
    expected = 0
    for scrape in scrapes:
        for pid in counts.keys() - scrape.keys():
            del counts[pid]
            generation[pid] += 1
        for pid, more in scrape.items():
            counts[pid] = counts.get(pid, 0) + more
            expected += more
        workers = [worker(pid, float(generation[pid]), n) for pid, n in counts.items()]
        total = summing.sum(workers)
        assert total.script_failures == expected >= before
        assert sum(each.count for each in total.decisions) == expected
        before = expected


def test_a_report_is_read_as_it_was_sent() -> None:
    """And another value is none."""
    report = attrs.evolve(worker(1, 2.0, 3), lists=())
    assert Report.of_json(report.as_json()) == report
    with pytest.raises(ValueError, match="no report"):
        Report.of_json({"pid": "x"})
