"""The plugin's section: what can be used, and what is told of the rest."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from relay_members.register import TABLE
from relay_members.settings import Settings, read_settings

from orly_policy_hookspecs import InvalidSettings


def test_a_register_is_enough(tmp_path: Path) -> None:
    file = tmp_path / "members.sqlite"
    with closing(sqlite3.connect(file)) as register:
        register.execute(TABLE)
    assert read_settings({"file": str(file)}) == Settings(file, 60)


def test_every_problem_is_told_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database, though long enough to be read as one" * 20)
    with pytest.raises(InvalidSettings) as wrong:
        read_settings({"file": str(tmp_path / "text"), "cache_seconds": -1, "cash": 1})
    assert set(wrong.value.problems) == {"file", "cache_seconds", "cash"}
    assert "text cannot be read as a register" in wrong.value.problems["file"]


@pytest.mark.parametrize("file", [None, 5, "members.sqlite", "/nowhere/members.sqlite"])
def test_a_register_has_to_be_named_and_there(file: object) -> None:
    with pytest.raises(InvalidSettings) as wrong:
        read_settings({} if file is None else {"file": file})
    assert set(wrong.value.problems) == {"file"}
