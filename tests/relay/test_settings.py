"""nostr-relay's YAML settings keep their meaning: a test for each row of the table in
docs/relays.md that a client can see; of ``fts_enabled`` in ``test_search.py``.
"""

import asyncio
import json
import sqlite3
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import websockets

from .client import Closed, asynchronous, connected
from .documented import Started, started
from .signing import Key

RULES = """
from nostr_relay.errors import StorageError

def no_cats(event, config):
    if "cat" in event.content:
        raise StorageError(f"rejected: no cats, {config.relay_name}")

def no_dogs(event, context):
    return "dog" not in event.content or context["auth_token"].get("pubkey") == event.pubkey
"""


@asynchronous
async def test_validators_and_the_output_validator_are_asked(tmp_path: Path) -> None:
    """nostr-relay's own by their settings, and the operator's."""
    (tmp_path / "rules.py").write_text(RULES)
    validators = [
        "nostr_relay.validators.is_signed",
        "nostr_relay.validators.is_not_hellthread",
        "rules.no_cats",
    ]
    configured = {
        "relay_name": "Rex",
        "storage": {"validators": validators},
        "output_validator": "rules.no_dogs",
        "hellthread_limit": 2,
    }
    key = Key()
    async with started(tmp_path, **configured) as relay:  # noqa: SIM117
        async with connected(relay.url) as client, connected(relay.url, key) as author:
            assert await client.publish(key.event(1, "a cat")) == (False, "blocked: no cats, Rex")
            crowd = key.event(1, tags=[["p", Key().pubkey] for _ in range(3)])
            assert (await client.publish(crowd))[1].startswith("blocked: too many 'p' tags")
            live = await client.subscribe({"kinds": [1]})
            await client.publish_all(dog := key.event(1, "a dog"), bird := key.event(1, "a bird"))
            assert await client.stored_ids({}) == {bird["id"]}
            assert await client.count({}) == 1
            assert await author.stored_ids({}) == {bird["id"], dog["id"]}
            await client.until(lambda: bird["id"] in live.ids)
            assert dog["id"] not in live.ids


@asynchronous
async def test_limits_are_what_the_file_says(tmp_path: Path) -> None:
    """``max_limit``, ``subscription_limit``, the section ``session``; told in NIP-11."""
    key = Key()
    configured = {"max_limit": 3, "subscription_limit": 2, "session": {"filters": 1}}
    async with started(tmp_path, **configured) as relay, connected(relay.url) as client:
        await client.publish_all(*(key.event(1, f"{number}") for number in range(5)))
        assert len(await client.stored({})) == 3
        assert len(await client.stored({"limit": 10})) == 3
        with pytest.raises(Closed, match="there are 2 filters, 1 to 1 may be"):
            await client.subscribe({}, {})
        await client.subscribe({}, name="a")
        await client.subscribe({}, name="b")
        with pytest.raises(Closed, match="at most 2 subscriptions"):
            await client.subscribe({}, name="c")
        told = await asyncio.to_thread(information, relay)
        assert told["limitation"]["max_limit"] == 3
        assert told["limitation"]["max_subscriptions"] == 2


def information(relay: Started) -> Any:
    """The document of NIP-11."""
    url = relay.url.replace("ws:", "http:")
    request = urllib.request.Request(url, headers={"Accept": "application/nostr+json"})
    with urllib.request.urlopen(request, timeout=20) as response:
        assert response.headers["Content-Type"] == "application/nostr+json"
        return json.load(response)


@asynchronous
async def test_roles_say_who_may_save_and_query(tmp_path: Path) -> None:
    """``authentication.enabled`` and ``actions``: here writers write, and whoever has a role
    reads.
    """
    authentication = {"enabled": True, "actions": {"save": "w", "query": "rw"}}
    writer, reader, nobody = Key(), Key(), Key()
    async with started(tmp_path, authentication=authentication) as relay:
        roles = {writer: "w", reader: "r"}
        for key, role in roles.items():
            await asyncio.to_thread(give_role, tmp_path, key.pubkey, role)
        note = writer.event(1)
        async with (
            connected(relay.url) as anonymous,
            connected(relay.url, nobody) as stranger,
            connected(relay.url, writer) as writing,
            connected(relay.url, reader) as reading,
        ):
            for client in (anonymous, stranger, reading):
                assert await client.publish(note) == (False, "restricted: permission denied")
            await writing.publish_all(note)
            assert await reading.stored({}) == [note]
            assert await writing.stored({}) == [note]
            assert await anonymous.stored({}) == []
            assert await stranger.count({}) == 0


def give_role(folder: Path, pubkey: str, role: str) -> None:
    """As nostr-relay's command does."""
    with sqlite3.connect(folder / "events.sqlite3", timeout=20) as database:
        database.execute(
            "INSERT INTO auth (pubkey, roles, created) VALUES (?, ?, '2026-01-01 00:00:00')",
            (pubkey, role),
        )
    database.close()


@asynchronous
async def test_messages_are_limited(tmp_path: Path) -> None:
    """``rate_limits``: an EVENT is answered OK false, a REQ CLOSED; the connection goes on."""
    key = Key()
    limits = {"ip": {"EVENT": "2/hour", "REQ": "1/hour"}}
    async with started(tmp_path, rate_limits=limits) as relay, connected(relay.url) as client:
        await client.publish_all(key.event(1, "1"), key.event(1, "2"))
        assert await client.publish(key.event(1, "3")) == (False, "rate-limited: slow down")
        assert len(await client.stored({})) == 2
        with pytest.raises(Closed, match="rate-limited: slow down"):
            await client.subscribe({})
        assert await client.count({}) == 2


@asynchronous
async def test_origins_are_refused(tmp_path: Path) -> None:
    """``origin_blacklist``."""
    async with started(tmp_path, origin_blacklist=["https://bad.example"]) as relay:
        with pytest.raises(websockets.InvalidStatus):
            await websockets.connect(relay.url, origin="https://bad.example")  # type: ignore[arg-type]
        async with connected(relay.url, origin="https://good.example") as client:
            assert await client.stored({}) == []


@asynchronous
async def test_who_says_nothing_is_sent_away(tmp_path: Path) -> None:
    """``message_timeout``, in seconds."""
    async with started(tmp_path, message_timeout=0.3) as relay, connected(relay.url) as client:
        await client.until_gone()
        assert client.socket.close_code == 1013


@asynchronous
async def test_what_has_expired_is_collected(tmp_path: Path) -> None:
    """``garbage_collector``: by the number, not by the text."""
    key = Key()
    late = key.event(1, tags=[["expiration", "10000000000"]])
    configured = {"garbage_collector": {"collect_interval": 1}}
    async with started(tmp_path, **configured) as relay, connected(relay.url) as client:
        soon = key.event(1, tags=[["expiration", str(int(time.time()) + 3)]])
        await client.publish_all(soon, late)
        await relay.until(lambda: stored(tmp_path) == {late["id"]})


def stored(folder: Path) -> set[str]:
    """What is in the database."""
    with sqlite3.connect(folder / "events.sqlite3", timeout=20) as database:
        rows = database.execute("SELECT id FROM events").fetchall()
    database.close()
    return {event_id.hex() for (event_id,) in rows}


@asynchronous
async def test_the_home_page_is_somewhere_else(tmp_path: Path) -> None:
    """``redirect_homepage``."""

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: Any, **__: Any) -> None:
            return None

    def location(relay: Started) -> str:
        opener = urllib.request.build_opener(Stay)
        with pytest.raises(urllib.error.HTTPError) as caught:
            opener.open(relay.url.replace("ws:", "http:"), timeout=20)
        caught.value.close()
        return str(caught.value.headers["Location"])

    async with started(tmp_path, redirect_homepage="https://relay.example/") as relay:
        assert await asyncio.to_thread(location, relay) == "https://relay.example/"


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ({"filter": 1}, "session.filter: there is no such setting; did you mean 'filters'?"),
        ({"filters": 0}, "session.filters: 0 is not a number above 0"),
        ({"filters": "many"}, "session.filters: 'many' is not a number above 0"),
    ],
)
@asynchronous
async def test_a_wrong_setting_is_told(tmp_path: Path, section: Any, says: str) -> None:
    """And the relay does not start."""
    with pytest.raises(AssertionError) as caught:
        async with started(tmp_path, session=section):
            pytest.fail("it has started")
    assert says in str(caught.value)
