"""``x_limits_by_class``: limits that depend on who sends."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from live.making import eventually

from orly_policy_criteria.an_hour import AnHour
from orly_policy_criteria.limits_by_class import LimitsByClass, in_words
from orly_policy_hookspecs import BlockingGate, Context, FrozenEvent, Origin
from orly_policy_hookspecs.testing import Key, by

from .asking import (
    ALICE,
    BOB,
    CAROL,
    Clock,
    in_force,
    policy_in_force,
    problem,
    says,
    twice_at_once,
)

_made = count()
CLASSES: list[Any] = [
    {"who": [ALICE.pubkey]},
    {"who": [BOB.pubkey, ALICE.pubkey], "events_an_hour": 2},
    {"events_an_hour": 1, "content_bytes": 10},
]
TOO_MANY = "rate-limited: 1 event of kind 1 an hour"
UNKNOWN = "auth-required: 1 event of kind 1 an hour without authenticating"


def note(key: Key = CAROL, kind: int = 1) -> FrozenEvent:
    """An event of its own id."""
    return key.event(kind, "hello", [["n", str(next(_made))]])


@contextmanager
def limited(folder: Path, classes: Any = CLASSES, clock: Clock | None = None) -> Iterator[Any]:
    """Asks about a new event of a sender's."""
    it = LimitsByClass(AnHour(clock=clock or Clock()))
    with in_force(folder, it, {"x_limits_by_class": classes}) as gate:
        yield lambda context, event=None: says(gate, event or note(), context)


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        (CLASSES, True),
        ([{}], True),
        ([], False),
        ([{"whom": ["@members"]}, {}], False),
        ([{"who": []}, {}], False),
        ([{"events_an_hour": "5"}], False),
        ([{"content_bytes": -1}], False),
    ],
)
def test_an_editor_knows_its_shape(value: Any, *, fits: bool) -> None:
    [criterion] = LimitsByClass().criteria()
    assert Draft202012Validator(dict(criterion.shape)).is_valid(value) is fits


def test_the_first_class_that_has_a_key_of_the_sender_counts(tmp_path: Path) -> None:
    """Whoever the author is."""
    with limited(tmp_path) as told:
        assert [told(by(ALICE)) for _ in range(5)] == ["OK"] * 5
        assert [told(by(CAROL, ALICE)) for _ in range(5)] == ["OK"] * 5
        refused = "rate-limited: 2 events of kind 1 an hour"
        assert [told(by(BOB)) for _ in range(3)] == ["OK", "OK", refused]
        assert [told(by(CAROL), note(ALICE)) for _ in range(2)] == ["OK", TOO_MANY]


def test_everybody_else_is_counted_by_address(tmp_path: Path) -> None:
    """A new key is no new stranger; the rest of an IPv6 address a client chooses itself."""
    with limited(tmp_path) as told:
        for ip, same in (
            ("192.0.2.7", "192.0.2.7:4711"),
            ("192.0.2.8", "::ffff:192.0.2.8"),
            ("2001:db8::1", "2001:db8::5:6:7:8"),
        ):
            assert told(by(ip=ip)) == "OK"
            assert told(by(ip=same)) == UNKNOWN
            assert told(by(Key(), ip=ip), note(Key())) == TOO_MANY
        assert told(by(ip="2001:db8:0:1::1")) == "OK"


def test_without_an_address_they_are_counted_by_author(tmp_path: Path) -> None:
    with limited(tmp_path) as told:
        assert [told(by()), told(by()), told(by(), note(BOB))] == ["OK", UNKNOWN, "OK"]


def test_an_hour_passes(tmp_path: Path) -> None:
    clock = Clock()
    with limited(tmp_path, clock=clock) as told:
        answers = []
        for clock.now in (0.0, 3599.0, 3600.0):
            answers.append(told(by(CAROL, ip="192.0.2.7")))
    assert answers == ["OK", TOO_MANY, "OK"]


def test_each_kind_for_itself(tmp_path: Path) -> None:
    """Also of a rule for all kinds."""
    policy = {"global": {"x_limits_by_class": CLASSES}}
    with policy_in_force(tmp_path, LimitsByClass(), policy) as gate:
        told = [says(gate, note(kind=kind), by(CAROL)) for kind in (1, 7, 1)]
    assert told == ["OK", "OK", TOO_MANY]


def test_content(tmp_path: Path) -> None:
    """In bytes; the longest that is allowed is."""
    long = CAROL.event(1, "éééééé")
    with limited(tmp_path) as told:
        assert told(by(CAROL), CAROL.event(1, "ééééé")) == "OK"
        assert told(by(CAROL), long) == "blocked: content is 12 bytes, the limit is 10"
        assert told(by(), long) == (
            "auth-required: content is 12 bytes, the limit without authenticating is 10"
        )
        assert told(by(BOB), long) == "OK"


def test_who_may_do_no_more_is_not_told_to_authenticate(tmp_path: Path) -> None:
    """Where there is but one class."""
    with limited(tmp_path, [{"events_an_hour": 0}]) as told:
        assert told(by()) == "rate-limited: 0 events of kind 1 an hour"


def test_what_no_client_sent_is_not_asked_about(tmp_path: Path) -> None:
    with limited(tmp_path) as told:
        context = Context(origin=Origin.IMPORT)
        assert [told(context), told(context)] == ["OK", "OK"]


def test_what_is_refused_elsewhere_does_not_count(tmp_path: Path) -> None:
    event = note()
    rule = {"x_limits_by_class": CLASSES, "write_deny": [BOB.pubkey]}
    with in_force(tmp_path, LimitsByClass(), rule) as gate:
        for _ in range(3):
            assert says(gate, note(), by(BOB)).startswith("restricted:")
        assert says(gate, note(BOB), by(CAROL)).startswith("restricted:")
        assert [says(gate, event, by(CAROL)), says(gate, note(), by(CAROL))] == ["OK", TOO_MANY]


def test_the_same_event_twice_at_once(tmp_path: Path) -> None:
    """Refused on one connection and accepted on another, of one class."""
    classes = [{"who": [CAROL.pubkey]}, {"events_an_hour": 1}]
    rule, event = {"x_limits_by_class": classes}, note()
    asking = twice_at_once(tmp_path, LimitsByClass(), rule, event, (False, True))
    assert not asking(note())


def test_a_list_that_changes_is_obeyed(tmp_path: Path) -> None:
    """Who becomes a member has no limits from then on."""
    members = tmp_path / "members.txt"
    members.write_text("# nobody yet\n")
    policy = {
        "lists": {"members": {"file": "members.txt"}},
        "rules": {"1": {"x_limits_by_class": [{"who": ["@members"]}, {"events_an_hour": 0}]}},
    }

    def written(gate: BlockingGate) -> str:
        return says(gate, note(), by(CAROL))

    with policy_in_force(tmp_path, LimitsByClass(), policy) as gate:
        assert written(gate).startswith("rate-limited:")
        members.write_text(f"{CAROL.pubkey}\n")
        eventually(lambda: written(gate) == "OK")


def test_in_words() -> None:
    """As an operator reads them."""
    value = [
        {"who": ["@members", "@team", ALICE.pubkey]},
        {"who": [ALICE.pubkey, BOB.pubkey], "events_an_hour": 60},
        {"events_an_hour": 5, "content_bytes": 2000},
    ]
    assert in_words(value) == (
        "@members and @team and 1 key without limits; 2 keys 60 events of a kind an hour; "
        "everybody else 5 events of a kind an hour of 2000 bytes of content"
    )


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (5, "expected a list of 1 to 20 classes, found 5"),
        ([], "expected a list of 1 to 20 classes, found []"),
        ([{}] * 21, "expected a list of 1 to 20 classes, found "),
    ],
)
def test_a_value_that_is_none(tmp_path: Path, value: Any, why: str) -> None:
    assert problem(tmp_path, LimitsByClass(), {"x_limits_by_class": value}).startswith(why)


@pytest.mark.parametrize(
    ("wrong", "place", "why"),
    [
        ([5, {}], "[0]", "expected an object in braces, found 5"),
        ([{"who": ["@m"]}, {}], "[0].who[0]", "'@m' names no list of this policy"),
        ([{"who": [ALICE.pubkey]}], "[0]", "the last class is everybody else, and has no 'who'"),
        ([{}, {}], "[0]", "'who' is missing: only the last class is everybody else"),
        ([{"who": []}, {}], "[0]", "'who' is missing: only the last class is everybody else"),
        ([{"events_hour": 5}], "[0]", "there is no 'events_hour' here; did you mean 'events_an_"),
        ([{"events_an_hour": -1}], "[0].events_an_hour", "expected a number of events, 0 to"),
        ([{"content_bytes": "9"}], "[0].content_bytes", "expected a number of bytes, 0 to"),
    ],
)
def test_a_class_that_is_wrong(tmp_path: Path, wrong: Any, place: str, why: str) -> None:
    """With its place."""
    said = problem(tmp_path, LimitsByClass(), {"x_limits_by_class": wrong}, place)
    assert said.startswith(why)
