"""Every store does what the store in memory does."""

import asyncio
import tempfile
from pathlib import Path

import pytest
from depth import times
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orly_policy_hookspecs.nip01 import Filter, FrozenEvent, is_expired
from orly_policy_plugin.session import Known
from orly_policy_plugin.session.deletions import deletion_of, vanishing_of

from .making import (
    AUTHORS,
    DELETION,
    FLAVOURS,
    GIFT_WRAP,
    URL,
    VANISH,
    AnyStore,
    Model,
    empty_place,
    event,
    id_of,
    walked,
)

_NUMBERS = range(24)
_KINDS = (0, 1, 1, 7, 10_002, 30_023, 30_024, GIFT_WRAP)
_VALUES = ("", "x", "xx", "x\0", "x\0y", "é", *AUTHORS)
_ADDRESSES = (
    *(f"{kind}:{author}:{end}" for kind in (0, 10_002) for author in AUTHORS for end in ("", "x")),
    *(f"30023:{author}:{end}" for author in AUTHORS for end in ("", "x", "xx")),
    f"10002:{AUTHORS[0]}",
    f"00:{AUTHORS[0]}",
    f"30023:{AUTHORS[0]}",
    "30023:x",
)
_EXPIRATIONS = ("5", "6", "05", "5x", "", "10", "\u0665")
_NOW = 5

_seconds = st.integers(1, 6)
_authors = st.sampled_from(AUTHORS)
_values = st.sampled_from(_VALUES)
_tags = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(("d", "t", "p", "é")), _values),
        st.tuples(st.just("e"), st.sampled_from(_NUMBERS).map(id_of)),
        st.tuples(st.just("expiration"), st.sampled_from(_EXPIRATIONS)),
        st.sampled_from((("d",), ("t",), ("-",), ("expiration",), ("alt", "x"), ("t", "x", "y"))),
    ),
    max_size=4,
)
_named = st.one_of(
    st.tuples(st.just("e"), st.sampled_from(_NUMBERS).map(id_of)),
    st.tuples(st.just("a"), st.sampled_from(_ADDRESSES)),
    st.sampled_from((("e",), ("a", ""), ("e", "x"), ("e", id_of(1).upper()))),
)
_relays = st.sampled_from((("relay", URL), ("relay", "ALL_RELAYS"), ("relay", "wss://other")))


@st.composite
def _events(draw: st.DrawFn) -> FrozenEvent:
    kind = draw(st.sampled_from((*_KINDS, DELETION, VANISH)))
    tags = draw(_tags)
    if kind == DELETION:
        tags += draw(st.lists(_named, min_size=1, max_size=3))
    if kind == VANISH:
        tags += [draw(_relays)]
    return event(
        draw(st.sampled_from(_NUMBERS)),
        draw(_authors),
        draw(_seconds),
        kind,
        tags,
        draw(st.sampled_from(("", "text", 'a "\0\n\U0001f600'))),
    )


def _some_of(values: st.SearchStrategy[str]) -> st.SearchStrategy[frozenset[str]]:
    return st.frozensets(values, max_size=3)


_filters = st.builds(
    Filter,
    ids=st.none() | _some_of(st.sampled_from(_NUMBERS).map(id_of)),
    authors=st.none() | _some_of(_authors),
    kinds=st.none() | st.frozensets(st.sampled_from((*_KINDS, DELETION, VANISH)), max_size=3),
    tags=st.dictionaries(
        st.sampled_from(("d", "t", "p", "e", "é", "\ud800")),
        _some_of(_values | st.sampled_from((id_of(1), "\ud800"))),
        max_size=2,
    ),
    since=st.none() | _seconds | st.just(2**63 - 1),
    until=st.none() | _seconds | st.just(2**63 - 1),
    except_kinds=st.frozensets(st.sampled_from(_KINDS), max_size=2),
)


def _storable(events: list[FrozenEvent], flavour: str) -> list[FrozenEvent]:
    """An id is of one event, and PostgreSQL has no U+0000."""
    by_id: dict[str, FrozenEvent] = {}
    events = [by_id.setdefault(each.id, each) for each in events]
    return [each for each in events if flavour != "postgres" or "\\x00" not in repr(each)]


async def _take(store: AnyStore, model: Model, new: FrozenEvent) -> None:
    """As the session does."""
    known = model.known(new)
    assert await store.recall(new) == known
    vanishing = vanishing_of(new, [URL]) if new.kind == VANISH else None
    if vanishing is not None:
        await store.vanish(vanishing)
        await model.vanish(vanishing)
        return
    if new.kind == DELETION and known is None:
        await store.delete(deletion_of(new))
        await model.delete(deletion_of(new))
    await _add(store, model, new)


async def _add(store: AnyStore, model: Model, new: FrozenEvent) -> None:
    known = model.known(new)
    assert await store.add(new) == (known or Known.STORED)
    if known is None:
        assert await model.add(new) is Known.STORED


@pytest.mark.parametrize("flavour", FLAVOURS)
@settings(max_examples=times(15, 500), suppress_health_check=list(HealthCheck))
@given(
    arriving=st.lists(_events(), max_size=25),
    asked=st.lists(_filters, min_size=1, max_size=6),
    page=st.integers(1, 5),
)
def test_a_store_is_like_the_one_in_memory(
    flavour: str, template: Path, arriving: list[FrozenEvent], asked: list[Filter], page: int
) -> None:
    """Whatever was added, deleted and made vanish: it knows, finds and counts the same."""

    async def run(folder: Path) -> None:
        could_be_stored = _storable(arriving, flavour)
        model = Model()
        place = await empty_place(flavour, folder, template)
        async with place.store() as store:
            for new in could_be_stored:
                await _take(store, model, new)
            for wanted in (Filter(), *asked):
                await _compare(store, model, wanted, page)
        async with place.store() as again:
            await _compare(again, model, Filter(), page)
            for new in could_be_stored:
                assert await again.recall(new) == model.known(new)

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder)))


async def _compare(store: AnyStore, model: Model, wanted: Filter, page: int) -> None:
    expected = await walked(model, wanted, 100)
    assert await walked(store, wanted, page) == expected
    unexpired = [each for each in expected if not is_expired(each, _NOW)]
    assert await store.count(wanted, _NOW, len(expected)) == len(unexpired)
    if expected:
        assert await store.count(wanted, _NOW, len(expected) - 1) >= len(expected)


@pytest.mark.parametrize("flavour", FLAVOURS)
@settings(max_examples=times(15, 250), suppress_health_check=list(HealthCheck))
@given(arriving=st.lists(_events().filter(lambda each: each.kind != VANISH), max_size=25))
def test_what_arrives_together_is_as_if_one_after_the_other(
    flavour: str, template: Path, arriving: list[FrozenEvent]
) -> None:
    """The results of one transaction are those of many, in the order of arrival."""

    async def run(folder: Path) -> None:
        could_be_stored = _storable(arriving, flavour)
        model = Model()
        expected = []
        place = await empty_place(flavour, folder, template)
        async with place.store() as store:
            added = await asyncio.gather(*map(store.add, could_be_stored))
            for new in could_be_stored:
                known = model.known(new)
                expected.append(known or Known.STORED)
                if known is None and new.kind == DELETION:
                    await model.delete(deletion_of(new))
                await model.add(new)
            assert added == expected
            await _compare(store, model, Filter(), 5)

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder)))


def test_the_model_is_the_store_in_memory() -> None:
    """Where nothing is both superseded and deleted, the model says what that says."""
    old, new = event(1, kind=0, created_at=1), event(2, kind=0, created_at=2)

    async def run() -> None:
        model = Model()
        assert [await model.add(each) for each in (new, new, old)] == [
            Known.STORED,
            model.known(new),
            model.known(old),
        ]

    asyncio.run(run())
