"""``kill -9`` at any moment: the state is the old or the new, whole, and nothing is forgotten."""

import json
import random
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from depth import times

from orly_policy_plugin.authority.freshness import Freshness
from orly_policy_plugin.state.files.folders import StateFolders
from orly_policy_plugin.state.files.freshness_file import FreshnessFile
from orly_policy_plugin.state.files.signed_events import (
    read_events,
    read_withdrawals,
)

from . import nursery as tasks
from .nursery import ADMIN, START, Nursery, acknowledged, check_state, mark, policy, some_id

TEMPORARY = re.compile(r"\.orly-policy-[0-9a-f]{16}\.tmp")


def temporary_files(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob(".orly-policy-*")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "policy.json").write_bytes(policy(0).content)
    return tmp_path


@pytest.mark.heavy
def test_killed_at_random_moments(nursery: Nursery, folder: Path) -> None:
    """The policy is the old or the new one, and no mark is lower than what was acknowledged."""
    crashes_with_leftovers = 0
    for moment in random_moments(nursery, tasks.apply_next, folder, times(20, 200)):
        ended = nursery.run(tasks.apply_for_ever, folder, kill_after=moment)
        assert ended == [-signal.SIGKILL]
        crashes_with_leftovers += bool(temporary_files(folder))
        check_state_counting_from_what_stands(folder)
    assert nursery.run(tasks.apply_next, folder) == [0]
    assert temporary_files(folder) == []
    assert crashes_with_leftovers


def random_moments(
    nursery: Nursery, once: Callable[[Path], None], folder: Path, times: int
) -> Iterator[float]:
    """Seconds: within the first two runs, however long one takes on this machine just now."""
    for i in range(times):
        if i % 10 == 0:
            began = time.monotonic()
            assert nursery.run(once, folder) == [0]
            took = time.monotonic() - began
        yield random.uniform(0, min(2 * took, 0.2))


def check_state_counting_from_what_stands(folder: Path) -> None:
    """A crash between applying and acknowledging leaves out a number, once."""
    check_state(folder)
    if (n := tasks.number_in(folder)) not in acknowledged(folder) and n:
        tasks.acknowledge(folder, n)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("first", [True, False], ids=["the first policy", "a later one"])
@pytest.mark.heavy
def test_killed_at_each_step(nursery: Nursery, folder: Path, after: bool, first: bool) -> None:
    """Before and after each thing that is done to the disk; a write is cut in half."""
    for step in range(1, 200):
        if first:
            start_again(folder)
        ended = nursery.run(tasks.apply_next, folder, step=step, after=after)
        check_state_counting_from_what_stands(folder)
        if ended == [0]:
            break
        assert ended == [-signal.SIGKILL]
    assert step > 25
    assert temporary_files(folder) == []


def start_again(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (folder / "policy.json").write_bytes(policy(0).content)


def check_contributions(folder: Path) -> None:
    """What must hold after any crash of ``contribute_and_withdraw``."""
    folders = StateFolders(folder / "policy.json")
    done = len(acknowledged(folder))
    stored = read_events(folders.contributions)
    assert stored.problems == ()
    withdrawn = stored.withdrawn
    withdrawals, problems = read_withdrawals(folders.contributions, withdrawn)
    assert problems == ()
    assert {some_id(n) for n in range(1, done)} <= withdrawn == set(withdrawals)
    assert stored.events.keys() | withdrawn <= {some_id(n) for n in range(1, done + 2)}
    assert not done or some_id(done) in stored.events.keys() | withdrawn
    times = [event["created_at"] for event in stored.events.values()]
    times += [withdrawal.created_at for withdrawal in withdrawals.values()]
    fresh = FreshnessFile(folders.history).load().admins.get(ADMIN)
    assert not done or (fresh and fresh >= mark(done))
    assert max([*times, fresh.created_at if fresh else 0], default=0) >= START + done or not done


def test_contributions_killed_at_random_moments(nursery: Nursery, folder: Path) -> None:
    """A contribution is there or not, a withdrawn one stays withdrawn, no mark is lowered."""
    for moment in random_moments(nursery, tasks.contribute_and_withdraw, folder, times(10, 100)):
        nursery.run(tasks.contribute_for_ever, folder, kill_after=moment)
        check_contributions(folder)
    assert acknowledged(folder)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.heavy
def test_contributions_killed_at_each_step(nursery: Nursery, folder: Path, after: bool) -> None:
    """Before and after each thing that is done to the disk."""
    assert nursery.run(tasks.contribute_and_withdraw, folder) == [0]
    for step in range(1, 200):
        ended = nursery.run(tasks.contribute_and_withdraw, folder, step=step, after=after)
        check_contributions(folder)
        if ended == [0]:
            break
    assert step > 25


def test_many_processes_lose_nothing(nursery: Nursery, folder: Path) -> None:
    """Four processes record and raise at once: every version and every mark is there."""
    assert nursery.run(tasks.record_many, folder, processes=4) == [0] * 4
    names = (folder / "recorded").read_text().split()
    assert len(set(names)) == 80
    history = tasks.History(folder / "policy-history", folder / "policy.json")
    problems: list[object] = []
    entries = list(history.entries(problems))
    assert [entry.content.decode() for entry in entries] == names[::-1]
    assert FreshnessFile(folder / "policy-history").load().admins.keys() == set(
        map(some_id, names)
    )


def test_policies_applied_by_many_processes_at_once(nursery: Nursery, folder: Path) -> None:
    """Each takes the one before it as it stands: they end in one order."""
    for _ in range(3):
        assert nursery.run(tasks.apply_next, folder, processes=4) == [0] * 4
    assert acknowledged(folder) == list(range(1, 13))
    check_state(folder)


def test_writers_without_a_lock_do_not_clean_each_other_away(
    nursery: Nursery, folder: Path
) -> None:
    """What another process is writing is told from what a crash left."""
    assert nursery.run(tasks.write_without_lock, folder, processes=4) == [0] * 4
    content = (folder / "shared.json").read_bytes()
    assert len(set(content.replace(b"][", b"]\n[").split())) == 2
    assert temporary_files(folder) == []


def test_a_raise_is_never_forgotten(tmp_path: Path) -> None:
    """A lower mark changes nothing, not even the file."""
    history = tmp_path / "policy-history"
    with tasks.exclusive(history / ".lock") as held:
        FreshnessFile(history).raise_to(Freshness(owner=mark(5)), held)
        before = (history / "freshness.json").stat()
        FreshnessFile(history).raise_to(Freshness(owner=mark(3)), held)
        assert (history / "freshness.json").stat() == before
        both = FreshnessFile(history).raise_to(Freshness(admins={ADMIN: mark(1)}), held)
    assert FreshnessFile(history).load() == both == Freshness(mark(5), {ADMIN: mark(1)})
    assert json.loads((history / "freshness.json").read_text())["owner"]["event_id"] == some_id(5)
