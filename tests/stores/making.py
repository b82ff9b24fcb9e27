"""Stores to test, each over a database of its own, and the model that they are held against."""

import contextlib
import functools
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import lmdb
import sqlalchemy as sa
from postgres import url as database_of_postgres
from sqlalchemy.ext.asyncio import create_async_engine

from orly_policy_hookspecs.nip01 import (
    Filter,
    FrozenEvent,
    Position,
    address_of,
    kinds,
    replaces,
)
from orly_policy_plugin.hosts.memory import MemoryStore
from orly_policy_plugin.hosts.nostr_relay.lmdb import LMDBStore
from orly_policy_plugin.hosts.nostr_relay.sql import SharedSQLStore, SQLStore
from orly_policy_plugin.session import Known, Vanishing

URL = "wss://relay.example"
FLAVOURS = ("sqlite", "lmdb", "postgres")

AUTHORS = ("00" * 32, "00" * 31 + "01", "ab" * 32)
"""Keys that begin with zeros are among them: nostr-relay's own scans mistake them for times."""

AnyStore = SQLStore | LMDBStore


@functools.cache
def postgres() -> str:
    """A database with nostr-relay's schema, whose events are deleted: SQLAlchemy's URL."""
    url = database_of_postgres()
    with tempfile.TemporaryDirectory() as folder:
        run_stock("postgres", url, "schema", Path(folder))
    return url


def id_of(number: int) -> str:
    """The id of an event that has a number."""
    return hashlib.sha256(b"%d" % number).hexdigest()


def event(
    number: int = 0,
    author: str = AUTHORS[0],
    created_at: int = 1,
    kind: int = 1,
    tags: Sequence[Sequence[str]] = (),
    content: str = "",
) -> FrozenEvent:
    """An event; nobody verifies it here."""
    event_id = id_of(number)
    return FrozenEvent(event_id, author, created_at, kind, tags, content, event_id * 2)


@attrs.frozen
class Place:
    """Where a database is."""

    flavour: str
    url: str
    """A URL of SQLAlchemy, or LMDB's folder."""
    folder: Path
    """For what belongs to it."""
    searched_kinds: frozenset[int] = frozenset()
    """On LMDB."""

    @contextlib.asynccontextmanager
    async def store(self) -> AsyncIterator[AnyStore]:
        """Open the database, and close it."""
        if self.flavour == "lmdb":
            with lmdb.open(self.url, map_size=1 << 28) as environment:
                store: AnyStore = LMDBStore(environment, [URL], self.searched_kinds)
                try:
                    yield store
                finally:
                    await store.close()
            return
        made = SQLStore if self.flavour == "sqlite" else SharedSQLStore
        store = await made.open(self.url, [URL])
        try:
            yield store
        finally:
            await store.close()

    def stock(self, action: str, given: Sequence[object]) -> list[list[dict[str, Any]]]:
        """Have stock nostr-relay do something: see :mod:`.stock`."""
        answer = run_stock(self.flavour, self.url, action, self.folder, given)
        return json.loads(answer)


def run_stock(
    flavour: str, url: str, action: str, folder: Path, given: Sequence[object] = ()
) -> str:
    script = Path(__file__).with_name("stock.py")
    done = subprocess.run(
        [sys.executable, str(script), flavour, url, action, str(folder)],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


async def empty_place(flavour: str, folder: Path, template: Path) -> Place:
    """A database without an event."""
    if flavour == "lmdb":
        return Place(flavour, str(folder / "lmdb"), folder)
    if flavour == "sqlite":
        shutil.copy(template, folder / "nostr.sqlite3")
        return Place(flavour, f"sqlite+aiosqlite:///{folder / 'nostr.sqlite3'}", folder)
    engine = create_async_engine(postgres())
    async with engine.begin() as connection:
        await connection.execute(sa.text("TRUNCATE events CASCADE"))
    await engine.dispose()
    return Place(flavour, postgres(), folder)


class Model(MemoryStore):
    """A store in memory that knows, as ours do, what to say first of an event that is both
    superseded and deleted, and that keeps of the past what is stored.
    """

    def known(self, event: FrozenEvent) -> Known | None:
        """What is known of an event."""
        if event.id in self._events:
            return Known.DUPLICATE
        address = address_of(event)
        stored = [each for each in self._events.values() if address_of(each) == address]
        if address and any(replaces(version, event) for version in stored):
            return Known.SUPERSEDED
        if any(each.covers(event) for each in self._deletions):
            return Known.DELETED
        return Known.DELETED if any(each.forbids(event) for each in self._vanished) else None

    async def vanish(self, vanishing: Vanishing) -> None:
        """The deletions are gone with the kind 5 that they were."""
        await super().vanish(vanishing)
        self._deletions = [
            each
            for each in self._deletions
            if each.author != vanishing.author or each.until > vanishing.until
        ]

    def ids(self) -> set[str]:
        """Of all that is stored."""
        return set(self._events)


async def walked(store: AnyStore | Model, wanted: Filter, page: int) -> list[FrozenEvent]:
    """All that a store has for a filter, page by page."""
    found: list[FrozenEvent] = []
    before = None
    while some := await store.page(wanted, before, page):
        assert len(some) <= page
        found += some
        before = Position.of(some[-1])
        if len(some) < page:
            break
    return found


DELETION = kinds.DELETION
VANISH = kinds.VANISH
GIFT_WRAP = kinds.GIFT_WRAP
