"""Stock nostr-relay and our stores read what the other has written."""

import asyncio

import pytest

from orly_policy_hookspecs.nip01 import Filter, FrozenEvent
from orly_policy_plugin.session import Known
from orly_policy_plugin.session.deletions import deletion_of

from .making import AUTHORS, DELETION, Place, event, walked

_EVENTS = [
    event(
        1, created_at=1_700_000_001, tags=[["t", "x"], ["t", "x"], ["p", AUTHORS[1], "wss://x"]]
    ),
    event(2, AUTHORS[1], 1_700_000_002, 0, content='{"name":"ä \U0001f600"}'),
    event(3, AUTHORS[2], 1_700_000_003, 30_023, [["d", "a"], ["title", "T"], ["d"]], 'a "quote"'),
    event(4, AUTHORS[2], 1_700_000_003, 30_024, [["d"], ["expiration", "1800000000"]]),
    event(5, AUTHORS[2], 1_700_000_005, 7, [["e", "ff" * 32], ["-"]], "+"),
]


def _as_json(each: FrozenEvent) -> dict[str, object]:
    return {**each._asdict(), "tags": [list(tag) for tag in each.tags]}


def _in_order(found: list[dict[str, object]]) -> list[dict[str, object]]:
    return sorted(found, key=lambda each: str(each["id"]))


@pytest.mark.heavy
def test_what_stock_has_written_is_there(place: Place) -> None:
    """It is found, exactly as it was sent, and known by id, address and deletion."""
    deletion = event(6, AUTHORS[0], 1_700_000_006, DELETION, [["e", "ee" * 32]])
    place.stock("write", [_as_json(each) for each in [*_EVENTS, deletion]])

    async def run() -> None:
        async with place.store() as store:
            stored = await walked(store, Filter(), 2)
            assert {*stored} == {*_EVENTS, deletion}
            for wanted in _filters():
                expected = [each for each in stored if wanted.matches(each)]
                assert await walked(store, wanted, 1) == expected
            assert await store.recall(_EVENTS[0]) is Known.DUPLICATE
            older = event(10, AUTHORS[2], 1_700_000_000, 30_023, [["d", "a"]])
            assert await store.recall(older) is Known.SUPERSEDED
            assert await store.recall(older._replace(tags=[["d", "b"]])) is None
            bare = older._replace(kind=30_024, tags=[["d", ""]])
            assert await store.recall(bare) is Known.SUPERSEDED
            deleted = event(11, AUTHORS[0], 1_700_000_000)._replace(id="ee" * 32)
            assert await store.recall(deleted) is Known.DELETED

    asyncio.run(run())


def _filters() -> list[Filter]:
    return [
        Filter(tags={"t": frozenset({"x"})}),
        Filter(tags={"d": frozenset({"a"})}),
        Filter(tags={"d": frozenset({""})}),
        Filter(authors=frozenset({AUTHORS[2]}), kinds=frozenset({30_023})),
        Filter(authors=frozenset(AUTHORS), since=1_700_000_003),
        Filter(kinds=frozenset({0, 7})),
    ]


@pytest.mark.heavy
def test_stock_finds_what_we_have_written(place: Place) -> None:
    """By all of its indexes, and nothing that we have removed."""
    old = event(20, AUTHORS[1], 1_700_000_000, 0)
    gone = event(21, AUTHORS[1], 1_700_000_000, 1, [["t", "x"]])
    deletion = event(22, AUTHORS[1], 1_700_000_009, DELETION, [["e", gone.id]])

    async def run() -> None:
        async with place.store() as store:
            for each in (old, gone, *_EVENTS):
                assert await store.add(each) is Known.STORED
            await store.delete(deletion_of(deletion))
            await store.add(deletion)

    asyncio.run(run())
    stored = [*_EVENTS, deletion]
    asked = [
        ({"ids": [each.id for each in (*stored, old, gone)]}, stored),
        ({"kinds": [0, 1, 7, 5]}, [each for each in stored if each.kind < 10]),
        ({"authors": [AUTHORS[1]]}, [each for each in stored if each.pubkey == AUTHORS[1]]),
        ({"authors": [AUTHORS[2]], "kinds": [7]}, [_EVENTS[4]]),
        ({"#t": ["x"]}, [_EVENTS[0]]),
        ({"#d": ["a"]}, [_EVENTS[2]]),
    ]
    answers = place.stock("read", [wanted for wanted, _ in asked])
    for (_, expected), answer in zip(asked, answers, strict=True):
        assert _in_order(answer) == _in_order([_as_json(each) for each in expected])


@pytest.mark.heavy
def test_stock_writes_on_where_we_have_stopped(place: Place) -> None:
    """Our index in its tables does not bother it."""

    async def add(each: FrozenEvent) -> None:
        async with place.store() as store:
            assert await store.add(each) is Known.STORED

    async def all_of_it() -> list[FrozenEvent]:
        async with place.store() as store:
            return await walked(store, Filter(), 10)

    asyncio.run(add(_EVENTS[0]))
    place.stock("write", [_as_json(each) for each in _EVENTS])
    assert {*asyncio.run(all_of_it())} == {*_EVENTS}
