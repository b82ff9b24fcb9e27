"""``freshness.json`` only rises, and is never silently forgotten."""

import json
from pathlib import Path

import pytest

from orly_policy_plugin.authority.freshness import Freshness, Mark
from orly_policy_plugin.state.files.freshness_file import (
    FreshnessFile,
    UnusableFreshness,
)
from orly_policy_plugin.state.files.locks import exclusive

from .nursery import ADMIN, mark

GOOD = {"owner": mark(1).to_json(), "admins": {ADMIN: mark(2).to_json()}}


def test_nothing_was_applied_where_nothing_is(tmp_path: Path) -> None:
    """And looking makes nothing."""
    assert FreshnessFile(tmp_path / "policy-history").load() == Freshness()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"{}",
        b"null",
        b"[]",
        b"{",
        b"\xff",
        json.dumps(GOOD).encode()[:-1],
        json.dumps({"owner": GOOD["owner"]}).encode(),
        json.dumps({"admins": {}}).encode(),
        json.dumps({**GOOD, "owner": {"created_at": "1"}}).encode(),
        json.dumps({**GOOD, "owner": {"created_at": -1}}).encode(),
        json.dumps({**GOOD, "owner": 5}).encode(),
        json.dumps({**GOOD, "admins": None}).encode(),
        json.dumps({**GOOD, "admins": {"x": mark(1).to_json()}}).encode(),
        json.dumps(GOOD).replace('"owner"', '"owner": null, "owner"').encode(),
        json.dumps(GOOD).replace('"created_at"', '"created_at": 1, "created_at"').encode(),
        b'{"owner": null, "admins": ' + b"[" * 100_000,
    ],
)
def test_a_garbled_file_is_an_error_and_stays(tmp_path: Path, content: bytes) -> None:
    """Who forgets what was applied accepts it again."""
    path = tmp_path / "freshness.json"
    path.write_bytes(content)
    with pytest.raises(UnusableFreshness, match="cannot be used: ") as caught:
        FreshnessFile(tmp_path).load()
    assert str(path) in str(caught.value)
    assert "Put a copy of it back, or write" in str(caught.value)
    with exclusive(tmp_path / ".lock") as held, pytest.raises(UnusableFreshness):
        FreshnessFile(tmp_path).raise_to(Freshness(owner=mark(9)), held)
    assert path.read_bytes() == content


def test_an_unreadable_file_is_an_error(tmp_path: Path) -> None:
    """A folder, and a symlink, dangling or not."""
    path = tmp_path / "freshness.json"
    path.mkdir()
    with pytest.raises(UnusableFreshness, match="is a folder"):
        FreshnessFile(tmp_path).load()
    path.rmdir()
    path.symlink_to("nowhere")
    with pytest.raises(UnusableFreshness, match="is a symlink"):
        FreshnessFile(tmp_path).load()


def test_what_the_error_says_to_do_works(tmp_path: Path) -> None:
    """The text that it names is taken, and refuses what is older."""
    (tmp_path / "freshness.json").write_bytes(b"{")
    with pytest.raises(UnusableFreshness) as caught:
        FreshnessFile(tmp_path).load()
    text = str(caught.value).split("or write ")[1].split(" into it")[0]
    (tmp_path / "freshness.json").write_text(text.replace("SECONDS", "1700000600"))
    fresh = FreshnessFile(tmp_path).load()
    assert fresh == Freshness(Mark(1_700_000_600))
    assert fresh.why_not_newer(ADMIN, Mark(1_700_000_599, "f" * 64), is_owner=False)


def test_the_lock_is_needed(tmp_path: Path) -> None:
    """Without it, two processes would lower each other's marks."""
    with exclusive(tmp_path / "elsewhere" / ".lock") as held, pytest.raises(RuntimeError):
        FreshnessFile(tmp_path).raise_to(Freshness(), held)


def test_nothing_is_written_where_nothing_rises(tmp_path: Path) -> None:
    """Not even a first file."""
    with exclusive(tmp_path / ".lock") as held:
        FreshnessFile(tmp_path).raise_to(Freshness(), held)
    assert not (tmp_path / "freshness.json").exists()
