"""Events that a relay has stored: in a nostr-relay's database, or asked for over the network."""

import asyncio
import json
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import attrs
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from orly_policy_hookspecs.nip01 import Filter, FrozenEvent, MalformedEvent, Position, read_event
from orly_policy_plugin.cli.showing import UnusableInput
from orly_policy_plugin.hosts.upstream.paging import Answers, Pager

_PAGE: Final = 500
_TIMEOUT_SECONDS: Final = 30.0
_MOST_MESSAGE_BYTES: Final = 16 * 1024 * 1024
_EXTRA: Final = "to read a nostr-relay's database, install the extra nostr-relay"

Page = Callable[[Filter, Position | None, int], Awaitable[Sequence[FrozenEvent]]]


# --- a nostr-relay's database


def events_of_configuration(path: Path) -> Iterator[FrozenEvent]:
    """The events in the database that a configuration of nostr-relay names. Nothing is changed.

    :raises UnusableInput: it cannot be read.
    """
    storage = _storage(path)
    url = storage.get("sqlalchemy.url")
    if "path" in storage and not url:
        yield from _paged(lambda: _of_lmdb(str(storage["path"])), path)
    elif isinstance(url, str) and url.startswith("sqlite"):
        yield from _of_sqlite(url, path)
    elif isinstance(url, str):
        yield from _paged(lambda: _of_sql(url), path)
    else:
        raise UnusableInput([f"{path}: storage names neither a sqlalchemy.url nor a path"])


def _storage(path: Path) -> Mapping[str, Any]:
    try:
        import yaml
    except ImportError:
        raise UnusableInput([_EXTRA]) from None
    try:
        with path.open("rb") as file:
            value = yaml.safe_load(file.read(_MOST_MESSAGE_BYTES))
    except OSError as error:
        raise UnusableInput([f"{path}: {error.strerror or error}"]) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UnusableInput(
            [f"{path}: this is not YAML: {' '.join(str(error).split())}"]
        ) from error
    storage = value.get("storage") if isinstance(value, dict) else None
    if not isinstance(storage, dict):
        raise UnusableInput([f"{path}: there is no section 'storage' as nostr-relay has it"])
    return storage


def _of_sqlite(url: str, named_in: Path) -> Iterator[FrozenEvent]:
    rows = _imported()
    file = Path(url.partition(":///")[2].partition("?")[0])
    try:
        database = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)
        try:
            query = f"SELECT {rows.COLUMNS} FROM events AS e"  # noqa: S608 -- ours alone
            yield from map(rows.event_of, database.execute(query))
        finally:
            database.close()
    except sqlite3.Error as error:
        raise UnusableInput([f"{file} (of {named_in}): {error}"]) from error


def _imported() -> Any:
    try:
        from orly_policy_plugin.hosts.nostr_relay.sql import rows
    except ImportError:
        raise UnusableInput([_EXTRA]) from None
    return rows


async def _of_sql(url: str) -> AsyncIterator[FrozenEvent]:
    from orly_policy_plugin.hosts.nostr_relay.sql.databases import database_at
    from orly_policy_plugin.hosts.nostr_relay.sql.store import SQLStore

    store = SQLStore(database_at(url, {}), ())
    try:
        async for event in _all(store.page):
            yield event
    finally:
        await store.close()


async def _of_lmdb(path: str) -> AsyncIterator[FrozenEvent]:
    import lmdb

    from orly_policy_plugin.hosts.nostr_relay.lmdb import LMDBStore

    with lmdb.open(path, readonly=True, create=False) as environment:
        store = LMDBStore(environment, ())
        try:
            async for event in _all(store.page):
                yield event
        finally:
            await store.close()


async def _all(page: Page) -> AsyncIterator[FrozenEvent]:
    """All events of a store, newest first."""
    before: Position | None = None
    while events := await page(Filter(), before, _PAGE):
        for event in events:
            yield event
        before = Position.of(events[-1])


def _paged(
    events: Callable[[], AsyncIterator[FrozenEvent]], named_in: Path
) -> Iterator[FrozenEvent]:
    """What an asynchronous store gives, one after the other."""
    with asyncio.Runner() as runner:
        try:
            coming = events()
            while some := runner.run(_some(coming)):
                yield from some
        except ImportError:
            raise UnusableInput([_EXTRA]) from None
        except Exception as error:
            said = " ".join(str(error).split()) or type(error).__name__
            raise UnusableInput([f"the database that {named_in} names: {said}"]) from error


async def _some(coming: AsyncIterator[FrozenEvent]) -> list[FrozenEvent]:
    found: list[FrozenEvent] = []
    async for event in coming:
        found.append(event)
        if len(found) == _PAGE:
            break
    return found


# --- a relay over the network


def events_of_relay(url: str) -> Iterator[FrozenEvent]:
    """The events that a relay gives whoever asks, newest first.

    :raises UnusableInput: it cannot be reached, or does not answer.
    """
    try:
        with connect(
            url, open_timeout=_TIMEOUT_SECONDS, close_timeout=1, max_size=_MOST_MESSAGE_BYTES
        ) as socket:
            yield from _Asking(socket).events()
    except TimeoutError:
        raise UnusableInput([f"{url}: no answer within {_TIMEOUT_SECONDS:g} s"]) from None
    except (OSError, EOFError, ValueError, WebSocketException) as error:
        said = error.strerror if isinstance(error, OSError) else ""
        raise UnusableInput([f"{url}: {said or ' '.join(str(error).split())}"]) from error


@attrs.define
class _Asking:
    socket: ClientConnection
    name: int = 0

    def events(self) -> Iterator[FrozenEvent]:
        answers, before = Answers(_PAGE), None
        while True:
            pager = Pager(answers, Filter(), before, _PAGE)
            while not pager.is_over:
                found, number = self._answer(pager.question)
                pager.come(found)
                pager.end_of_answer(number)
            answers = pager.answers
            page = pager.rest
            yield from page
            if not page:
                return
            before = Position.of(page[-1])

    def _answer(self, wanted: Filter) -> tuple[list[FrozenEvent], int]:
        """The events of one REQ, and the number of all that came.

        :raises ValueError: the relay refuses to answer.
        """
        self.name += 1
        name = f"replay-{self.name}"
        asked = {"until": wanted.until, "limit": wanted.limit}
        members = {key: value for key, value in asked.items() if value is not None}
        self.socket.send(json.dumps(["REQ", name, members]))
        deadline = time.monotonic() + _TIMEOUT_SECONDS
        found: list[FrozenEvent] = []
        number = 0
        while True:
            text = self.socket.recv(timeout=max(0.0, deadline - time.monotonic()))
            try:
                message = json.loads(text)
            except RecursionError as error:
                raise ValueError("it sends what is no message") from error
            match message:
                case ["EVENT", str(of), event] if of == name:
                    number += 1
                    found += _genuine(event)
                case ["EOSE", str(of)] if of == name:
                    self.socket.send(json.dumps(["CLOSE", name]))
                    return found, number
                case ["CLOSED", str(of), *why] if of == name:
                    raise ValueError(f"it does not answer: {why[0] if why else 'no reason given'}")


def _genuine(value: object) -> list[FrozenEvent]:
    try:
        return [read_event(value)]
    except MalformedEvent:
        return []


def is_relay_url(url: str) -> bool:
    """Whether a text is the URL of a relay."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("ws", "wss") and bool(parts.hostname)
