"""Writing a policy: what fails before it changes nothing, what fails after it is told."""

import os
from pathlib import Path

import pytest

from orly_policy_plugin.authority.freshness import Freshness
from orly_policy_plugin.errors import PolicyError
from orly_policy_plugin.policy.problems import Problem
from orly_policy_plugin.state.files import FileStore
from orly_policy_plugin.state.files.folders import StateFolders
from orly_policy_plugin.state.files.freshness_file import FreshnessFile, UnusableFreshness
from orly_policy_plugin.state.files.history_files import History
from orly_policy_plugin.state.store import PolicyReplaced

from .nursery import mark, policy


@pytest.fixture
def folders(tmp_path: Path) -> StateFolders:
    made = StateFolders(tmp_path / "policy.json")
    made.policy_file.write_bytes(policy(1).content)
    return made


def replace(folders: StateFolders, n: int, *, before: int | None = 1) -> tuple[Problem, ...]:
    with FileStore(folders.policy_file).exclusive() as step:
        return step.apply(
            PolicyReplaced(
                entry=policy(n),
                freshness=Freshness(owner=mark(n)),
                before=None if before is None else policy(before),
                freshness_before=Freshness(None if before is None else mark(before)),
            )
        )


def contents(folders: StateFolders) -> list[bytes]:
    return [entry.content for entry in History(folders.history, folders.policy_file).entries([])]


def test_the_old_one_is_kept_and_the_new_one_stands(folders: StateFolders) -> None:
    """In the file, in the history and in the marks."""
    assert replace(folders, 2) == ()
    assert folders.policy_file.read_bytes() == policy(2).content
    assert contents(folders) == [policy(2).content, policy(1).content]
    assert FreshnessFile(folders.history).load().owner == mark(2)


def test_an_older_policy_lowers_no_mark(folders: StateFolders) -> None:
    """What the file alone knew is kept before the file goes, as in a rollback."""
    folders.policy_file.write_bytes(policy(7).content)
    assert replace(folders, 2, before=7) == ()
    assert FreshnessFile(folders.history).load().owner == mark(7)


def test_a_first_policy(folders: StateFolders) -> None:
    """Where there is no file."""
    folders.policy_file.unlink()
    assert replace(folders, 2, before=None) == ()
    assert contents(folders) == [policy(2).content]


def test_garbled_freshness_stops_it(folders: StateFolders) -> None:
    """Nothing has changed."""
    folders.history.mkdir()
    (folders.history / "freshness.json").write_bytes(b"{")
    with pytest.raises(UnusableFreshness):
        replace(folders, 2)
    assert folders.policy_file.read_bytes() == policy(1).content
    assert contents(folders) == []


def test_a_failure_before_the_change_is_raised(
    folders: StateFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each rename but the last two comes before the policy counts or is the policy's."""
    for n in 1, 2, 3:
        with monkeypatch.context() as patch:
            fail_from(patch, n)
            with pytest.raises(PolicyError, match="no space left"):
                replace(folders, 2)
        assert folders.policy_file.read_bytes() == policy(1).content
        assert FreshnessFile(folders.history).load().owner in (None, mark(1))
        assert policy(2).content not in contents(folders)
        reset(folders)


def test_a_failure_after_the_change_is_told(
    folders: StateFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new policy stands, and what could not be kept is named."""
    with monkeypatch.context() as patch:
        fail_from(patch, 4)
        problems = replace(folders, 2)
    assert len(problems) == 2
    assert "freshness.json cannot be written: no space left" in str(problems[0])
    assert folders.policy_file.read_bytes() == policy(2).content
    assert replace(folders, 3, before=2) == ()
    assert contents(folders) == [policy(n).content for n in (3, 2, 1)]


def fail_from(patch: pytest.MonkeyPatch, n: int) -> None:
    """No file can be renamed from the nth time on."""
    real, left = os.replace, n

    def fail(*args: object, **kwargs: object) -> None:
        nonlocal left
        left -= 1
        if left <= 0:
            raise OSError(28, "No space left on device")
        real(*args, **kwargs)  # type: ignore[arg-type]

    patch.setattr(os, "replace", fail)


def reset(folders: StateFolders) -> None:
    for path in folders.history.iterdir():
        path.unlink()


def test_two_unusable_files_of_one_second_are_both_kept(folders: StateFolders) -> None:
    """What a person wrote is not lost because it was no policy; the same again is one file."""
    for text in (b"a", b"b", b"a"):
        with FileStore(folders.policy_file).exclusive() as step:
            entry, marks = policy(2), Freshness()
            step.apply(PolicyReplaced(entry=entry, freshness=marks, unusable=text))
    kept = sorted(folders.history.glob(f"unusable-{policy(2).recorded_at}-*.json"))
    assert sorted(path.read_bytes() for path in kept) == [b"a", b"b"]
