"""monstr's database as a store: it does what the store in memory does, whatever monstr left."""

import asyncio
import json
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from depth import times
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from monstr.event.persist import DeleteMode
from relay.client import asynchronous
from relay.signing import Key, hash_of
from stores.making import AUTHORS, DELETION, GIFT_WRAP, VANISH, Model, walked

from orly_policy_hookspecs.nip01 import Filter, FrozenEvent, Position
from orly_policy_plugin.errors import PolicyError
from orly_policy_plugin.hosts.monstr.store import DeletingStore, FlaggingStore, MonstrStore
from orly_policy_plugin.session import Known
from orly_policy_plugin.session.deletions import deletion_of, vanishing_of

from .places import URL, as_monstr, event, made, opened

ALICE, BOB = Key("alice"), Key("bob")

_KINDS = (0, 1, 1, 7, 10_002, 30_023, 30_024, GIFT_WRAP)
_VALUES = ("", "x", "X", "xx", "x\0", "x\0y", "é", *AUTHORS)
_ADDRESSES = (
    *(f"{kind}:{author}:{end}" for kind in (0, 10_002) for author in AUTHORS for end in ("", "x")),
    *(f"30023:{author}:{end}" for author in AUTHORS for end in ("", "x", "X")),
    *(f"10002:{AUTHORS[0]}", f"00:{AUTHORS[0]}", f"30023:{AUTHORS[0]}", "30023:x"),
)
_seconds = st.integers(0, 6)
_authors = st.sampled_from(AUTHORS)
_values = st.sampled_from(_VALUES)
_tags = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(("d", "t", "p", "hashtag", "é")), _values),
        st.sampled_from((("d",), ("t",), ("",), ("expiration", "5"), ("t", "x", "y"))),
    ),
    max_size=4,
)
_notes = st.builds(
    event,
    author=_authors,
    created_at=_seconds,
    kind=st.sampled_from(_KINDS),
    tags=_tags,
    content=st.sampled_from(("", "text", 'a "\0\n\U0001f600')),
)


@st.composite
def _arriving(draw: st.DrawFn) -> list[FrozenEvent]:
    """Notes, and deletions of them and requests to vanish, in any order; some come twice."""
    notes = draw(st.lists(_notes, min_size=1, max_size=16))
    named = st.one_of(
        st.tuples(st.just("e"), st.sampled_from(notes).map(lambda each: each.id)),
        st.tuples(st.just("a"), st.sampled_from(_ADDRESSES)),
        st.sampled_from((("e",), ("a", ""), ("e", "x"))),
    )
    deletions = st.builds(
        event,
        author=_authors,
        created_at=_seconds,
        kind=st.just(DELETION),
        tags=st.lists(named, min_size=1, max_size=3),
    )
    relays = st.sampled_from((("relay", URL), ("relay", "ALL_RELAYS"), ("relay", "wss://other")))
    vanishing = st.builds(
        event,
        author=_authors,
        created_at=_seconds,
        kind=st.just(VANISH),
        tags=st.lists(relays, min_size=1, max_size=1),
    )
    others = draw(st.lists(deletions | vanishing, max_size=6))
    everything = [*notes, *others]
    return draw(st.permutations(everything + everything[:3]))


_filters = st.builds(
    Filter,
    authors=st.none() | st.frozensets(_authors, max_size=3),
    kinds=st.none() | st.frozensets(st.sampled_from((*_KINDS, DELETION, VANISH)), max_size=3),
    tags=st.dictionaries(
        st.sampled_from(("d", "t", "p", "e")),
        st.frozensets(_values | st.just("\ud800"), max_size=3),
        max_size=2,
    ),
    since=st.none() | _seconds | st.just(2**63 - 1),
    until=st.none() | _seconds | st.just(2**63 - 1),
    except_kinds=st.frozensets(st.sampled_from(_KINDS), max_size=2),
)


async def _take(store: DeletingStore, model: Model, new: FrozenEvent) -> None:
    """As the session does."""
    known = model.known(new)
    assert await store.recall(new) == known
    vanishing = vanishing_of(new, [URL]) if new.kind == VANISH else None
    if vanishing is not None:
        await store.vanish(vanishing)
        await model.vanish(vanishing)
        return
    assert await store.add(new) == (known or Known.STORED)
    if known is None:
        assert await model.add(new) is Known.STORED
        if new.kind == DELETION:
            await store.delete(deletion_of(new))
            await model.delete(deletion_of(new))


@pytest.mark.parametrize("kind", [DeletingStore, FlaggingStore])
@settings(max_examples=times(15, 500), suppress_health_check=list(HealthCheck))
@given(
    arriving=_arriving(),
    asked=st.lists(_filters, min_size=1, max_size=6),
    page=st.integers(1, 5),
)
@pytest.mark.heavy
def test_it_is_like_the_store_in_memory(
    kind: type[DeletingStore], arriving: list[FrozenEvent], asked: list[Filter], page: int
) -> None:
    """Whatever was added, deleted and made vanish: it knows and finds the same."""

    async def run(folder: Path) -> None:
        model, stock = Model(), await made(folder)
        ids = Filter(ids=frozenset(each.id for each in arriving[::2]))
        async with opened(stock, kind) as store:
            for new in arriving:
                await _take(store, model, new)
            for wanted in (Filter(), ids, *asked):
                assert await walked(store, wanted, page) == await walked(model, wanted, 100)
        async with opened(stock, kind) as again:
            for new in arriving:
                assert await again.recall(new) == model.known(new)

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder)))


@asynchronous
async def test_monstr_reads_what_we_stored(tmp_path: Path) -> None:
    """Whoever goes back to stock monstr has all events, found as its own are."""
    note = ALICE.event(1, "hello", [["t", "Tea"], ["hashtag", "x"], ["bare"]], 5)
    article = ALICE.event(30023, "long", [["d", "one"]], 6)
    stock = await made(tmp_path)
    async with opened(stock) as store:
        for each in (note, article):
            assert await store.add(FrozenEvent.of_json(each)) is Known.STORED
    found = await stock.get_filter({})
    assert [{**each, "tags": json.loads(each["tags"])} for each in found] == [article, note]
    for wanted in ({"#t": ["tea"]}, {"#t": ["x"]}, {"ids": [note["id"]]}):
        assert [each["id"] for each in await stock.get_filter(wanted)] == [note["id"]]
    newer = ALICE.event(30023, "longer", [["d", "one"]], 7)
    await as_monstr(stock, newer)
    found = await stock.get_filter({"kinds": [30023]})
    assert [each["id"] for each in found] == [newer["id"]]


@asynchronous
async def test_what_monstr_stored_is_found(tmp_path: Path) -> None:
    """Tags with large letters, too, which monstr's index does not tell from small ones."""
    first = ALICE.event(1, "a", [["t", "Tea"]], 5)
    second = ALICE.event(1, "b", [["t", "tea"], ["hashtag", "x"]], 5)
    stock = await made(tmp_path)
    await as_monstr(stock, first, second)
    async with opened(stock) as store:
        for value, expected in (("Tea", first), ("tea", second)):
            wanted = Filter(tags={"t": frozenset({value})})
            assert [each.id for each in await store.page(wanted, None, 1)] == [expected["id"]]
        assert await store.page(Filter(tags={"t": frozenset({"x"})}), None, 9) == []


@asynchronous
async def test_what_monstr_should_not_have_stored_is_not_found(tmp_path: Path) -> None:
    """It verifies the claimed id, so that anybody can say anything under another's name; and it
    takes any JSON for a field.
    """
    real = ALICE.event(1, "mine", created_at=5)
    stock = await made(tmp_path)
    forged = {**real, "content": "not mine"}
    rest = {"pubkey": BOB.pubkey, "tags": [], "content": "x"}
    strange: list[dict[str, Any]] = [
        {**rest, "created_at": 1e999, "kind": 1},
        {**rest, "created_at": "yesterday", "kind": 1},
        {**rest, "created_at": 7.5, "kind": 1},
        {**rest, "created_at": 7, "kind": 1.5},
        {**rest, "created_at": 7, "kind": 1e999},
        {**rest, "created_at": 7, "kind": 1, "tags": [["p", 1]]},
        {**rest, "created_at": 7, "kind": 1, "tags": 5},
        {**rest, "created_at": 7, "kind": 1, "content": {"a": 1}},
    ]
    signed = []
    for each in strange:
        event_id = hash_of(each)
        signed.append({**each, "id": event_id, "sig": BOB.sign(event_id)})
    rows = [each for each in signed if each["tags"] != 5]
    await as_monstr(stock, forged, *rows)
    with closing(sqlite3.connect(stock.DB.file)) as db, db:
        number = db.execute("SELECT count(*) FROM events").fetchone()[0]
        db.execute("INSERT INTO events (event_id, created_at, kind) VALUES (NULL, 7, 1)")
        db.execute("INSERT INTO events (event_id, created_at, kind, tags) VALUES ('x', 7, 1, '{')")
    assert number == 1 + len(rows)
    async with opened(stock) as store:
        for most in (1, 3, 100):
            assert await store.page(Filter(), None, most) == []
        assert await store.recall(FrozenEvent.of_json(real)) is None
        assert await store.add(FrozenEvent.of_json(real)) is Known.STORED
        assert await store.page(Filter(), None, 1) == [FrozenEvent.of_json(real)]
        assert await store.add(FrozenEvent.of_json(real)) is Known.DUPLICATE


@asynchronous
async def test_a_strangers_deletion_counts_for_nothing(tmp_path: Path) -> None:
    """monstr obeys it. Its author can bring the event again."""
    note = ALICE.event(1, "mine", created_at=5)
    deletion = BOB.event(5, tags=[["e", note["id"]]], created_at=6)
    stock = await made(tmp_path)
    await as_monstr(stock, note, deletion)
    async with opened(stock) as store:
        frozen = FrozenEvent.of_json(note)
        assert await store.page(Filter(kinds=frozenset({1})), None, 9) == []
        assert await store.recall(frozen) is None
        assert await store.add(frozen) is Known.STORED
        await store.delete(deletion_of(FrozenEvent.of_json(deletion)))
        assert await store.page(Filter(kinds=frozenset({1})), None, 9) == [frozen]


@asynchronous
async def test_flagged_or_deleted(tmp_path: Path) -> None:
    """monstr's ``delete_mode`` says what becomes of a row."""
    for kind, left in ((FlaggingStore, 2), (DeletingStore, 1)):
        folder = tmp_path / kind.__name__
        folder.mkdir()
        stock = await made(folder)
        note = event(AUTHORS[0], 1)
        deletion = event(AUTHORS[0], 2, DELETION, [["e", note.id]])
        async with opened(stock, kind) as store:
            for each in (note, deletion):
                await store.add(each)
            await store.delete(deletion_of(deletion))
            assert await store.page(Filter(), None, 9) == [deletion]
        with closing(sqlite3.connect(stock.DB.file)) as db, db:
            assert db.execute("SELECT count(*) FROM events").fetchone()[0] == left
    assert not hasattr(MonstrStore, "delete")
    assert DeleteMode.no_action.name == "no_action"


@asynchronous
async def test_pages_of_one_second(tmp_path: Path) -> None:
    """monstr cuts them anywhere; here each event is on one page, in the order of NIP-01."""
    events = [event(AUTHORS[0], 5, content=str(number)) for number in range(50)]
    stock = await made(tmp_path)
    async with opened(stock) as store:
        for each in events:
            await store.add(each)
        assert await walked(store, Filter(), 7) == sorted(events, key=Position.of)


@asynchronous
async def test_many_at_a_time(tmp_path: Path) -> None:
    """Two versions of an address that come together are as if one after the other."""
    versions = [event(AUTHORS[0], number, 0) for number in range(20)]
    notes = [event(AUTHORS[1], number) for number in range(20)]
    stock = await made(tmp_path)
    async with opened(stock) as store:
        added = await asyncio.gather(*map(store.add, [*versions, *notes, *notes]))
        assert added.count(Known.DUPLICATE) == 20
        assert await store.page(Filter(kinds=frozenset({0})), None, 9) == [versions[-1]]
        assert len(await store.page(Filter(), None, 99)) == 21


@asynchronous
async def test_what_is_no_database_of_monstrs(tmp_path: Path) -> None:
    """It says what is missing, and what would do."""
    with pytest.raises(PolicyError, match=r"none.sqlite3: .*await store.create\(\)"):
        await DeletingStore.open(tmp_path / "none.sqlite3", [URL])
    assert not (tmp_path / "none.sqlite3").exists()
    other = tmp_path / "other.sqlite3"
    with closing(sqlite3.connect(other)) as db, db:
        db.execute("CREATE TABLE events (id, event_id, pubkey, created_at, kind, tags, content)")
    with pytest.raises(PolicyError, match="the table events has no d_tag, deleted, sig"):
        await DeletingStore.open(other, [URL])
    (tmp_path / "text").write_text("this is no database" * 100)
    with pytest.raises(PolicyError, match="text: file is not a database"):
        await DeletingStore.open(tmp_path / "text", [URL])
