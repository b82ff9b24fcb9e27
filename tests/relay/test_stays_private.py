"""A hostile reader: injections, web pages, tampered storage. Private events stay private."""

import contextlib
import json
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import lmdb
import msgpack
import pytest

from .client import Closed, asynchronous, connected
from .process import Relay
from .signing import Event, Key

SELECT = "SELECT id, created_at, 1, pubkey, tags, sig, content FROM events"
INJECTIONS: list[dict[str, Any]] = [
    {"#'": ["x"]},
    {"#'": [f") UNION {SELECT} --"]},
    {"#'": [f")) UNION {SELECT} --"]},
    {'#"': ["x"]},
    {"#;": ["x"]},
    {"#\\": ["x"]},
    {"#\0": ["x"]},
    {"#\n": ["x"]},
    {"#%": ["x"]},
    {"#:": ["x"]},
    {"#?": ["x"]},
    {"#)": [f"))) OR 1=1 UNION {SELECT} --"]},
    {"#": ["x"]},
    {"##": ["x"]},
    {"#1": ["x"]},
    {"#_": ["x"]},
    {"#-": ["x"]},
    {"#ß": ["x"]},
    {"#\u0131": ["x"]},
    {"#\u02bc": ["x"]},
    {"#\uff07": ["x"]},
    {"#\u0397": ["x"]},
    {"#\U0001f600": ["x"]},
    {"#e\u0301": ["x"]},
    {"#p'": ["x"]},
    {"#p ": ["x"]},
    {"#pp": ["x"]},
    {"#p": [f"x') UNION {SELECT} --"]},
    {"#p": [f"x')) UNION {SELECT} --"]},
    {"#p": ["x\\') OR 1=1 --"]},
    {"#p": ["x'') OR 1=1 --"]},
    {"#p": ["x\\", ") OR 1=1 --"]},
    {"#p": {"x'": 1}},
    {"tags": [["'", [f") UNION {SELECT} --"]]]},
    {"tags": [["p') OR 1=1 --", ["x"]]]},
    {"tags": "p"},
    {"tags": {"p": 1}, "#p": ["x"]},
    {"ids": ["x') OR 1=1 --"]},
    {"ids": ["ab" * 32 + "') OR 1=1 --"]},
    {"ids": ["ab" * 31 + "a%"]},
    {"authors": ["ab" * 32, "') OR 1=1 --"]},
    {"authors": ["%"]},
    {"kinds": ["1) OR 1=1 --"]},
    {"kinds": ["4"]},
    {"kinds": [1], "limit": "1 UNION SELECT 1"},
    {"kinds": [1], "since": "0 OR 1=1"},
    {"search": "') OR 1=1 --"},
    {"search": f"') UNION {SELECT} --"},
    {"search": "kind:4"},
    {"ids": None, "authors": None, "kinds": [1]},
]


@pytest.mark.parametrize("more", [{}, {"kinds": [1]}, {"kinds": [4, 1]}], ids=["", "1", "4"])
@asynchronous
async def test_injection_gives_nothing_away(relay: Relay, more: dict[str, Any]) -> None:
    """RELAYS.md (12): whatever a filter says, no private event comes, under no kind."""
    author = Key()
    secret = author.event(4, "the secret", [["p", Key().pubkey]])
    async with connected(relay.url, author) as writer:
        await writer.publish_all(secret)
    async with connected(relay.url) as nobody, connected(relay.url, Key()) as third:
        for client in (nobody, third):
            for injection in INJECTIONS:
                for filters in ([{**more, **injection}], [{"kinds": [1]}, {**more, **injection}]):
                    events = []
                    with contextlib.suppress(Closed):
                        events = await client.stored(*filters)
                    assert all(event["content"] != "the secret" for event in events), filters
                    assert all(event["kind"] not in (4, 1059) for event in events), filters
            assert "the secret" not in json.dumps(client.messages)


@pytest.mark.parametrize(
    "name", [name for injection in INJECTIONS for name in injection if name.startswith("#")]
)
@asynchronous
async def test_tag_filter_of_no_letter_is_closed(relay: Relay, name: str) -> None:
    """Only ``#`` and one ASCII letter are taken."""
    async with connected(relay.url) as client:
        if name == "#p":
            await client.subscribe({name: ["x"]})
        else:
            with pytest.raises(Closed, match=r"^invalid: a tag filter is # and one letter"):
                await client.subscribe({name: ["x"]})


def page(relay: Relay, path: str, method: str = "GET", accept: str = "*/*") -> tuple[int, str]:
    """A web page's status and text."""
    request = urllib.request.Request(relay.http + path, method=method, headers={"Accept": accept})
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@asynchronous
async def test_event_page_shows_what_anybody_may_read(nostr_relay: Relay) -> None:
    """``/e/<id>``: a public event; 404 for a private one, and the same 404 for none."""
    key = Key()
    public, private = key.event(1, "public"), key.event(4, "private")
    members, gift = key.event(5000, "for members"), key.event(1059, "gift")
    async with connected(nostr_relay.url, key) as client:
        await client.publish_all(public, private, members, gift)
    status, text = page(nostr_relay, f"/e/{public['id']}")
    assert (status, json.loads(text)) == (200, public)
    none = page(nostr_relay, f"/e/{'ab' * 32}")
    assert none[0] == 404
    for event in (private, members, gift):
        for path in (f"/e/{event['id']}", f"/e/{event['id'].upper()}", f"/e/%20{event['id']}"):
            for method in ("GET", "HEAD", "POST", "OPTIONS"):
                status, text = page(nostr_relay, path, method)
                assert status >= 400 or method == "OPTIONS"
                assert event["content"] not in text
        assert page(nostr_relay, f"/e/{event['id']}") == none


@pytest.mark.parametrize(
    "event_id", ["zz", "", "ab", "ab" * 31, "ab" * 33, "ab" * 400, "%00", "'", "%27", "é", "../e"]
)
def test_event_page_of_no_id_is_404(nostr_relay: Relay, event_id: str) -> None:
    """A bad id is no fault of ours."""
    assert page(nostr_relay, "/e/" + urllib.request.quote(event_id, safe="%/."))[0] == 404


@asynchronous
async def test_other_pages_tell_nothing(nostr_relay: Relay) -> None:
    """No statistics, no names, and the relay's description has nothing of the policy."""
    key = Key()
    private = key.event(4, "private")
    kind0 = key.event(0, json.dumps({"nip05": "me@127.0.0.1"}))
    async with connected(nostr_relay.url, key) as client:
        await client.publish_all(private, kind0)
    for path in ("/stats/", "/stats", "/stats/x", "/e/", "/e", "/metrics", "/events"):
        assert page(nostr_relay, path)[0] == 404
    for name in ("", "?name=me", "?name=%27%20OR%201=1", "?name=_"):
        status, text = page(nostr_relay, f"/.well-known/nostr.json{name}")
        assert (status, json.loads(text)) == (200, {"names": {}, "relays": {}})
    _, text = page(nostr_relay, "/", accept="application/nostr+json")
    assert 42 in json.loads(text)["supported_nips"]
    assert "policy.json" not in text
    assert key.pubkey not in text


def tamper(relay: Relay, event: Event, change: Callable[[dict[str, Any]], None]) -> None:
    """Change an event in the database, past the relay."""
    fields = {**event}
    change(fields)
    if relay.storage == "sqlite":
        with sqlite3.connect(relay.data / "events.sqlite3", timeout=20) as database:
            database.execute(
                "UPDATE events SET kind = ?, content = ?, tags = ?, pubkey = ? WHERE id = ?",
                (
                    fields["kind"],
                    fields["content"],
                    json.dumps(fields["tags"]),
                    bytes.fromhex(fields["pubkey"]),
                    bytes.fromhex(event["id"]),
                ),
            )
        database.close()
        return
    key = b"\x00" + bytes.fromhex(event["id"])
    row = (
        1,
        bytes.fromhex(event["id"]),
        fields["created_at"],
        fields["kind"],
        bytes.fromhex(fields["pubkey"]),
        fields["content"],
        fields["tags"],
        bytes.fromhex(fields["sig"]),
    )
    with (
        lmdb.open(str(relay.data / "events.lmdb"), map_size=2**30) as database,
        database.begin(write=True) as transaction,
    ):
        assert transaction.put(key, msgpack.packb(row, use_bin_type=True))


TAMPERINGS: dict[str, Callable[[Key, dict[str, Any]], None]] = {
    "kind": lambda _, event: event.update(kind=1),
    "content": lambda _, event: event.update(content="changed"),
    "tags": lambda reader, event: event.update(tags=[["p", reader.pubkey]]),
    "author": lambda reader, event: event.update(pubkey=reader.pubkey),
}


@pytest.mark.parametrize("change", TAMPERINGS.values(), ids=TAMPERINGS)
@asynchronous
async def test_tampered_event_is_not_handed_out(
    nostr_relay: Relay, change: Callable[[Key, dict[str, Any]], None]
) -> None:
    """A stored event whose fields are not what its id says is nobody's, on no way."""
    author, reader = Key(), Key()
    secret = author.event(4, "secret", [["p", author.pubkey]])
    async with connected(nostr_relay.url, author) as client:
        await client.publish_all(secret)
        assert await client.stored({"ids": [secret["id"]]}) == [secret]
        tamper(nostr_relay, secret, lambda event: change(reader, event))
        assert await client.stored({"ids": [secret["id"]]}) == []
    async with connected(nostr_relay.url, reader) as client:
        assert await client.stored({"ids": [secret["id"]]}) == []
    assert page(nostr_relay, f"/e/{secret['id']}")[0] == 404
