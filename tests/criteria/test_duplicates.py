"""``x_duplicates``: the same content may not come again for some time."""

import asyncio
import json
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from orly_policy_criteria.duplicates import Duplicates
from orly_policy_hookspecs import Decision, FrozenEvent, hookimpl
from orly_policy_hookspecs.testing import NOBODY, Key, Running, by
from orly_policy_plugin.plugin import PolicyPlugin

from .asking import ALICE, BOB, Clock, in_force, problem, said, says, twice_at_once

_made = count()
BY_AUTHOR = "blocked: the same content came within 600 seconds from this author"
BY_ANYBODY = "blocked: the same content came within 600 seconds"


def note(key: Key = ALICE, content: str = "buy this", kind: int = 1) -> FrozenEvent:
    """An event of its own id."""
    return key.event(kind, content, [["n", str(next(_made))]])


def rule(**members: Any) -> dict[str, Any]:
    return {"x_duplicates": {"seconds": 600, **members}}


def test_the_same_content_of_an_author(tmp_path: Path) -> None:
    """Not of another, and not another content."""
    told = said(
        tmp_path, Duplicates(), rule(), note(), note(), note(BOB), note(content="Buy this")
    )
    assert told == ["OK", BY_AUTHOR, "OK", "OK"]


def test_the_same_content_of_anybody(tmp_path: Path) -> None:
    told = said(tmp_path, Duplicates(), rule(by="anybody"), note(), note(BOB), note(BOB, "other"))
    assert told == ["OK", BY_ANYBODY, "OK"]


def test_it_may_come_again_later(tmp_path: Path) -> None:
    """From the first on that was accepted: trying does not prolong it."""
    clock = Clock()
    with in_force(tmp_path, Duplicates(clock=clock), rule()) as gate:
        told = []
        for clock.now in (0.0, 300.0, 599.9, 600.0, 1199.0, 1200.0):
            told.append(says(gate, note()))
    assert told == ["OK", BY_AUTHOR, BY_AUTHOR, "OK", BY_AUTHOR, "OK"]


def test_the_same_event_again_is_no_duplicate(tmp_path: Path) -> None:
    """A relay has its own answer to it."""
    event = note()
    assert said(tmp_path, Duplicates(), rule(), event, event, note()) == ["OK", "OK", BY_AUTHOR]


def test_short_ones_may_come_again(tmp_path: Path) -> None:
    """Where the rule says so."""
    events = note(content="gm"), note(content="gm"), note(content="gm!"), note(content="gm!")
    assert said(tmp_path, Duplicates(), rule(from_characters=3), *events) == [
        *("OK", "OK", "OK"),
        BY_AUTHOR,
    ]


def test_another_kind_is_another(tmp_path: Path) -> None:
    """A rule for all kinds does not hold a reaction against a note."""
    path = tmp_path / "policy.json"
    path.write_text(json.dumps({"global": rule()}))
    with Running(Duplicates(), PolicyPlugin.load(path)) as gate:
        assert says(gate, note(kind=1)) == "OK"
        assert says(gate, note(kind=7)) == "OK"
        assert says(gate, note(kind=7)) == BY_AUTHOR


def test_what_is_refused_does_not_count(tmp_path: Path) -> None:
    """Nobody can take a content from others by sending what is refused."""
    with in_force(
        tmp_path, Duplicates(), {**rule(by="anybody"), "write_deny": [BOB.pubkey]}
    ) as gate:
        assert says(gate, note(), by(BOB)).startswith("restricted:")
        assert says(gate, note(), by(ALICE)) == "OK"
        assert says(gate, note(), by(ALICE)) == BY_ANYBODY


def test_an_accepted_one_stays_where_it_is_refused_later(tmp_path: Path) -> None:
    """The same event again, on a connection that may not."""
    event = note()
    with in_force(tmp_path, Duplicates(), {**rule(), "write_deny": [BOB.pubkey]}) as gate:
        assert says(gate, event) == "OK"
        assert says(gate, event, by(BOB)).startswith("restricted:")
        assert says(gate, note()) == BY_AUTHOR


def test_the_shorter_time_does_not_shorten_the_longer(tmp_path: Path) -> None:
    """Of the global rule and the kind's."""
    clock = Clock()
    path = tmp_path / "policy.json"
    path.write_text(
        json.dumps(
            {
                "global": {"x_duplicates": {"seconds": 10}},
                "rules": {"1": {"x_duplicates": {"seconds": 600}}},
            }
        )
    )
    with Running(Duplicates(clock=clock), PolicyPlugin.load(path)) as gate:
        told = []
        for clock.now in (0.0, 5.0, 20.0, 40.0, 599.0, 600.0):
            told.append(says(gate, note()))
    short = "blocked: the same content came within 10 seconds from this author"
    assert told == ["OK", short, BY_AUTHOR, BY_AUTHOR, BY_AUTHOR, "OK"]


def test_two_at_the_same_time(tmp_path: Path) -> None:
    """While a plugin thinks about the first, a second does not slip in."""

    class Slow:
        """Waits until it is let go on."""

        def __init__(self) -> None:
            self.asked, self.go_on = asyncio.Event(), asyncio.Event()

        @hookimpl
        async def on_write(self) -> Decision | None:
            self.asked.set()
            await self.go_on.wait()
            return None

    async def both() -> list[bool]:
        path = tmp_path / "policy.json"
        path.write_text(json.dumps({"rules": {"1": rule()}}))
        slow = Slow()
        async with Running(Duplicates(), PolicyPlugin.load(path), slow) as gate:
            first = asyncio.ensure_future(gate.write(note(), NOBODY))
            await asyncio.wait_for(slow.asked.wait(), 60)
            second = await gate.write(note(), NOBODY)
            slow.go_on.set()
            return [(await first).accepted, second.accepted]

    assert asyncio.run(both()) == [True, False]


@pytest.mark.parametrize(
    ("answers", "may_repeat"),
    [
        ((True, True), False),
        ((False, True), False),
        ((True, False), False),
        ((False, False), True),
    ],
)
def test_the_same_event_twice_at_once(
    tmp_path: Path, answers: tuple[bool, bool], may_repeat: bool
) -> None:
    """It counts where one of the two was accepted."""
    asking = twice_at_once(tmp_path, Duplicates(), rule(), note(), answers)
    assert asking(note()) is may_repeat
    assert not asking(note())


def test_memory_is_bounded(tmp_path: Path) -> None:
    """The oldest is forgotten first."""
    it = Duplicates(most=2)
    events = [note(content=text) for text in ("a", "b", "c", "c", "b", "a")]
    told = said(tmp_path, it, rule(), *events)
    assert told == ["OK", "OK", "OK", BY_AUTHOR, BY_AUTHOR, "OK"]
    assert (len(it._sent), len(it._undecided)) == (2, 0)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (600, "expected an object with seconds and by and from_characters, found 600"),
        ({"by": "author"}, "'seconds' is missing"),
        ({"seconds": 0}, "expected a number of seconds, 1 to 2592000, found 0"),
        ({"seconds": 5, "by": "all"}, "by: expected 'author' or 'anybody', found 'all'"),
        ({"seconds": 5, "by": ["author"]}, "by: expected 'author' or 'anybody', found"),
        ({"seconds": 5, "from_characters": -1}, "expected a number of characters, 0 to"),
        ({"second": 5}, "there is no 'second' here; did you mean 'seconds'?"),
    ],
)
def test_a_value_that_is_none(tmp_path: Path, value: Any, why: str) -> None:
    assert problem(tmp_path, Duplicates(), {"x_duplicates": value}).startswith(why)
