"""Replacing the policy: what fails before it changes nothing, what fails after it is told."""

import os
from pathlib import Path

import pytest

from orly_policy_plugin.authority.freshness import Freshness
from orly_policy_plugin.errors import PolicyError
from orly_policy_plugin.policy.problems import Problem
from orly_policy_plugin.state.folders import StateFolders
from orly_policy_plugin.state.freshness_file import UnusableFreshness, load_freshness
from orly_policy_plugin.state.history import History
from orly_policy_plugin.state.locks import exclusive
from orly_policy_plugin.state.replacing import keep_unusable, replace_policy

from .nursery import mark, policy


@pytest.fixture
def folders(tmp_path: Path) -> StateFolders:
    made = StateFolders(tmp_path / "policy.json")
    made.policy_file.write_bytes(policy(1).content)
    return made


def replace(folders: StateFolders, n: int, *, standing: int | None = 1) -> tuple[Problem, ...]:
    with exclusive(folders.lock_file) as held:
        return replace_policy(
            folders,
            policy(n),
            standing=None if standing is None else policy(standing),
            seen=Freshness(owner=mark(n)),
            held=held,
        )


def contents(folders: StateFolders) -> list[bytes]:
    return [entry.content for entry in History(folders.history).entries([])]


def test_the_old_one_is_kept_and_the_new_one_stands(folders: StateFolders) -> None:
    """In the file, in the history and in the marks."""
    assert replace(folders, 2) == ()
    assert folders.policy_file.read_bytes() == policy(2).content
    assert contents(folders) == [policy(2).content, policy(1).content]
    assert load_freshness(folders.history).owner == mark(2)


def test_an_older_policy_lowers_no_mark(folders: StateFolders) -> None:
    """What the file alone knew is kept before the file goes, as in a rollback."""
    folders.policy_file.write_bytes(policy(7).content)
    assert replace(folders, 2, standing=7) == ()
    assert load_freshness(folders.history).owner == mark(7)


def test_a_first_policy(folders: StateFolders) -> None:
    """Where there is no file."""
    folders.policy_file.unlink()
    assert replace(folders, 2, standing=None) == ()
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
        assert load_freshness(folders.history).owner in (None, mark(1))
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
    assert replace(folders, 3, standing=2) == ()
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
    with exclusive(folders.lock_file) as held:
        kept = [keep_unusable(folders, text, 1_700_000_000, held) for text in (b"a", b"b", b"a")]
    assert [path.read_bytes() for path in kept] == [b"a", b"b", b"a"]
    assert len(set(kept)) == 2
    assert all(path.name.startswith("unusable-1700000000-") for path in kept)
