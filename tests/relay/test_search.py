"""``fts_enabled``: search (NIP-50) where nostr-relay has it, which is on LMDB."""

import asyncio
import contextlib
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from .client import Closed, asynchronous, connected
from .documented import Started, started
from .policies import POLICY
from .signing import Event, Key
from .test_settings import information

NOW = int(time.time())
LMDB = "nostr_relay.storage.kv.LMDBStorage"
ALL_KINDS = [0, 1, 4, 7, 1059, 5000, 30_023]


@contextlib.asynccontextmanager
async def searching(folder: Path, **configured: Any) -> AsyncIterator[Started]:
    """A relay on LMDB, with search unless the test says otherwise."""
    storage = {"class": LMDB, "path": str(folder / "lmdb"), "map_size": 1 << 28}
    given = {"fts_enabled": True, "storage": storage, "policy": POLICY, **configured}
    async with started(folder, **given) as relay:
        yield relay
        assert not re.search("could not be (served|answered)|could be indexed", relay.log())


@asynchronous
async def test_search_finds_what_is_stored_and_what_comes(tmp_path: Path) -> None:
    """Newest first, with the other members of the filter, up to the limit; live events likewise;
    and NIP-11 tells of it.
    """
    alice, bob = Key(), Key()

    def note(key: Key, content: str, seconds_ago: int) -> Event:
        return key.event(1, content, created_at=NOW - seconds_ago)

    old, new = note(alice, "A fox.", 20), note(alice, "the Foxes & the dog", 10)
    bobs, other = note(bob, "one fox, two dogs", 15), note(bob, "nothing", 5)
    async with searching(tmp_path) as relay, connected(relay.url) as client:
        told = await asyncio.to_thread(information, relay)
        assert 50 in told["supported_nips"]
        live = await client.subscribe({"search": "fox", "kinds": [1]})
        either = await client.subscribe({"search": "fox"}, {"authors": [bob.pubkey]})
        assert live.events == []
        await client.publish_all(old, other, new, bobs, alice.event(7, "fox"))
        for subscription, expected in (
            (live, [old, new, bobs]),
            (either, [old, other, new, bobs]),
        ):
            await client.until(lambda of=subscription: bobs["id"] in of.ids)
            assert subscription.events == expected
        assert await client.stored({"search": "fox"}) == [new, bobs, old]
        assert await client.stored({"search": "fox", "limit": 2}) == [new, bobs]
        assert await client.stored({"search": "dog fox"}) == [new, bobs]
        assert await client.stored({"search": "fox", "authors": [bob.pubkey]}) == [bobs]
        assert await client.stored({"search": "fox", "until": NOW - 15}) == [bobs, old]
        assert await client.stored({"search": "fox"}, {"ids": [other["id"]]}) == [
            other,
            new,
            bobs,
            old,
        ]
        assert await client.stored({"search": "wolf"}) == []
        assert await client.stored({"search": "fox", "kinds": [7]}) == []
        assert await client.count({"search": "fox"}) == 3
        assert len(await client.stored({"search": ""})) == 5
        for search, why in {
            "the": "invalid: there is no word to search for",
            "fox" * 400: "invalid: a value of search has 1200 bytes",
            " ".join(f"w{number}" for number in range(17)): "invalid: there are 17 words",
        }.items():
            with pytest.raises(Closed, match=why):
                await client.subscribe({"search": search})
            assert str(await client.count({"search": search})).startswith(why)


@asynchronous
async def test_search_tells_nothing_of_what_is_hidden(tmp_path: Path) -> None:
    """Whatever kinds the operator has searched: no hit, no number, no place under a limit."""
    author, friend = Key(), Key()
    to_friend = [["p", friend.pubkey]]
    public = [author.event(1, "secret fox", created_at=NOW - 100 * i) for i in range(3)]
    hidden = [
        author.event(kind, "secret fox", to_friend, created_at=NOW - i)
        for kind in (4, 1059, 5000)
        for i in range(10)
    ]
    asked: list[dict[str, Any]] = [
        {"search": "secret", **whose, **kinds, **limit}
        for whose in ({}, {"authors": [author.pubkey]}, {"#p": [friend.pubkey]})
        for kinds in ({}, {"kinds": [4, 1059, 1]}, {"kinds": [1, 5000]})
        for limit in ({}, {"limit": 2})
    ]
    asked.append({"search": "secret", "ids": [each["id"] for each in [*hidden, *public]]})
    async with searching(tmp_path, fts_kinds=ALL_KINDS) as relay, connected(relay.url) as writer:
        await writer.publish_all(*public)
        answers = []
        for new in ([], hidden):
            async with connected(relay.url) as nobody, connected(relay.url, Key()) as stranger:
                live = await nobody.subscribe({"search": "secret"}, {"search": "fox"})
                await writer.publish_all(*new)
                answers.append(
                    [
                        (await client.stored(wanted), await client.count(wanted))
                        for client in (nobody, stranger)
                        for wanted in asked
                    ]
                )
                assert live.events == public
        assert answers[0] == answers[1]
        assert answers[0][1] == (public[:2], 3)
        async with connected(relay.url, friend) as party:
            found = await party.stored({"search": "secret fox", "kinds": [4, 1059]})
            assert {each["id"] for each in found} == {each["id"] for each in hidden[:20]}
            assert await party.count({"search": "secret", "kinds": [4]}) == 10


@asynchronous
async def test_what_is_gone_is_not_found(tmp_path: Path) -> None:
    """Deleted, replaced or vanished; and what was never taken."""
    key, gone = Key(), Key()
    async with searching(tmp_path) as relay, connected(relay.url) as client:
        old, new = (
            key.event(0, f'{{"name": "{name}"}}', created_at=NOW - ago)
            for name, ago in (("fox", 20), ("dog", 10))
        )
        note, theirs = key.event(1, "a fox"), gone.event(1, "a fox")
        await client.publish_all(old, note, theirs)
        found = await client.stored_ids({"search": "fox"})
        assert found == {old["id"], note["id"], theirs["id"]}
        await client.publish_all(new)
        assert await client.stored_ids({"search": "fox"}) == {note["id"], theirs["id"]}
        assert await client.stored({"search": "dog"}) == [new]
        await client.publish_all(key.event(5, "", [["e", note["id"]]]))
        assert await client.stored({"search": "fox"}) == [theirs]
        await client.publish_all(gone.event(62, "", [["relay", "ALL_RELAYS"]]))
        assert await client.stored({"search": "fox"}) == []
        assert await client.count({"search": "fox"}) == 0
        forged = {**key.event(1, "a wolf"), "content": "a fox"}
        assert not (await client.publish(forged))[0]
        assert await client.stored({"search": "fox"}) == []


@asynchronous
async def test_off_it_is_refused_and_on_all_is_found(tmp_path: Path) -> None:
    """What was stored while it was off is indexed after the start; ``fts_index_path`` is not
    needed.
    """
    note = Key().event(1, "a fox")
    async with searching(tmp_path, fts_enabled=False) as relay, connected(relay.url) as client:
        await client.publish_all(note)
        await _refused(relay, client)
    elsewhere = tmp_path / "fts"
    async with searching(tmp_path, fts_index_path=str(elsewhere)) as relay:
        await relay.until(lambda: "1 events were indexed" in relay.log())
        async with connected(relay.url) as client:
            assert await client.stored({"search": "fox"}) == [note]
    assert not elsewhere.exists()


async def _refused(relay: Started, client: Any) -> None:
    for filters in ([{"search": "fox"}], [{"kinds": [1]}, {"search": "fox"}]):
        with pytest.raises(Closed, match="invalid: there is no search here"):
            await client.subscribe(*filters)
        assert await client.count(*filters) == "invalid: there is no search here"
    told = await asyncio.to_thread(information, relay)
    assert 50 not in told["supported_nips"]


@asynchronous
async def test_sql_has_no_search(tmp_path: Path) -> None:
    """As nostr-relay itself has none there, although it says so."""
    async with started(tmp_path, fts_enabled=True) as relay, connected(relay.url) as client:
        await client.publish_all(Key().event(1, "a fox"))
        await _refused(relay, client)
        assert "fts_enabled: there is search on LMDB alone" in relay.log()


@asynchronous
async def test_workers_share_the_index(tmp_path: Path) -> None:
    """What one has taken, all find; also those who have subscribed to a search."""
    key = Key()
    async with (
        searching(tmp_path, server="gunicorn") as relay,
        contextlib.AsyncExitStack() as all_,
    ):
        clients = [await all_.enter_async_context(connected(relay.url)) for _ in range(8)]
        live = [(each, await each.subscribe({"search": "fox"})) for each in clients]
        notes = [key.event(1, f"fox {number}") for number in range(8)]
        for client, note in zip(clients, notes, strict=True):
            await client.publish_all(note)
        ids = {note["id"] for note in notes}
        for client, subscription in live:
            await client.until(lambda of=subscription: of.ids == ids)
            assert await client.stored_ids({"search": "fox"}) == ids


@pytest.mark.parametrize("kinds", [1, ["1"], [70_000], "notes"])
@asynchronous
async def test_wrong_kinds_are_told(tmp_path: Path, kinds: Any) -> None:
    """And the relay does not start."""
    with pytest.raises(AssertionError) as caught:
        async with searching(tmp_path, fts_kinds=kinds):
            pytest.fail("it has started")
    assert f"fts_kinds: {kinds!r} is not a list of kinds, such as [0, 1]" in str(caught.value)


@pytest.mark.heavy
def test_that_whoosh_is_missing_is_told(tmp_path: Path) -> None:
    """Where search is on: it is not needed otherwise."""
    script = (
        "import sys; sys.modules['whoosh'] = None\n"
        "from orly_policy_plugin.hosts.nostr_relay import create_app\n"
        "create_app('relay.yaml', policy='policy.json')"
    )
    (tmp_path / "policy.json").write_text("{}")
    for on in (True, False):
        storage = {"class": LMDB, "path": str(tmp_path / "lmdb")}
        settings = {"fts_enabled": on, "storage": storage}
        (tmp_path / "relay.yaml").write_text(yaml.safe_dump(settings))
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        says = "PolicyError: fts_enabled: search needs Whoosh (pip install Whoosh)"
        assert (done.returncode != 0, says in done.stderr) == (on, on), done.stderr
