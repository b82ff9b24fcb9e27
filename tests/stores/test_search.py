"""Search on LMDB: its pages, and what is in its index and when."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import lmdb
import pytest
from depth import times
from hypothesis import given, settings
from hypothesis import strategies as st
from whoosh.analysis import StemmingAnalyzer

from orly_policy_hookspecs.nip01 import Filter, FrozenEvent, UnreadableFilter, frozen
from orly_policy_plugin.hosts.nostr_relay.lmdb import LMDBStore
from orly_policy_plugin.hosts.nostr_relay.lmdb.words import words_asked, words_of
from orly_policy_plugin.session import Deletion, Vanishing
from orly_policy_plugin.session.deletions import deletion_of

from .making import AUTHORS, DELETION, VANISH, Model, Place, event, walked

KINDS = frozenset({0, 1, 30_023})
WORDS = ("fox", "dog", "Rabbit", "nostr")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """LMDB with a search."""
    return Place("lmdb", str(tmp_path / "lmdb"), tmp_path, KINDS)


@asynccontextmanager
async def opened(place: Place) -> AsyncIterator[LMDBStore]:
    """The store there."""
    async with place.store() as store:
        assert isinstance(store, LMDBStore)
        yield store


async def found(store: LMDBStore, search: str, **asked: Any) -> set[FrozenEvent]:
    """What a search finds."""
    return {*await walked(store, Filter(search=search, **asked), 2)}


def index(place: Place) -> list[bytes]:
    """The keys of the index of words."""
    with lmdb.open(place.url) as environment, environment.begin() as transaction:
        return [key for key, _ in transaction.cursor() if key.startswith(b"w")]


@pytest.mark.parametrize(
    ("content", "search", "is_found"),
    [
        ("The quick brown foxes jumped", "jumping FOX", True),
        ("the quick brown fox", "the fox", True),
        ("the quick brown fox", "fox dog", False),
        ("the quick brown fox", "fo", False),
        ("the quick brown fox", "fo*", False),
        ("the quick brown fox", 'NOT "quick fox" OR', True),
        ("the quick brown fox", "fox include:spam language:en", True),
        ("see https://example.com/a", "https://example.com", True),
        ("naïve ÉCOLE 日本語", "naïve école", True),
        ("naïve ÉCOLE 日本語", "日本語", True),
        ("x" * 70, "x" * 70, True),
        ("x\0fox\ud800y", "fox", True),
        ("", "fox", False),
    ],
)
def test_what_is_found(place: Place, content: str, search: str, is_found: bool) -> None:
    """All words have to occur, in whichever form and order; live events likewise."""
    one = event(content=content.replace("\ud800", "\ufffd"))

    async def run() -> None:
        async with opened(place) as store:
            await store.add(one)
            assert await found(store, search) == ({one} if is_found else set())
            assert store.search_for(search)(one) is is_found

    asyncio.run(run())


@pytest.mark.parametrize(
    "search", ["the", "a b c", "  ", "include:spam", "!?", "\ud800", "* OR *"]
)
def test_there_has_to_be_a_word(search: str) -> None:
    """Otherwise everything would be found, or nothing."""
    with pytest.raises(UnreadableFilter, match="there is no word to search for"):
        words_asked(search)


def test_words_are_bounded() -> None:
    """Those that are asked for, and those of one event, however long it is."""
    many = " ".join(f"w{number}" for number in range(100_000))
    with pytest.raises(UnreadableFilter, match="there are 17 words to search for, at most 16"):
        words_asked(" ".join(many.split()[:17]))
    assert len(words_of(many)) == 500
    assert "w0" in words_of(many)
    assert words_of("x" * 1_000_000) == {"x" * 64}


@given(st.text(max_size=200))
def test_words_are_those_of_nostr_relay(text: str) -> None:
    """Its index is made with this analyzer."""
    theirs = {token.text for token in StemmingAnalyzer()(text)}
    assert words_of(text) == theirs or any(len(word) > 60 for word in theirs)
    assert "" not in words_of(text)


_events = st.builds(
    event,
    st.integers(0, 30),
    st.sampled_from(AUTHORS),
    st.integers(1, 5),
    st.sampled_from((0, 1, 1, 7, 30_023)),
    st.sampled_from(([], [["t", "x"]], [["d", "x"]])),
    st.lists(st.sampled_from(WORDS), max_size=4).map(" ".join),
)
_filters = st.builds(
    Filter,
    ids=st.none() | st.just(frozenset(event(number).id for number in range(9))),
    authors=st.none() | st.just(frozenset(AUTHORS[:2])),
    kinds=st.none() | st.frozensets(st.sampled_from((0, 1, 7)), min_size=1),
    tags=st.sampled_from(({}, {"t": frozenset({"x"})})),
    since=st.none() | st.integers(1, 5),
    until=st.none() | st.integers(1, 5),
    except_kinds=st.sampled_from((frozenset[int](), frozenset({1}))),
    search=st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join),
)


@settings(max_examples=times(20, 500))
@given(st.lists(_events, max_size=30), st.lists(_filters, min_size=1, max_size=5))
def test_pages_are_those_of_other_filters_with_the_words_besides(
    tmp_path_factory: pytest.TempPathFactory, given: list[FrozenEvent], filters: list[Filter]
) -> None:
    """Newest first, whichever index they are found by, each page from a position on."""
    folder = tmp_path_factory.mktemp("lmdb")

    async def run() -> None:
        model = Model()
        async with opened(Place("lmdb", str(folder), folder, KINDS)) as store:
            for each in given:
                assert await store.add(each) == await model.add(each)
            for wanted in filters:
                assert wanted.search
                matches = store.search_for(wanted.search)
                expected = filter(matches, await walked(model, wanted, 50))
                assert await walked(store, wanted, 2) == [*expected]

    asyncio.run(run())


async def _delete(store: LMDBStore, one: FrozenEvent) -> None:
    await store.delete(Deletion(one.pubkey, frozenset({one.id}), frozenset(), 9))


async def _vanish(store: LMDBStore, one: FrozenEvent) -> None:
    await store.vanish(Vanishing(one.pubkey, 9, frozen(event(8, one.pubkey, 9, VANISH))))


async def _remove(store: LMDBStore, one: FrozenEvent) -> None:
    await store.remove([one.id])


async def _replace(store: LMDBStore, one: FrozenEvent) -> None:
    await store.add(event(9, one.pubkey, one.created_at + 1, one.kind, content="dog"))


@pytest.mark.parametrize("kinds", [KINDS, frozenset()], ids=["on", "off"])
@pytest.mark.parametrize("goes", [_delete, _vanish, _remove, _replace])
def test_what_is_gone_leaves_the_index(
    place: Place, goes: Callable[[LMDBStore, FrozenEvent], Any], kinds: frozenset[int]
) -> None:
    """Deleted, vanished, expired or replaced; also where search was switched off meanwhile."""
    one = event(1, kind=0, content="the fox and the dog")

    async def run() -> None:
        async with opened(place) as store:
            await store.add(one)
            assert await found(store, "fox") == {one}
        async with opened(attrs.evolve(place, searched_kinds=kinds)) as store:
            await goes(store, one)
        async with opened(place) as store:
            assert await found(store, "fox") == set()

    asyncio.run(run())
    assert not [key for key in index(place) if bytes.fromhex(one.id) in key]


def test_what_is_not_stored_is_not_indexed(place: Place) -> None:
    """Duplicates, superseded and deleted events, and other kinds."""
    new, old = event(1, created_at=2, kind=0), event(2, created_at=1, kind=0, content="fox")
    gone, other = event(3, content="fox"), event(4, kind=7, content="fox")
    deletion = event(5, created_at=3, kind=DELETION, tags=[["e", gone.id]])

    async def run() -> None:
        async with opened(place) as store:
            for each in (new, old, deletion, gone, other, new):
                await store.add(each)
            assert await found(store, "fox") == set()

    asyncio.run(run())
    assert [key[-32:].hex() for key in index(place)] == [new.id]


@pytest.mark.heavy
def test_what_was_stored_before_is_indexed(place: Place) -> None:
    """Once, also what nostr-relay has stored meanwhile; what it has removed is passed over."""
    by_us = [event(number, created_at=number + 1, content="fox") for number in range(120)]
    by_stock = event(200, kind=1, created_at=1_700_000_000, content="fox")
    deletion = event(201, created_at=1_700_000_001, kind=DELETION, tags=[["e", by_us[0].id]])

    async def run() -> None:
        async with opened(attrs.evolve(place, searched_kinds=frozenset())) as store:
            await asyncio.gather(*map(store.add, by_us))
        async with opened(place) as store:
            assert await found(store, "fox") == set()
            await indexed(store)
            assert await found(store, "fox") == {*by_us}
        place.stock("write", [_as_json(by_stock), _as_json(deletion)])
        async with opened(place) as store:
            await indexed(store)
            assert await found(store, "fox") == {*by_us[1:], by_stock}
            assert await store.page(Filter(search="fox"), None, 1) == [by_stock]

    asyncio.run(run())


async def indexed(store: LMDBStore) -> None:
    """Wait until all that is stored is."""
    store.index_what_is_stored()
    assert store._indexing is not None
    await store._indexing


def _as_json(each: FrozenEvent) -> dict[str, object]:
    return {**each._asdict(), "tags": [list(tag) for tag in each.tags]}


def test_closing_ends_the_indexing(place: Place) -> None:
    """It goes on at the next start."""

    async def run() -> None:
        async with opened(place) as store:
            store.index_what_is_stored()
        assert store._indexing is not None
        assert store._indexing.cancelled()

    asyncio.run(run())


@pytest.mark.heavy
def test_stock_does_not_mind_our_index(place: Place) -> None:
    """Our keys come after those that it looks for."""
    one = event(1, AUTHORS[2], 1_700_000_000, 1, [["t", "zzz"], ["z", "\uffff"]], "zebra words")

    async def run() -> None:
        async with opened(place) as store:
            await store.add(one)
            await store.delete(deletion_of(event(2, kind=DELETION, tags=[["e", "ff" * 32]])))

    asyncio.run(run())
    asked: list[dict[str, Any]] = [
        {"kinds": [1]},
        {"authors": [AUTHORS[2]]},
        {"#t": ["zzz"]},
        {"#z": ["\uffff"], "until": 1_800_000_000},
        {"since": 1, "until": 1_800_000_000},
    ]
    assert place.stock("read", asked) == [[_as_json(one)]] * len(asked)
