"""Connections of PostgreSQL's pool that the server has ended, as a restart of it does."""

import asyncio
from typing import Any

import postgres
import psycopg
import pytest
import sqlalchemy as sa
from relay.client import asynchronous

from orly_policy_hookspecs.nip01 import Filter
from orly_policy_plugin.hosts.nostr_relay.sql import SQLStore

from .making import Place, event

pytestmark = pytest.mark.parametrize("flavour", ["postgres"], indirect=True)


def end(drivers: list[Any]) -> None:
    """Have the server end connections."""
    with psycopg.connect(postgres.libpq_url()) as connection:
        for driver in drivers:
            connection.execute("SELECT pg_terminate_backend(%s)", [driver.get_server_pid()])


@asynchronous
async def test_no_statement_fails_for_one(place: Place) -> None:
    """Neither a write, nor a read, nor what is looked up before either."""
    async with place.store() as store:
        assert isinstance(store, SQLStore)
        used: set[Any] = set()
        sa.event.listen(
            store._database._engine.sync_engine,
            "checkout",
            lambda connection, *_: used.add(connection.driver_connection),
        )
        uses = {
            "write": lambda: store.add(event(2)),
            "read": lambda: store.page(Filter(kinds=frozenset({1})), None, 9),
            "look up": lambda: store.recall(event(3)),
        }
        for use in uses.values():
            await use()
            ended = [each for each in used if not each.is_closed()]
            assert ended
            has_ended = [asyncio.Event() for _ in ended]
            for driver, event_of in zip(ended, has_ended, strict=True):
                driver.add_termination_listener(lambda _, of=event_of: of.set())
            await asyncio.to_thread(end, ended)
            async with asyncio.timeout(30):
                for each in has_ended:
                    await each.wait()
            await use()
