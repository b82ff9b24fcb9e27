"""The command, and what it writes."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from relay_members.command import DAY_SECONDS, main
from relay_members.register import opened

ALICE = "a1" * 32


def days_left(file: Path) -> list[float]:
    with closing(opened(file)) as register:
        rows = register.execute("SELECT paid_until FROM members").fetchall()
    return [(until - time.time()) / DAY_SECONDS for (until,) in rows]


def test_days_add_up(tmp_path: Path) -> None:
    file = tmp_path / "members.sqlite"
    main([str(file), "add", ALICE, "10"])
    main([str(file), "add", ALICE, "5"])
    assert days_left(file) == pytest.approx([15], abs=0.1)
    main([str(file), "remove", ALICE])
    assert days_left(file) == []


def test_who_comes_back_pays_from_now_on(tmp_path: Path) -> None:
    file = tmp_path / "members.sqlite"
    main([str(file), "add", ALICE, "10"])
    with closing(sqlite3.connect(file)) as register, register:
        register.execute("UPDATE members SET paid_until = 5000")
    main([str(file), "add", ALICE, "10"])
    assert days_left(file) == pytest.approx([10], abs=0.1)


@pytest.mark.parametrize("wrong", [["add", "npub1", "5"], ["add", ALICE, "0"], ["add", ALICE]])
def test_what_is_wrong_writes_nothing(tmp_path: Path, wrong: list[str]) -> None:
    with pytest.raises(SystemExit):
        main([str(tmp_path / "members.sqlite"), *wrong])
    assert not list(tmp_path.iterdir())
