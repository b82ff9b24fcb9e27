"""The register is read on a thread of its own."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from relay_members.register import TABLE, Register

ALICE, BOB = "a1" * 32, "b0" * 32


def register_of(file: Path, *pubkeys: str) -> Path:
    with closing(sqlite3.connect(file)) as register, register:
        register.execute(TABLE)
        register.executemany("INSERT INTO members VALUES (?, 5000)", [(key,) for key in pubkeys])
    return file


def test_a_member_is_found(tmp_path: Path) -> None:
    """And in the register that is named now."""
    first = register_of(tmp_path / "a register? #1", ALICE)
    second = register_of(tmp_path / "second", BOB)

    async def found() -> list[int]:
        register = Register()
        await register.open(first)
        asked = [(first, ALICE), (first, BOB), (second, ALICE), (second, BOB), (first, ALICE)]
        answers = [await register.paid_until(*each) for each in asked]
        await register.close()
        return answers

    assert asyncio.run(found()) == [5000, 0, 0, 5000, 5000]


def test_a_register_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        asyncio.run(Register().open(tmp_path / "members.sqlite"))
    assert not list(tmp_path.iterdir())


def test_no_event_loop_waits_for_it(tmp_path: Path) -> None:
    """While somebody writes the register, others are served."""
    file = register_of(tmp_path / "members.sqlite", ALICE)

    async def served_meanwhile() -> bool:
        register = Register()
        await register.open(file)
        with closing(sqlite3.connect(file, isolation_level=None)) as writing:
            writing.execute("BEGIN EXCLUSIVE")
            looking = asyncio.create_task(register.paid_until(file, ALICE))
            await asyncio.sleep(0)  # by now it has begun, and would have ended on this thread
            served = not looking.done()
        await asyncio.wait([looking])
        looking.exception()  # that of a lock, where this machine is slow
        await register.close()
        return served

    assert asyncio.run(served_meanwhile())
