"""Folders of signed events: what is wrong is told, never raised, never removed, never trusted."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import json_values, some

from orly_policy_plugin.errors import PolicyError, UnreadableNow
from orly_policy_plugin.state.files.signed_events import (
    MOST_BYTES,
    mark_withdrawn,
    read_events,
    read_withdrawals,
    write_event,
)
from orly_policy_plugin.state.store import Withdrawn

from .nursery import ADMIN, contribution, some_id

NAME = some_id("name")
EVENT = contribution(1)
WITHDRAWAL = Withdrawn(ADMIN, 5, some_id("kind 5"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "policy-contributions"
    made.mkdir()
    return made


def problem_with(folder: Path, **allowed: bool) -> str:
    """The one problem; nothing else is found, and nothing is removed."""
    before = sorted(folder.iterdir())
    stored = read_events(folder, **allowed)
    assert not stored.events
    assert not stored.bare
    assert sorted(folder.iterdir()) == before
    (problem,) = stored.problems
    return str(problem)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Each character of it. The folder is made when something is written."""
    folder = tmp_path / "policy-follows"
    assert read_events(folder) == read_events(tmp_path / "nowhere")
    event = {**EVENT, "content": 'ä\n\u2028"\x01😀\x7f', "tags": [["p", "x"], ["-"]]}
    write_event(folder, NAME, event)
    assert [path.name for path in folder.iterdir()] == [f"{NAME}.json"]
    stored = read_events(folder)
    assert dict(stored.events[NAME]) == event
    assert stored.problems == ()
    write_event(folder, NAME, EVENT)
    assert dict(read_events(folder).events[NAME]) == EVENT


@pytest.mark.parametrize(
    "name", ["", "../x", "a" * 63, "A" * 64, "a" * 65, "a" * 64 + "\n", "/" * 64, "\u0661" * 64]
)
def test_names_that_are_no_ids(folder: Path, name: str) -> None:
    """Nothing is written anywhere."""
    for write in (
        lambda: write_event(folder, name, EVENT),
        lambda: mark_withdrawn(folder, name, WITHDRAWAL),
    ):
        with pytest.raises(ValueError, match="64 lowercase hex"):
            write()
    assert list(folder.parent.rglob("*")) == [folder]


@pytest.mark.parametrize(
    "event",
    [
        {},
        {**EVENT, "kind": "1"},
        {**EVENT, "content": "\ud800"},
        {**EVENT, "content": "x" * MOST_BYTES},
    ],
)
def test_what_would_not_be_read_is_not_written(folder: Path, event: dict[str, Any]) -> None:
    """And what is there stays."""
    write_event(folder, NAME, EVENT)
    with pytest.raises(PolicyError, match="the event is not kept"):
        write_event(folder, NAME, event)
    assert dict(read_events(folder).events[NAME]) == EVENT


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"{", "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b"\0" * 10, "not JSON"),
        (b"[]", "an event is a JSON object"),
        (b"{}", "has no id"),
        (b"[" * 100_000, "nested too deeply"),
        (json.dumps(EVENT).encode()[:-1], "not JSON"),
        (json.dumps(EVENT).replace('"kind"', '"kind": 1, "kind"').encode(), "'kind' occurs twice"),
        (json.dumps({**EVENT, "created_at": float("nan")}).encode(), "created_at is not a whole"),
        (json.dumps({**EVENT, "id": "../../etc/passwd"}).encode(), "id is not 64"),
        (b" " * (MOST_BYTES + 1), f"over {MOST_BYTES} bytes"),
    ],
)
def test_a_file_that_is_no_event(folder: Path, content: bytes, why: str) -> None:
    """Its name and what is wrong with it."""
    (folder / f"{NAME}.json").write_bytes(content)
    problem = problem_with(folder)
    assert problem.startswith(f"policy-contributions/{NAME}.json: ")
    assert why in problem


@pytest.mark.parametrize(
    "name",
    [
        "README",
        f"{NAME}.json~",
        f"{NAME.upper()}.json",
        f"{NAME}.JSON",
        "a.withdrawn",
        f"x{NAME}.json",
    ],
)
def test_a_file_with_another_name(folder: Path, name: str) -> None:
    """Is told, whatever it holds."""
    (folder / name).write_text(json.dumps(EVENT))
    assert "is not named by 64 lowercase hex characters and .json" in problem_with(folder)


def test_what_a_crash_or_an_editor_left_is_nobodys(folder: Path) -> None:
    """Names that start with a dot."""
    for name in ".orly-policy-0123456789abcdef.tmp", f".{NAME}.json.swp", f".{NAME}.json":
        (folder / name).write_text(json.dumps(EVENT))
    stored = read_events(folder, bare_allowed=True)
    assert (stored.events, stored.bare, stored.problems) == ({}, {}, ())


def test_symlinks_are_not_followed(folder: Path) -> None:
    """Neither out of the folder nor within it."""
    outside = folder.parent / "event.json"
    outside.write_text(json.dumps(EVENT))
    (folder / f"{NAME}.json").symlink_to(outside)
    assert "is a symlink" in problem_with(folder)
    outside.unlink()
    assert "is a symlink" in problem_with(folder)


def test_what_is_no_file(folder: Path) -> None:
    """A folder and a pipe: nothing waits for it."""
    (folder / f"{NAME}.json").mkdir()
    assert "is a folder" in problem_with(folder)
    (folder / f"{NAME}.json").rmdir()
    os.mkfifo(folder / f"{NAME}.json")
    assert "is no ordinary file" in problem_with(folder)


def test_a_folder_that_cannot_be_listed(tmp_path: Path) -> None:
    """What was in it stays known; where nothing was, that is an error."""
    folder = tmp_path / "policy-contributions"
    write_event(folder, NAME, EVENT)
    before = read_events(folder)
    folder.rename(tmp_path / "elsewhere")
    folder.touch()
    stored = read_events(folder, before=before)
    assert stored.events == before.events
    assert "cannot be listed" in str(stored.problems[0])
    with pytest.raises(UnreadableNow, match="cannot be listed"):
        read_events(folder)


def test_one_bad_file_does_not_hide_the_others(folder: Path) -> None:
    """All that is wrong is told at once."""
    for n in range(5):
        write_event(folder, some_id(n), contribution(n))
    for n in range(3):
        (folder / f"{some_id(-n)}.json").write_bytes(b"{")
    stored = read_events(folder)
    assert len(stored.problems) == 3
    assert stored.events.keys() == {some_id(n) for n in range(1, 5)}


def test_a_bare_contribution(folder: Path) -> None:
    """In ORLY's format, as it is, where it is allowed."""
    value = {"kind_whitelist_add": [1], "admin_pubkey": ADMIN, "created_at": 5, "event_id": NAME}
    (folder / f"{NAME}.json").write_text(json.dumps(value))
    stored = read_events(folder, bare_allowed=True)
    assert stored.bare == {NAME: value}
    assert (stored.events, stored.problems) == ({}, ())
    assert "has no" in problem_with(folder)


def test_a_bare_contribution_keeps_what_stood_twice(folder: Path) -> None:
    """For whoever checks it."""
    (folder / f"{NAME}.json").write_text('{"admin_pubkey": "a", "admin_pubkey": "b"}')
    (value,) = read_events(folder, bare_allowed=True).bare.values()
    assert value.duplicates == ("admin_pubkey",)


@pytest.mark.parametrize("key", ["sig", "id", "pubkey", "kind", "content", "tags"])
def test_what_claims_to_be_an_event_is_nothing_else(folder: Path, key: str) -> None:
    """A signed file that fails is never read as the operator's own word."""
    (folder / f"{NAME}.json").write_text(json.dumps({"admin_pubkey": ADMIN, key: None}))
    problem_with(folder, bare_allowed=True)


@some
@given(st.one_of(json_values, st.binary(max_size=50)))
def test_nothing_raises(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    """Whatever is in a file."""
    folder = tmp_path_factory.mktemp("policy-contributions")
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    (folder / f"{NAME}.json").write_bytes(content)
    (folder / f"{some_id(1)}.withdrawn").write_bytes(content)
    stored = read_events(folder, bare_allowed=True)
    assert len(stored.problems) + len(stored.bare) == 1
    assert read_withdrawals(folder, stored.withdrawn)[1]


def test_a_withdrawn_event_is_gone_for_good(folder: Path) -> None:
    """Also when its file comes back, by a replay or a backup."""
    write_event(folder, NAME, EVENT)
    mark_withdrawn(folder, NAME, WITHDRAWAL)
    assert [path.name for path in folder.iterdir()] == [f"{NAME}.withdrawn"]
    write_event(folder, NAME, EVENT)
    stored = read_events(folder)
    assert (stored.events, stored.problems) == ({}, ())
    assert read_events(folder).withdrawn == {NAME}
    mark_withdrawn(folder, NAME, Withdrawn(ADMIN, 1, some_id("another")))
    assert not (folder / f"{NAME}.json").exists()
    assert read_withdrawals(folder, [NAME]) == ({NAME: WITHDRAWAL}, ())


def test_withdrawing_what_is_not_there(tmp_path: Path) -> None:
    """Before it comes."""
    folder = tmp_path / "policy-contributions"
    assert read_events(folder).withdrawn == frozenset()
    mark_withdrawn(folder, NAME, WITHDRAWAL)
    assert read_events(folder).withdrawn == {NAME}


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b'{"author": 1}', b"{", b'{"author": "", "x": 1}']
)
def test_a_garbled_mark_withdraws_all_the_same(folder: Path, content: bytes) -> None:
    """An empty file that the operator made does, too; what it does not say is told."""
    write_event(folder, NAME, EVENT)
    (folder / f"{NAME}.withdrawn").write_bytes(content)
    assert not read_events(folder).events
    withdrawals, (problem,) = read_withdrawals(folder, [NAME])
    assert withdrawals == {}
    assert str(problem).startswith(f"policy-contributions/{NAME}.withdrawn: is no mark")


def test_a_file_that_cannot_be_removed_is_withdrawn(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The mark is what counts."""
    (folder / f"{NAME}.json").mkdir()
    mark_withdrawn(folder, NAME, WITHDRAWAL)
    assert "withdrawn all the same" in caplog.text
    assert read_events(folder).problems == ()
