"""Filters: read strictly, matched, and many of them found by what an event has."""

import contextlib
import random
import time
from collections.abc import Iterator
from typing import Any

import pytest
from examples import ALICE, BOB, CAROL, AnEvent
from hypothesis import given
from hypothesis import strategies as st
from strategies import json_values

from orly_policy_hookspecs.nip01 import (
    Filter,
    FilterBounds,
    FilterIndex,
    UnreadableFilter,
    tag_values,
)

EVENT_ID = "1d" * 32
BOUNDS = FilterBounds(values=10, value_bytes=8)

WRONG = [
    ([], "a filter is a JSON object"),
    ({"ids": "x"}, "ids is not a list"),
    ({"ids": ["x"]}, "a value of ids is not 64 lowercase hex characters"),
    ({"authors": [ALICE.upper()]}, "a value of authors is not 64 lowercase hex characters"),
    ({"authors": [None]}, "a value of authors is not 64 lowercase hex characters"),
    ({"kinds": [True]}, "a value of kinds is not between 0 and 65535"),
    ({"kinds": [65536]}, "a value of kinds is not between 0 and 65535"),
    ({"kinds": [1.0]}, "a value of kinds is not between 0 and 65535"),
    ({"since": -1}, "since is not a whole number"),
    ({"until": "1"}, "until is not a whole number"),
    ({"limit": 1.5}, "limit is not a whole number"),
    ({"#": ["x"]}, "a tag filter is # and one letter"),
    ({"#ab": ["x"]}, "a tag filter is # and one letter"),
    ({"#'": ["x"]}, "a tag filter is # and one letter"),
    ({"#é": ["x"]}, "a tag filter is # and one letter"),
    ({"#p": "x"}, "#p is not a list"),
    ({"#p": [1]}, "a value of #p is not a text"),
    ({"#t": ["123456789"]}, "a value of #t has 9 bytes, at most 8 may be"),
    ({"#t": ["ééééé"]}, "a value of #t has 10 bytes, at most 8 may be"),
    ({"search": "123456789"}, "a value of search has 9 bytes"),
    ({"search": ["x"]}, "a value of search is not a text"),
    ({"kinds": [*range(11)]}, "kinds has 11 values, at most 10 may be"),
    ({"kinds": [*range(6)], "#t": list("abcde")}, "a filter has 11 values, at most 10 may be"),
    ({"kindes": [1]}, "'kindes' is not a member of a filter"),
    ({"except_kinds": [1]}, "'except_kinds' is not a member of a filter"),
]


@pytest.mark.parametrize(("value", "says"), WRONG)
def test_what_is_no_filter_is_said(value: Any, says: str) -> None:
    """A filter that is dropped, or read as another, would hand out other events."""
    with pytest.raises(UnreadableFilter) as caught:
        Filter.read(value, BOUNDS)
    assert str(caught.value).startswith(says)


@given(json_values)
def test_any_value_is_a_filter_or_is_said_not_to_be(value: object) -> None:
    """Nothing else is raised."""
    with contextlib.suppress(UnreadableFilter):
        assert isinstance(Filter.read(value), Filter)


def test_what_is_not_asked_for_may_be_null() -> None:
    """Some clients write it out."""
    assert Filter.read({"since": None, "until": None, "limit": None, "search": None}) == Filter()


@pytest.mark.parametrize(
    ("asked", "matches"),
    [
        ({}, True),
        ({"ids": [EVENT_ID]}, True),
        ({"ids": []}, False),
        ({"kinds": [2, 1]}, True),
        ({"kinds": [2]}, False),
        ({"kinds": []}, False),
        ({"authors": [BOB, ALICE]}, True),
        ({"authors": [BOB]}, False),
        ({"since": 100, "until": 100}, True),
        ({"since": 101}, False),
        ({"until": 99}, False),
        ({"#t": ["a", "x"]}, True),
        ({"#t": ["b"]}, False),
        ({"#t": ["a"], "#p": [BOB]}, True),
        ({"#t": ["a"], "#p": [CAROL]}, False),
        ({"#t": []}, False),
        ({"#e": [""]}, False),
        ({"limit": 0}, True),
    ],
)
def test_an_event_matches(asked: dict[str, Any], matches: bool) -> None:
    """Both ends of the time belong to it; a list without a value matches nothing."""
    event = AnEvent(created_at=100, tags=[["t", "a"], ["e"], ["p", BOB, "x"], ["title", "b"]])
    read = Filter.read(asked)
    assert read.matches(event) is matches
    assert read.matches(event, tag_values(event)) is matches
    assert read.can_match or not matches


def test_excepted_kinds_do_not_match() -> None:
    """As the session asks a store."""
    assert not Filter(except_kinds=frozenset({1})).matches(AnEvent(kind=1))
    assert Filter(except_kinds=frozenset({2})).matches(AnEvent(kind=1))


AUTHORS = [ALICE, BOB, CAROL]
SOME_FILTERS = st.builds(
    Filter,
    ids=st.none() | st.frozensets(st.sampled_from(AUTHORS), max_size=2),
    authors=st.none() | st.frozensets(st.sampled_from(AUTHORS), max_size=2),
    kinds=st.none() | st.frozensets(st.integers(0, 3), max_size=3),
    tags=st.dictionaries(
        st.sampled_from("pt"), st.frozensets(st.sampled_from([*AUTHORS, "a"]), max_size=2)
    ),
    since=st.none() | st.integers(0, 3),
    until=st.none() | st.integers(0, 3),
)
SOME_EVENTS = st.builds(
    AnEvent,
    id=st.sampled_from(AUTHORS),
    pubkey=st.sampled_from(AUTHORS),
    kind=st.integers(0, 3),
    created_at=st.integers(0, 3),
    tags=st.lists(
        st.tuples(st.sampled_from("ptx"), st.sampled_from([*AUTHORS, "a"])) | st.just(("p",)),
        max_size=3,
    ),
)


@given(
    st.lists(st.lists(SOME_FILTERS, max_size=3), max_size=8),
    st.lists(SOME_EVENTS, min_size=1, max_size=5),
    st.sets(st.integers(0, 7)),
)
def test_the_index_finds_exactly_those_that_match(
    entered: list[list[Filter]], events: list[AnEvent], removed: set[int]
) -> None:
    """Each once, also when some were removed or entered anew."""
    index: FilterIndex[int] = FilterIndex()
    for key, filters in enumerate(entered):
        index.add(key, [Filter()])
        index.add(key, filters)
    for key in removed:
        index.remove(key)
    left = {key: filters for key, filters in enumerate(entered) if key not in removed}
    assert len(index) == len(left)
    for event in events:
        expected = [key for key, each in left.items() if any(one.matches(event) for one in each)]
        assert sorted(index.matching(event)) == expected


def test_an_index_knows_the_kinds_that_are_asked_for() -> None:
    """Of as many filters as ask for them; every kind, where one names none."""
    index = FilterIndex[str]()
    index.add("few", [Filter.read({"kinds": [1, 7]}), Filter.read({"kinds": [7], "#t": []})])
    index.add("seven", [Filter.read({"kinds": [7]})])
    assert [kind for kind in range(10) if index.asks_for_kind(kind)] == [1, 7]
    index.remove("few")
    assert [kind for kind in range(10) if index.asks_for_kind(kind)] == [7]
    index.add("any", [Filter.read({"authors": [ALICE]})])
    assert index.asks_for_kind(9)
    index.remove("any")
    index.remove("any")
    assert [kind for kind in range(10) if index.asks_for_kind(kind)] == [7]


def test_an_empty_index_holds_nothing() -> None:
    """What is removed leaves nothing behind, so that a relay that runs for months stays small."""
    index: FilterIndex[int] = FilterIndex()
    asked = [Filter.read({"#t": ["a", "b"], "kinds": [1, 2]}), Filter.read({"authors": [ALICE]})]
    for key in range(100):
        index.add(key, asked)
    for key in range(100):
        index.remove(key)
    assert not index._slots
    assert not any(index._letters.values())
    assert not any(index.asks_for_kind(kind) for kind in range(10))


@pytest.mark.parametrize(
    ("asked", "slots"),
    [
        ({"ids": [EVENT_ID], "authors": [ALICE, BOB]}, 1),
        ({"authors": [ALICE, BOB], "#t": ["a"]}, 1),
        ({"#a": ["a", "b"], "#b": ["a"]}, 1),
        ({"#t": ["a", "b"], "kinds": [1, 2, 3, 4]}, 8),
        ({"#t": ["a", "b"], "kinds": [1, 2, 3, 4, 5]}, 2),
        ({"kinds": [*range(100)]}, 100),
        ({}, 1),
        ({"#t": []}, 0),
    ],
)
def test_a_filter_is_entered_where_few_events_come_by(asked: dict[str, Any], slots: int) -> None:
    """Under the values of its narrowest member, and by its kinds where these are few."""
    index: FilterIndex[int] = FilterIndex()
    index.add(0, [Filter.read(asked)])
    assert len(index._slots) == slots


def test_tags_are_read_once_however_many_filters_there_are() -> None:
    """An event may have thousands."""

    class Counted(list[list[str]]):
        read = 0

        def __iter__(self) -> Iterator[list[str]]:
            self.read += 1
            return super().__iter__()

    index: FilterIndex[int] = FilterIndex()
    for key in range(10):
        index.add(key, [Filter.read({"#t": ["a"], "#p": [BOB]}), Filter.read({"#t": ["b"]})])
    tags = Counted([["t", "a"], ["p", BOB]])
    assert index.matching(AnEvent(tags=tags)) == [*range(10)]
    assert tags.read == 1


def test_filters_of_another_kind_cost_nothing() -> None:
    """10,000 of them, beside one that matches; as a ratio in one run, with room for noise."""
    few: FilterIndex[int] = FilterIndex()
    few.add(0, [Filter.read({"kinds": [1]})])
    many: FilterIndex[int] = FilterIndex()
    many.add(0, [Filter.read({"kinds": [1]})])
    for key in range(1, 10_001):
        many.add(
            key, [Filter.read({"kinds": [7], "authors": [ALICE]}), Filter.read({"kinds": [8]})]
        )
    event = AnEvent(tags=[["t", "a"], ["p", BOB]])

    def best(index: FilterIndex[int]) -> float:
        took = []
        for _ in range(50):
            began = time.perf_counter()
            for _ in range(20):
                assert index.matching(event) == [0]
            took.append(time.perf_counter() - began)
        return min(took)

    assert best(many) < 3 * best(few)


def test_many_filters_against_a_large_event_take_little() -> None:
    """32 REQs of 100 filters each, of tags that a 72 KB event has by the hundred."""
    values = [f"{random.Random(i).getrandbits(256):064x}" for i in range(1_000)]
    index: FilterIndex[int] = FilterIndex()
    for key in range(32):
        index.add(
            key,
            [
                Filter(tags={"p": frozenset(values[i::100]), "e": frozenset({"x"})})
                for i in range(100)
            ],
        )
    event = AnEvent(tags=[["p", value] for value in values])
    began = time.perf_counter()
    assert index.matching(event) == []
    assert time.perf_counter() - began < 0.25


@pytest.mark.parametrize(
    "value",
    [
        {"kinds": [*range(10)]},
        {"kinds": [*range(5)], "#t": list("abcde")},
        {"kinds": [0, 65_535]},
        {"#t": ["12345678", "éééé", "éé"]},
        {"search": "12345678"},
        {"since": 0, "until": 2**63 - 1, "limit": 2**63 - 1},
    ],
)
def test_what_is_as_much_as_may_be_is_a_filter(value: Any) -> None:
    """One more is too much, as said above."""
    assert Filter.read(value, BOUNDS)


def test_a_wrong_members_name_is_told_short() -> None:
    """Forty characters tell which it is."""
    with pytest.raises(UnreadableFilter, match=f"^'{'x' * 40}' is not a member"):
        Filter.read({"x" * 41: 1})


def test_an_index_forgets_a_letter_with_its_last_filter() -> None:
    """Two filters ask for a letter; one goes, and the other is found all the same."""
    index = FilterIndex[str]()
    event = AnEvent(tags=[["t", "other"]])
    for name in ("one", "other"):
        index.add(name, [Filter(tags={"t": frozenset({name})})])
    index.remove("one")
    assert index.matching(event) == ["other"]
    index.remove("other")
    assert index.matching(event) == []


def test_an_index_finds_by_all_that_an_event_has() -> None:
    """Its id, its author, its tags and nothing of them, each with its kind and without."""
    event = AnEvent(id=EVENT_ID, pubkey=ALICE, kind=7, tags=[["p", BOB]])
    narrow: dict[str, Any] = {
        "id": {"ids": frozenset({EVENT_ID})},
        "author": {"authors": frozenset({ALICE})},
        "tag": {"tags": {"p": frozenset({BOB})}},
        "all": {},
    }
    index = FilterIndex[str]()
    for name, fields in narrow.items():
        for kinds in (None, frozenset({7}), frozenset({8}), frozenset(range(100))):
            index.add(
                f"{name} {kinds and len(kinds)} {kinds == {8}}", [Filter(**fields, kinds=kinds)]
            )
    expected = {f"{name} {count} False" for name in narrow for count in (None, 1, 100)}
    assert set(index.matching(event)) == expected
