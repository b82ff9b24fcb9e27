"""How SQL is spoken: few statements, nothing in the log, the right index."""

import asyncio
import logging

import pytest
import sqlalchemy as sa

from orly_policy_hookspecs.nip01 import Filter
from orly_policy_plugin.hosts.nostr_relay.sql import SQLStore
from orly_policy_plugin.hosts.nostr_relay.sql.planning import AUTHOR_INDEX, plan
from orly_policy_plugin.hosts.nostr_relay.sql.querying import Asked
from orly_policy_plugin.hosts.nostr_relay.sql.statements import Statements, text

from .making import AUTHORS, FLAVOURS, Place, event, id_of

pytestmark = pytest.mark.parametrize(
    "flavour", [flavour for flavour in FLAVOURS if flavour != "lmdb"], indirect=True
)


def _engine(store: SQLStore) -> sa.Engine:
    engine = store._database._engine
    return getattr(engine, "sync_engine", engine)


def test_statements_are_not_kept_for_each_filter(place: Place) -> None:
    """Filters of one shape, whatever their values and however many, are one statement."""

    async def run() -> None:
        async with place.store() as store:
            assert isinstance(store, SQLStore)
            for number in range(100):
                some = frozenset(map(id_of, range(number, 3 * number + 1)))
                await store.page(Filter(authors=some, tags={"p": some}), None, number + 1)
                await store.page(Filter(tags={chr(97 + number % 26): some}, since=number), None, 5)
                await store.add(event(number, content=str(number)))
            assert len(_engine(store)._compiled_cache) < 20
        assert text.cache_info().currsize <= 256

    asyncio.run(run())


def test_nothing_of_a_client_is_logged(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    """Not even with all logs switched on, nor in the text of an error."""
    for name in (None, "sqlalchemy", "sqlalchemy.engine", "aiosqlite", "asyncio"):
        caplog.set_level(logging.DEBUG, name)
    secret = event(1, content="secret", tags=[["t", "secret"]])

    async def run() -> None:
        async with place.store() as store:
            assert isinstance(store, SQLStore)
            await store.add(secret)
            assert await store.page(Filter(tags={"t": frozenset({"secret"})}), None, 1) == [secret]

            def wrong(statements: Statements) -> None:
                statements.rows("SELECT nothing FROM nowhere WHERE name = :name", name="secret")

            with pytest.raises(sa.exc.DBAPIError) as caught:
                await store._database.read(wrong)
            assert "secret" not in str(caught.value)

    asyncio.run(run())
    assert "secret" not in caplog.text


def test_the_name_of_a_tag_is_a_parameter(place: Place) -> None:
    """A quote in it does not end anything."""
    quoted = event(1, tags=[["'", "x"]])

    async def run() -> None:
        async with place.store() as store:
            await store.add(quoted)
            assert await store.page(Filter(tags={"'": frozenset({"x"})}), None, 9) == [quoted]

    asyncio.run(run())


def test_sqlite_is_told_the_index_with_the_fewest(place: Place) -> None:
    """Values that few events have are looked up; for others it goes back in time."""
    if place.flavour != "sqlite":
        pytest.skip("PostgreSQL keeps statistics")
    stored = [event(number, created_at=number + 1, tags=[["t", "all"]]) for number in range(2_500)]
    stored += [event(9_000, AUTHORS[1], 5, 2, [["t", "one"]])]
    by_time = "kindcreatedpubkeyidx"
    asked = [
        (Filter(), by_time, None),
        (Filter(kinds=frozenset({1})), by_time, None),
        (Filter(kinds=frozenset({2})), "kindidx", None),
        (Filter(authors=frozenset({AUTHORS[0]})), by_time, None),
        (Filter(authors=frozenset({AUTHORS[1]})), AUTHOR_INDEX, None),
        (Filter(authors=frozenset({AUTHORS[0]}), kinds=frozenset({2})), AUTHOR_INDEX, None),
        (Filter(tags={"t": frozenset({"all"})}), by_time, None),
        (Filter(tags={"t": frozenset({"one"})}), "sqlite_autoindex_events_1", "t"),
        (Filter(kinds=frozenset({1}), since=2_499), by_time, None),
    ]

    async def run() -> None:
        async with place.store() as store:
            assert isinstance(store, SQLStore)
            await asyncio.gather(*map(store.add, stored))
            for wanted, index, tag in asked:
                found = await store._database.read(lambda db, w=wanted: plan(db, Asked(w), 20))
                assert (found.index, found.tag) == (index, tag), wanted

    asyncio.run(run())
