"""Databases that monstr makes, and what it does with them."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from monstr.event.event import Event as TheirEvent
from monstr.event.persist_sqlite import ARelaySQLiteEventStore
from relay.signing import hash_of

from orly_policy_hookspecs.nip01 import FrozenEvent
from orly_policy_plugin.hosts.monstr.store import DeletingStore, MonstrStore

URL = "wss://relay.example"


async def made(folder: Path, **options: Any) -> ARelaySQLiteEventStore:
    """A new database, as monstr makes it."""
    store = ARelaySQLiteEventStore(str(folder / "monstr.sqlite3"), **options)
    await store.create()
    return store


@contextlib.asynccontextmanager
async def opened(
    store: ARelaySQLiteEventStore, kind: type[MonstrStore] = DeletingStore
) -> AsyncIterator[Any]:
    """Ours on that database."""
    ours = await kind.open(Path(store.DB.file), [URL])
    try:
        yield ours
    finally:
        await ours.close()


async def as_monstr(store: ARelaySQLiteEventStore, *events: dict[str, Any]) -> None:
    """Have monstr store events as it does for a client: it looks at no type."""
    for event in events:
        await store.add_event(TheirEvent.load(event))


def event(
    author: str,
    created_at: int = 1,
    kind: int = 1,
    tags: Sequence[Sequence[str]] = (),
    content: str = "",
) -> FrozenEvent:
    """An event with the right id; nobody verifies its signature here."""
    fields = {
        "pubkey": author,
        "created_at": created_at,
        "kind": kind,
        "tags": [list(tag) for tag in tags],
        "content": content,
    }
    return FrozenEvent.of_json({**fields, "id": hash_of(fields), "sig": "ab" * 64})
