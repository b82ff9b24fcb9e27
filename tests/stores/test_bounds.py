"""Filters of any size, events that cannot be stored, and queries nobody waits for any more."""

import asyncio
import hashlib
import random
import threading
from typing import Any

import pytest

from orly_policy_hookspecs.nip01 import Filter, Position
from orly_policy_plugin.hosts.nostr_relay.lmdb import LMDBStore, choosing, reading
from orly_policy_plugin.hosts.nostr_relay.lmdb.store import reading as read_by_store
from orly_policy_plugin.session import Known, NotStored, Vanishing
from orly_policy_plugin.session.deletions import deletion_of

from .making import DELETION, VANISH, Place, event, id_of, walked

_KEYS = [hashlib.sha256(b"key %d" % number).hexdigest() for number in range(5_000)]


@pytest.mark.heavy
def test_lists_of_thousands(place: Place) -> None:
    """5,000 ids, authors or tag values find exactly what they name, in order."""
    stored = [
        event(number, _KEYS[number * 10], number % 7 + 1, number % 3 + 1, [["p", _KEYS[number]]])
        for number in range(300)
    ]
    some = frozenset(_KEYS)
    asked = [
        Filter(ids=frozenset(map(id_of, range(5_000)))),
        Filter(authors=some),
        Filter(authors=some, since=5),
        Filter(authors=some, kinds=frozenset({1, 3}), since=3, until=6),
        Filter(authors=some, kinds=frozenset(range(2_500))),
        Filter(tags={"p": some}, kinds=frozenset({1})),
    ]

    async def run() -> None:
        async with place.store() as store:
            await asyncio.gather(*map(store.add, stored))
            for wanted in asked:
                expected = sorted(filter(wanted.matches, stored), key=Position.of)
                assert await walked(store, wanted, 120) == expected
                assert await store.count(wanted, 0, 10_000) == len(expected)

    asyncio.run(run())


@pytest.mark.heavy
def test_a_second_with_many_events(place: Place) -> None:
    """Ties are by the lowest id, also where a page ends in the middle of the second."""
    stored = [event(number, created_at=number // 300 + 1) for number in range(900)]

    async def run() -> None:
        async with place.store() as store:
            await asyncio.gather(*map(store.add, stored))
            expected = sorted(stored, key=Position.of)
            for wanted in (Filter(), Filter(kinds=frozenset({1}), since=1, until=9)):
                assert await walked(store, wanted, 77) == expected

    asyncio.run(run())


@pytest.mark.parametrize("created_at", [0, 2**63 - 1])
def test_a_time_that_cannot_be_stored(place: Place, created_at: int) -> None:
    """The store says so, in the manner of NIP-01; SQLite alone holds any that comes later."""

    async def run() -> None:
        async with place.store() as store:
            added = await store.add(event(created_at=created_at))
            if place.flavour == "sqlite" and created_at:
                assert added is Known.STORED
                return
            assert isinstance(added, NotStored)
            assert added.message.startswith("invalid: created_at is not between 1 and ")
            with pytest.raises(ValueError, match="created_at"):
                await store.vanish(_vanishing(created_at))

    asyncio.run(run())


def _vanishing(created_at: int) -> Vanishing:
    request = event(kind=VANISH, created_at=created_at)
    return Vanishing(request.pubkey, created_at, request)


def test_a_text_that_cannot_be_stored(place: Place) -> None:
    """PostgreSQL has no U+0000: the event is refused, and there is nothing to find or delete."""
    address = f"30023:{event().pubkey}:\0"
    nul = event(1, kind=30_023, tags=[["d", "\0"]])
    deletion = event(2, kind=DELETION, tags=[["a", address]], created_at=2)
    wanted = Filter(tags={"d": frozenset({"\0", "x"})})

    async def run() -> None:
        async with place.store() as store:
            assert await store.recall(nul) is None
            added = await store.add(nul)
            assert isinstance(added, NotStored) == (place.flavour == "postgres")
            assert await walked(store, wanted, 1) == ([nul] if added is Known.STORED else [])
            await store.delete(deletion_of(deletion))
            assert await walked(store, wanted, 1) == []

    asyncio.run(run())


LONGEST_TAG = {"lmdb": 471, "postgres": 2_600}
"""Bytes of its name and its value."""


@pytest.mark.parametrize("size", [470, 471, 472, 2_600, 2_601, 1_000_000])
def test_a_long_tag(place: Place, size: int) -> None:
    """LMDB's keys are short, and so are those of PostgreSQL's indexes; what is stored is found."""
    value = random.Random(size).randbytes(size).hex()[: size - 3] + "é"  # nothing compresses it
    long = event(kind=30_023, tags=[["t", value], ["d", value]])
    address = f"30023:{long.pubkey}:{value}"
    deletion = event(2, kind=DELETION, tags=[["a", address]], created_at=2)
    longest = LONGEST_TAG.get(place.flavour, size)

    async def run() -> None:
        async with place.store() as store:
            assert await store.recall(long) is None
            await store.delete(deletion_of(deletion))
            added = await store.add(long)
            if size > longest:
                assert isinstance(added, NotStored)
                assert f"the limit is {longest}" in added.message
                assert await walked(store, Filter(tags={"t": frozenset({value})}), 1) == []
                return
            assert added is Known.STORED
            assert await walked(store, Filter(tags={"t": frozenset({value})}), 1) == [long]

    asyncio.run(run())


def test_a_cancelled_query_ends(place: Place) -> None:
    """Whoever goes while the database searches leaves no search behind."""
    if place.flavour == "lmdb":
        pytest.skip("it reads in slices: see below")
    endless = (
        "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
        if place.flavour == "sqlite"
        else "SELECT pg_sleep(600)"
    )

    async def run() -> None:
        async with place.store() as store:
            for _ in range(10):  # more than there are readers
                began = threading.Event()

                def search(statements: Any, began: threading.Event = began) -> None:
                    began.set()
                    statements.rows(endless)

                task = asyncio.create_task(store._database.read(search))
                while not began.is_set():  # noqa: ASYNC110 -- another thread sets it
                    await asyncio.sleep(0.001)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            assert await store.page(Filter(), None, 1) == []

    asyncio.run(asyncio.wait_for(run(), 60))


def test_a_cancelled_query_reads_no_further_slice(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LMDB is read in slices; one at most is read for nobody."""
    if place.flavour != "lmdb":
        pytest.skip("SQL does not read in slices")
    slices = []

    def look(*_: object, **__: object) -> reading.Slice:
        slices.append(None)
        return reading.Slice([], Position(-1, id_of(1)))

    monkeypatch.setattr(read_by_store, "look", look)

    async def run() -> None:
        async with place.store() as store:
            task = asyncio.create_task(store.page(Filter(), None, 1))
            while len(slices) < 3:  # noqa: ASYNC110 -- another thread appends
                await asyncio.sleep(0.001)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            count = len(slices)
            await store.close()
            assert len(slices) <= count + 1

    asyncio.run(asyncio.wait_for(run(), 60))


def test_a_long_scan_goes_on_in_slices(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a slice does not reach the next one does."""
    if place.flavour != "lmdb":
        pytest.skip("SQL does not read in slices")
    monkeypatch.setattr(reading, "_ENTRIES_IN_A_SLICE", 3)
    stored = [event(number, created_at=number // 4 + 1, kind=number % 5) for number in range(60)]
    wanted = Filter(except_kinds=frozenset({0, 1, 2, 3}))

    async def run() -> None:
        async with place.store() as store:
            assert isinstance(store, LMDBStore)
            for each in stored:
                await store.add(each._replace(pubkey=_KEYS[each.created_at * 7]))
            found = await walked(store, wanted, 4)
            assert [each.id for each in found] == [
                each.id for each in sorted(stored, key=Position.of) if each.kind == 4
            ]

    asyncio.run(run())


def test_the_narrowest_index_is_chosen(place: Place) -> None:
    """Of a kind that everybody uses and a tag that few use, it is the tag, and the other way."""
    if place.flavour != "lmdb":
        pytest.skip("SQL has a test of its own")
    stored = [event(number, created_at=number + 1, tags=[["t", "all"]]) for number in range(300)]
    stored += [
        event(300, created_at=9, kind=2, tags=[["t", "all"]]),
        event(301, tags=[["t", "x"]]),
    ]
    asked = {
        Filter(kinds=frozenset({1}), tags=_Tags({"t": frozenset({"x"})})): "x",
        Filter(kinds=frozenset({2}), tags=_Tags({"t": frozenset({"all"})})): 2,
    }

    async def run() -> None:
        async with place.store() as store:
            assert isinstance(store, LMDBStore)
            await asyncio.gather(*map(store.add, stored))
            with store._environment.begin() as transaction:
                for wanted, narrowest in asked.items():
                    start = choosing.Start.of(None, None)
                    (span,) = choosing.choose(transaction, wanted, start).spans
                    assert span == _span_of(narrowest)

    asyncio.run(run())


class _Tags(dict[str, frozenset[str]]):
    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(self.items()))


def _span_of(what: str | int) -> choosing.Span:
    if isinstance(what, int):
        return choosing.keys.of_kind(what)
    return choosing.keys.of_tag("t", what)
