"""What a relay itself reads in an event's tags."""

import pytest
from examples import ALICE, BOB, CAROL, AnEvent

from orly_policy_hookspecs.nip01 import (
    FrozenEvent,
    event_json,
    expires_at,
    is_expired,
    is_party,
    is_protected,
    names_one_of,
    tag_values,
    value_of,
    values_of,
)

EVENT = AnEvent(tags=[["d"], ["t", "x"], ["d", "y", "more"], ["p", BOB], ["d", "z"], ["alt", "a"]])


def test_the_values_of_a_name_stand_in_their_order() -> None:
    """A tag without a value has none."""
    assert list(values_of(EVENT, "d")) == ["y", "z"]
    assert value_of(EVENT, "d") == "y"
    assert value_of(EVENT, "e") is None


def test_a_filter_can_ask_for_names_of_one_letter() -> None:
    """Each with all its values."""
    assert tag_values(EVENT) == {"t": {"x"}, "d": {"y", "z"}, "p": {BOB}}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", 0),
        ("100", 100),
        ("000000000000000000000100", 100),
        ("9" * 18, 10**18 - 1),
        ("1" + "0" * 18, None),
        ("", None),
        ("-1", None),
        ("1.0", None),
        ("٣", None),
        (" 1", None),
    ],
)
def test_when_an_event_expires(value: str, expected: int | None) -> None:
    """In Unix seconds; what is no time means never."""
    assert expires_at(AnEvent(tags=[["expiration", value]])) == expected


def test_it_has_expired_from_that_second_on() -> None:
    """One without the tag never does."""
    event = AnEvent(tags=[["expiration", "100"]])
    assert [is_expired(event, now) for now in (99, 100, 101)] == [False, True, True]
    assert not is_expired(AnEvent(), 2**62)
    assert expires_at(AnEvent(tags=[["expiration"]])) is None


def test_who_is_a_party() -> None:
    """Its author, and whom a p tag names, in capitals or not."""
    event = AnEvent(pubkey=ALICE, tags=[["p"], ["e", CAROL], ["p", BOB.upper()]])
    assert [names_one_of(event, {key}) for key in (ALICE, BOB, CAROL)] == [False, True, False]
    assert [is_party(event, {key}) for key in (ALICE, BOB, CAROL)] == [True, True, False]
    assert not is_party(event, ())


@pytest.mark.parametrize(
    ("tags", "expected"), [([["-"]], True), ([["t", "-"], ["--"]], False), ([["t"], ["-"]], True)]
)
def test_what_is_protected(tags: list[list[str]], expected: bool) -> None:
    """By a tag of that name alone."""
    assert is_protected(AnEvent(tags=tags)) is expected


def test_an_event_as_json() -> None:
    """Seven fields, and lists for tags."""
    event = AnEvent(tags=(("t", "x"),))
    names = ("id", "pubkey", "created_at", "kind", "tags", "content", "sig")
    made = event_json(event)
    assert made == {name: getattr(event, name) for name in names} | {"tags": [["t", "x"]]}
    assert event_json(FrozenEvent.of_json(made)) == made
