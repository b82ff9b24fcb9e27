"""``x_reports``: an author is refused whom people that are trusted have reported."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from live.making import eventually

from orly_policy_criteria.reports import TYPES, Reports, in_words
from orly_policy_hookspecs import BlockingGate, FrozenEvent
from orly_policy_hookspecs.testing import Key, by

from .asking import ALICE, BOB, CAROL, Clock, policy_in_force, problem, says

DAVE = Key("dave")
NOW = 1_700_000_000
RULE: dict[str, Any] = {"by": [BOB.pubkey, CAROL.pubkey, DAVE.pubkey], "at_least": 2}
REFUSED = "blocked: this author was reported by people whom the relay trusts"


def report(
    of: Key = ALICE, by: Key = BOB, type_: str = "spam", at: float = NOW, content: str = ""
) -> FrozenEvent:
    return by.event(1984, content, [["p", of.pubkey, type_]], int(at))


def deletion(by: Key, *events: FrozenEvent) -> FrozenEvent:
    return by.event(5, "", [["e", event.id] for event in events], NOW)


@contextmanager
def reporting(
    folder: Path, clock: Clock | None = None, most: int = 1_000, **members: Any
) -> Iterator[BlockingGate]:
    """A gate with ``x_reports`` for kind 1, that takes everything of other kinds."""
    if clock is None:
        clock = Clock()
        clock.now = NOW
    it = Reports(most, clock)
    policy = {"rules": {"1": {"x_reports": RULE | members}}}
    with policy_in_force(folder, it, policy) as gate:
        yield gate


def told(gate: BlockingGate, of: Key = ALICE) -> str:
    """What an author is told of a note."""
    return says(gate, of.event(1, "hello"))


def send(gate: BlockingGate, *events: FrozenEvent) -> None:
    assert [says(gate, event) for event in events] == ["OK"] * len(events)


def test_who_was_reported_by_enough_people_is_refused(tmp_path: Path) -> None:
    """Of those whose reports count; no other author."""
    with reporting(tmp_path) as gate:
        send(gate, report(by=BOB), report(by=ALICE), report(by=Key()))
        assert told(gate) == "OK"
        send(gate, report(by=CAROL))
        assert told(gate) == REFUSED
        assert told(gate, BOB) == "OK"


def test_people_count_not_reports(tmp_path: Path) -> None:
    with reporting(tmp_path) as gate:
        send(gate, *(report(type_=each, at=NOW - i) for i, each in enumerate(TYPES)))
        assert told(gate) == "OK"


def test_a_report_that_is_refused_does_not_count(tmp_path: Path) -> None:
    with policy_in_force(
        tmp_path,
        Reports(),
        {"rules": {"1": {"x_reports": RULE}, "1984": {"write_deny": [CAROL.pubkey]}}},
    ) as gate:
        send(gate, report(by=BOB))
        assert says(gate, report(by=CAROL)).startswith("restricted:")
        assert told(gate) == "OK"


def test_it_counts_for_some_time(tmp_path: Path) -> None:
    """From the date that it bears, which is not in the future."""
    clock = Clock()
    clock.now = NOW
    with reporting(tmp_path, clock, at_least=1, seconds=100) as gate:
        send(gate, report(at=NOW - 100))
        assert told(gate) == "OK"
        send(gate, report(at=NOW - 90))
        assert told(gate) == REFUSED
        clock.now = NOW + 10
        assert told(gate) == "OK"
        send(gate, report(at=NOW + 500))
        clock.now = NOW + 109
        assert told(gate) == REFUSED
        clock.now = NOW + 110
        assert told(gate) == "OK"


def test_an_older_one_that_comes_later_does_not_replace_it(tmp_path: Path) -> None:
    with reporting(tmp_path, at_least=1, seconds=100) as gate:
        send(gate, report(at=NOW), report(at=NOW - 200))
        assert told(gate) == REFUSED


def test_a_report_that_is_deleted_counts_no_longer(tmp_path: Path) -> None:
    """By its author, and by nobody else; the others still count."""
    first, second = report(by=BOB), report(by=CAROL)
    other = report(DAVE, by=BOB)
    with reporting(tmp_path) as gate:
        send(gate, first, second, other, report(DAVE, by=CAROL))
        send(gate, deletion(ALICE, first, second), deletion(CAROL, first))
        assert [told(gate), told(gate, DAVE)] == [REFUSED, REFUSED]
        send(gate, deletion(BOB, first))
        assert [told(gate), told(gate, DAVE)] == ["OK", REFUSED]
        send(gate, deletion(BOB, first), deletion(BOB, other))
        assert told(gate, DAVE) == "OK"


def test_a_deletion_that_is_refused_deletes_nothing(tmp_path: Path) -> None:
    first = report(at=2_000_000_000)
    rules = {"1": {"x_reports": RULE | {"at_least": 1}}, "5": {"write_deny": [BOB.pubkey]}}
    with policy_in_force(tmp_path, Reports(), {"rules": rules}) as gate:
        send(gate, first)
        assert says(gate, deletion(BOB, first)).startswith("restricted:")
        assert told(gate) == REFUSED


@pytest.mark.parametrize(
    ("tags", "who"),
    [
        ([["p", ALICE.pubkey, "spam"]], [ALICE]),
        ([["p", ALICE.pubkey, "spam"], ["p", BOB.pubkey, "illegal"]], [ALICE, BOB]),
        ([["e", "ab" * 32, "spam"], ["p", ALICE.pubkey]], [ALICE]),
        ([["p", ALICE.pubkey], ["p", BOB.pubkey], ["x", "ab" * 32, "malware"]], [ALICE]),
        ([["e", "ab" * 32, "wss://relay", "spam"], ["p", ALICE.pubkey, ""]], []),
        ([["p", ALICE.pubkey, "wss://relay"]], []),
        ([["p", ALICE.pubkey]], []),
        ([["p"], ["p", "alice", "spam"], ["P", ALICE.pubkey, "spam"], []], []),
        ([["e", "ab" * 32, "spam"]], []),
    ],
)
def test_whom_a_report_is_about(tmp_path: Path, tags: list[list[str]], who: list[Key]) -> None:
    """Whom a ``p`` tag with a type names, or the first with that of the note (NIP-56)."""
    with reporting(tmp_path, at_least=1) as gate:
        send(gate, DAVE.event(1984, "", tags, NOW))
        assert [told(gate, key) == REFUSED for key in (ALICE, BOB)] == [
            key in who for key in (ALICE, BOB)
        ]


def test_only_some_types(tmp_path: Path) -> None:
    with reporting(tmp_path, at_least=1, types=["illegal", "malware"]) as gate:
        send(gate, report(type_="spam"))
        assert told(gate) == "OK"
        send(gate, report(type_="malware"))
        assert told(gate) == REFUSED


def test_whom_the_operator_does_not_trust_any_more_does_not_count(tmp_path: Path) -> None:
    """Named lists are obeyed as they change; who comes into one counts from then on."""
    path = tmp_path / "moderators.txt"
    path.write_text(f"{BOB.pubkey}\n")
    policy = {
        "lists": {"moderators": {"file": "moderators.txt"}},
        "rules": {"1": {"x_reports": {"by": ["@moderators"], "at_least": 1}}},
    }
    with policy_in_force(tmp_path, Reports(), policy) as gate:
        send(gate, report(at=2_000_000_000), report(by=CAROL, at=2_000_000_000))
        assert told(gate) == REFUSED
        saved = tmp_path / "saved"
        saved.write_text(f"{CAROL.pubkey}\n")
        saved.replace(path)  # or it is empty for a moment, and nobody is trusted
        eventually(lambda: told(gate) == "OK")
        send(gate, report(by=CAROL, at=2_000_000_000, content="once more"))
        assert told(gate) == REFUSED


def test_each_rule_trusts_whom_it_says(tmp_path: Path) -> None:
    """A report is remembered for all of them."""
    rules = {
        "1": {"x_reports": {"by": [BOB.pubkey], "at_least": 1}},
        "7": {"x_reports": {"by": [CAROL.pubkey], "at_least": 1}},
    }
    with policy_in_force(tmp_path, Reports(), {"rules": rules}) as gate:
        send(gate, report(by=CAROL, at=2_000_000_000))
        assert [says(gate, ALICE.event(kind), by()) for kind in (1, 7)] == ["OK", REFUSED]


def test_memory_is_bounded(tmp_path: Path) -> None:
    """The one that came first is forgotten, and nothing is left of it; strangers' are not kept."""
    it = Reports(2)
    authors = [Key(str(i)) for i in range(4)]
    rule = {"1": {"x_reports": RULE | {"at_least": 1}}}
    with policy_in_force(tmp_path, it, {"rules": rule}) as gate:
        send(gate, *(report(each, at=2_000_000_000) for each in authors))
        send(gate, *(report(each, by=Key()) for each in authors))
        assert [told(gate, each) for each in authors] == ["OK", "OK", REFUSED, REFUSED]
    assert (len(it._reports), len(it._of_author), len(it._of_event)) == (2, 2, 2)


def test_of_reports_about_the_same_one_is_remembered(tmp_path: Path) -> None:
    """The newest, which is the one to be deleted."""
    it = Reports()
    first, newer = report(at=NOW), report(at=NOW + 1)
    rule = {"1": {"x_reports": RULE | {"at_least": 1, "seconds": 31_536_000}}}
    with policy_in_force(tmp_path, it, {"rules": rule}) as gate:
        send(gate, first, newer, deletion(BOB, first))
        assert (len(it._reports), len(it._of_author), len(it._of_event)) == (1, 1, 1)
        send(gate, deletion(BOB, newer))
        assert (len(it._reports), len(it._of_author), len(it._of_event)) == (0, 0, 0)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (RULE, "2 or more of 3 keys have reported within 2592000 seconds"),
        (
            {
                "by": ["@team", BOB.pubkey],
                "at_least": 1,
                "seconds": 60,
                "types": ["spam", "other"],
            },
            "1 or more of @team and 1 key have reported as spam or other within 60 seconds",
        ),
    ],
)
def test_in_words(value: Any, words: str) -> None:
    assert in_words(value) == f"no author whom {words}"


@pytest.mark.parametrize(
    ("value", "place", "why"),
    [
        (5, "", "expected an object with by and at_least and seconds and types, found 5"),
        ({"by": [BOB.pubkey]}, "", "'at_least' is missing"),
        ({"at_least": 2}, "", "'by' is missing"),
        ({"by": [], "at_least": 2}, ".by", "expected a list of public keys; this one is empty"),
        (RULE | {"at_least": 0}, "", "expected a number of people, 1 to 1000, found 0"),
        (RULE | {"by": ["@x"]}, ".by[0]", "'@x' names no list of this policy"),
        (RULE | {"at_least": "2"}, "", "expected a number of people, 1 to 1000, found '2'"),
        (RULE | {"seconds": 0}, "", "expected a number of seconds, 1 to 31536000, found 0"),
        (RULE | {"types": ["scam"]}, "", "types: expected 'nudity' or "),
        (RULE | {"types": []}, "", "types: expected a list of texts, found []"),
        (RULE | {"type": ["spam"]}, "", "there is no 'type' here; did you mean 'types'?"),
    ],
)
def test_a_value_that_is_none(tmp_path: Path, value: Any, place: str, why: str) -> None:
    assert problem(tmp_path, Reports(), {"x_reports": value}, place).startswith(why)
