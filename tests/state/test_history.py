"""The versions that were in force."""

import logging
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import some

from orly_policy_plugin.errors import Unreadable
from orly_policy_plugin.policy.problems import Problem
from orly_policy_plugin.state import Entry, UnknownVersion
from orly_policy_plugin.state.files import history_files as module
from orly_policy_plugin.state.files.history_files import History
from orly_policy_plugin.state.files.locks import exclusive
from orly_policy_plugin.state.files.state_files import read_state_file

from .nursery import OWNER, some_id


def an_entry(n: object, recorded_at: int = 1_700_000_000, content: bytes | None = None) -> Entry:
    return Entry(
        version=some_id(n)[:12],
        recorded_at=recorded_at,
        how="event",
        author=OWNER,
        event_id=some_id(n),
        content=repr(n).encode() if content is None else content,
    )


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path / "policy-history", tmp_path / "policy.json")


def record(history: History, *entries: Entry) -> list[bool]:
    with exclusive(history.folder / ".lock") as held:
        return [history.record(entry, held) for entry in entries]


def read(history: History) -> list[Entry]:
    problems: list[Problem] = []
    entries = list(history.entries(problems))
    assert problems == []
    return entries


def files(history: History) -> list[Path]:
    return sorted(path for path in history.folder.iterdir() if path.suffix == ".json")


def test_an_empty_history(history: History) -> None:
    """Looking makes nothing."""
    assert read(history) == []
    with pytest.raises(UnknownVersion, match="the history is empty"):
        history.find("abc")
    assert not history.folder.exists()


def test_newest_first(history: History) -> None:
    """As they were recorded, with all that was said."""
    entries = [an_entry(n) for n in range(5)]
    entries.append(Entry(version="0" * 12, recorded_at=5, how="hand edit", content=b""))
    assert record(history, *entries) == [True] * 6
    assert read(history) == entries[::-1]


def test_names_sort_by_time(history: History) -> None:
    """Also where the clock went back, and names say the version."""
    entries = [an_entry(n, recorded_at) for n, recorded_at in enumerate((50, 100, 7, 7, 200))]
    record(history, *entries)
    assert read(history) == entries[::-1]
    assert [path.name for path in files(history)] == [
        f"{time:012d}-{n + 1:08d}-{some_id(n)[:12]}.policy.json"
        for n, time in enumerate((50, 100, 100, 100, 200))
    ]


@some
@given(st.one_of(st.binary(), st.text().map(str.encode)))
def test_bytes_are_kept_exactly(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """A mark of byte order, line ends, what is not UTF-8: all of them."""
    history = History(tmp_path_factory.mktemp("policy-history"), Path("policy.json"))
    record(history, an_entry(1, content=content))
    assert read(history)[0].content == content


def test_an_exact_repeat_of_the_newest_is_skipped(history: History) -> None:
    """Going back to an older one is none."""
    a, b = an_entry("a"), an_entry("b")
    later = attrs.evolve(a, recorded_at=1_800_000_000, how="start", author=None, event_id=None)
    assert record(history, a, later, b, b, later) == [True, False, True, False, True]
    assert read(history) == [later, b, a]


def test_a_comment_makes_another_content(history: History) -> None:
    """And a contribution another version of the same content."""
    one = an_entry(1, content=b"{}")
    assert record(history, one, attrs.evolve(one, content=b"{} ")) == [True, True]
    assert record(history, attrs.evolve(one, content=b"{} ", version="0" * 12)) == [True]


def test_only_the_last_thousand_stay(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest go; what is none of ours stays."""
    assert module.MOST_ENTRIES == 1000
    monkeypatch.setattr(module, "MOST_ENTRIES", 10)
    record(history, an_entry(0))
    (history.folder / "freshness.json").touch()
    record(history, *(an_entry(n) for n in range(1, 25)))
    assert read(history) == [an_entry(n) for n in range(24, 14, -1)]
    assert (history.folder / "freshness.json").exists()
    assert (history.folder / ".lock").exists()


def test_an_old_one_that_cannot_be_removed(
    history: History, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Is no reason not to record the new one."""
    monkeypatch.setattr(module, "MOST_ENTRIES", 1)
    history.folder.mkdir()
    (history.folder / f"{1:012d}-{1:08d}-{'0' * 12}.policy.json").mkdir()
    with caplog.at_level(logging.WARNING):
        assert record(history, an_entry(1)) == [True]
    assert "an old version stays" in caplog.text


def test_finding_a_version(history: History) -> None:
    """By the digits that tell it from others; the newest of its entries."""
    again = an_entry(1, recorded_at=1_800_000_000, content=b"again")
    record(history, *(an_entry(n) for n in range(30)), again)
    assert history.find(some_id(1)[:12]) == again
    assert history.find(some_id(2)[:6].upper()) == an_entry(2)


@pytest.mark.parametrize("prefix", ["", "xyz", "../../x", "*", "0" * 13])
def test_an_unknown_version(history: History, prefix: str) -> None:
    """The message names some that are there."""
    record(history, *(an_entry(n) for n in range(8)))
    with pytest.raises(
        UnknownVersion, match=r"there is no version .*there are (\w+, ){5}and 3 more"
    ):
        history.find(prefix)


def test_the_nearest_versions_are_named_first(history: History) -> None:
    """Those that begin alike."""
    record(history, *(attrs.evolve(an_entry(n), version=f"{n:x}" * 12) for n in range(10)))
    with pytest.raises(UnknownVersion, match=r"there are 7{12}, 9{12}, 8{12}"):
        history.find("7778")


def test_an_ambiguous_version(history: History) -> None:
    """The message names those that are meant."""
    for n in range(3):
        record(history, attrs.evolve(an_entry(n), version=f"abc{n}00000000"))
    with pytest.raises(
        UnknownVersion, match=r"may mean abc200000000, abc100000000, .*more digits"
    ):
        history.find("abc")
    assert history.find("abc1") == attrs.evolve(an_entry(1), version="abc100000000")


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"version": "000000000000", "recorded_at": 1, "how": "event", "content": "x"}',
        b'{"version": 1, "recorded_at": 1, "how": "event", "content": "x"}',
    ],
)
def test_a_damaged_entry(history: History, damage: bytes) -> None:
    """Is told and hides no other; it cannot be rolled back to, and recording goes on."""
    record(history, *(an_entry(n) for n in range(3)))
    files(history)[-1].write_bytes(damage)
    problems: list[Problem] = []
    assert list(history.entries(problems)) == [an_entry(1), an_entry(0)]
    assert [problem.place for problem in problems] == [f"policy-history/{files(history)[-1].name}"]
    with pytest.raises(Unreadable, match="policy-history/"):
        history.find(some_id(2)[:12])
    assert record(history, an_entry(3)) == [True]


def test_files_that_are_none_of_ours(history: History) -> None:
    """What a crash left, what has another name."""
    record(history, an_entry(1))
    content = files(history)[0].read_bytes()
    for name in ".orly-policy-0123456789abcdef.tmp", "x.json", f"{files(history)[0].name}~":
        (history.folder / name).write_bytes(content)
    assert read(history) == [an_entry(1)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"version": "../x"},
        {"version": "A" * 12},
        {"recorded_at": -1},
        {"recorded_at": 10**12},
        {"recorded_at": 1.5},
        {"how": "magic"},
        {"author": "x"},
        {"event_id": "../../etc"},
        {"content": "text"},
    ],
)
def test_an_entry_that_could_not_be_read_back_is_not_made(wrong: dict[str, object]) -> None:
    """Its version is part of a file's name."""
    with pytest.raises((ValueError, TypeError)):
        attrs.evolve(an_entry(1), **wrong)


# --- contributions


def with_contributions(n: int, *named: int) -> Entry:
    contributions = {some_id(("c", m)): f"{m}".encode() for m in named}
    return attrs.evolve(an_entry(n), contributions=contributions)


def kept_contributions(history: History) -> set[str]:
    return {path.stem for path in history.folder.glob("*.contribution")}


def test_contributions_that_no_entry_names_go_once_in_a_while(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that an entry names stay, be it of another policy in the folder."""
    monkeypatch.setattr(module, "MOST_ENTRIES", 3)
    monkeypatch.setattr(module, "TIDY_EVERY", 10)
    other = History(history.folder, history.folder.parent / "other.json")
    record(other, with_contributions(0, 1))
    record(history, *(with_contributions(n, 1, 2, 3, n + 10) for n in range(7)))
    record(history, *(with_contributions(n, 3) for n in range(7, 9)))
    assert len(kept_contributions(history)) == 10
    record(history, with_contributions(9, 3))
    assert kept_contributions(history) == {some_id(("c", n)) for n in (1, 3)}
    assert list(other.entries([])) == [with_contributions(0, 1)]
    assert read(history)[0] == with_contributions(9, 3)


def test_what_contributions_said_outlives_an_entry_that_cannot_be_read(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody knows what it names."""
    monkeypatch.setattr(module, "TIDY_EVERY", 2)
    record(history, with_contributions(0, 1))
    (entry,) = files(history)
    there = entry.rename(history.folder / "elsewhere")
    entry.symlink_to(there)
    record(history, an_entry(1))
    entry.unlink()
    there.rename(entry)
    assert read(history) == [an_entry(1), with_contributions(0, 1)]


def test_a_change_reads_no_old_entries(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand of them may take seconds, in which all other changes wait."""
    monkeypatch.setattr(module, "MOST_ENTRIES", 10)
    record(history, *(with_contributions(n, 1, 2) for n in range(10)))
    looked: list[Path] = []

    def reading(path: Path, *, most_bytes: int) -> bytes:
        looked.append(path)
        return read_state_file(path, most_bytes=most_bytes)

    monkeypatch.setattr(module, "read_state_file", reading)
    record(history, *(with_contributions(n, 1) for n in range(10, 20)))
    assert len(read(history)) == 10
    assert looked[:-11] == []
