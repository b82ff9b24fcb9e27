"""The plugin, asked as a relay asks it."""

import asyncio
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from relay_members import Members, plugin
from relay_members.register import TABLE

from orly_policy_hookspecs import Context, Criterion, Verdict
from orly_policy_hookspecs.testing import NOBODY, Key, Running, ask, by

PAID, LAPSED, STRANGER = Key("paid"), Key("lapsed"), Key("stranger")
NOTE = PAID.event(1, "hello")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    now = int(time.time())
    file = tmp_path / "members.sqlite"
    with closing(sqlite3.connect(file)) as register, register:
        register.execute(TABLE)
        rows = [(PAID.pubkey, now + 3600), (LAPSED.pubkey, now - 3600)]
        register.executemany("INSERT INTO members VALUES (?, ?)", rows)
    return file


def forget_all(file: Path) -> None:
    with closing(sqlite3.connect(file)) as register, register:
        register.execute("DELETE FROM members")


@pytest.mark.parametrize(
    ("context", "vouched"),
    [
        (by(PAID), True),
        (by(STRANGER, PAID), True),
        (by(LAPSED), False),
        (by(STRANGER), False),
        (NOBODY, False),
    ],
)
def test_it_vouches_for_who_has_paid(file: Path, context: Context, vouched: bool) -> None:
    """It goes by who sends an event, and not by whose it is."""
    decision = ask(Members(), NOTE, context, settings={"file": str(file)})
    assert (decision.verdict is Verdict.VOUCH) is vouched
    assert decision.accepted


@pytest.mark.parametrize(
    ("which", "let_in"), [("paid", [True, False, False]), ("ever", [True, True, False])]
)
def test_a_rule_lets_members_in(file: Path, which: str, let_in: list[bool]) -> None:
    members = Members()
    (criterion,) = members.criteria()

    async def asked() -> list[Any]:
        async with Running(members, settings={"file": str(file)}):
            return [await lets_in(criterion, which, key) for key in (PAID, LAPSED, STRANGER)]

    assert asyncio.run(asked()) == let_in


async def lets_in(criterion: Criterion, which: str, key: Key) -> Any:
    assert criterion.lets_in
    assert criterion.read
    answer: Any = criterion.lets_in(NOTE, by(key), criterion.read(which))
    return await answer


@pytest.mark.parametrize("value", ["payed", True, ["paid"], None])
def test_a_rule_that_says_something_else_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match='expected "paid", or "ever"'):
        plugin.which_members(value)


@pytest.mark.parametrize(("cache_seconds", "vouched"), [(3600, True), (0, False)])
def test_what_was_looked_up_is_believed_for_a_while(
    file: Path, cache_seconds: int, vouched: bool
) -> None:
    settings = {"file": str(file), "cache_seconds": cache_seconds}
    with Running(Members(), settings=settings) as gate:
        assert gate.write(NOTE, by(PAID)).verdict is Verdict.VOUCH
        forget_all(file)
        assert (gate.write(NOTE, by(PAID)).verdict is Verdict.VOUCH) is vouched


def test_the_memory_of_it_is_bounded(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who was looked up first is looked up again."""
    monkeypatch.setattr(plugin, "MOST_CACHED", 2)
    with Running(Members(), settings={"file": str(file), "cache_seconds": 3600}) as gate:
        gate.write(NOTE, by(PAID))
        gate.write(NOTE, by(STRANGER, LAPSED))
        forget_all(file)
        assert gate.write(NOTE, by(PAID)).verdict is Verdict.ACCEPT


def test_a_register_that_fails_opens_nothing(file: Path) -> None:
    with Running(Members(), settings={"file": str(file), "cache_seconds": 0}) as gate:
        with closing(sqlite3.connect(file)) as register, register:
            register.execute("DROP TABLE members")
        assert gate.write(NOTE, by(PAID)).message.startswith("error:")
