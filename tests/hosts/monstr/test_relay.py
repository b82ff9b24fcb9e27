"""A program of monstr's behind the policy: its rules, its pages, its start and end."""

import asyncio
import contextlib
import json
import socket
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import websockets
from aiohttp import web
from monstr.event.event import Event as TheirEvent
from monstr.event.persist import DeleteMode
from monstr.event.persist_memory import RelayMemoryEventStore
from monstr.event.persist_sqlite import ARelaySQLiteEventStore
from monstr.relay.accept_handlers import (
    AcceptReqHandler,
    AuthenticatedAcceptor,
    CreateAtAcceptor,
    LengthAcceptReqHandler,
    ORAcceptor,
    RestrictDM,
    SubscriptionFilter,
)
from monstr.relay.exceptions import NostrCommandException
from monstr.relay.relay import event_route, filter_route, view_profile_route
from relay.client import SECONDS, Closed, asynchronous, connected
from relay.policies import OUTCAST, POLICY
from relay.signing import Key

from orly_policy_hookspecs import Context, Decision, Event, hookimpl
from orly_policy_plugin.errors import PolicyError
from orly_policy_plugin.hosts.listening import listen_on
from orly_policy_plugin.hosts.memory import MemoryStore
from orly_policy_plugin.hosts.monstr import PolicyRelay
from orly_policy_plugin.policy import InvalidPolicy

from .places import made

OPEN: dict[str, Any] = {"default_policy": "allow"}


@contextlib.asynccontextmanager
async def serving(
    folder: Path, policy: Any = OPEN, store: Any = None, *plugins: object, **options: Any
) -> AsyncIterator[PolicyRelay]:
    """A relay as an operator's program has it, with monstr's pages."""
    path = folder / "policy.json"
    path.write_text(json.dumps(policy))
    with listen_on("127.0.0.1", 0) as listening:
        url = f"ws://127.0.0.1:{listening.getsockname()[1]}/"
        kept = store if store is not None else await made(folder)
        relay = PolicyRelay(kept, path, relay_urls=[url], **options)
        for plugin in plugins:
            relay.gate.register(plugin)
        routes = [
            web.get("/e", event_route(relay)),
            web.get("/req", filter_route(relay)),
            web.get("/profile", view_profile_route(relay)),
        ]
        await relay.start(sock=listening, routes=routes, block=False)
        assert relay.url == url
        try:
            yield relay
        finally:
            await relay.end_background()
            assert not relay.started


async def page(relay: PolicyRelay, path: str, **headers: str) -> str:
    """What a browser gets."""
    address = relay.url.replace("ws://", "http://").rstrip("/") + path
    request = urllib.request.Request(address, headers=headers)

    def got() -> str:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.read().decode()

    return await asyncio.to_thread(got)


# --- monstr's rules


@asynchronous
async def test_its_acceptors_are_asked_besides_the_policy(tmp_path: Path) -> None:
    """Either refuses, and the client is told why."""
    acceptors = [LengthAcceptReqHandler(max=10), CreateAtAcceptor(max_after=60)]
    async with (
        serving(tmp_path, POLICY, accept_req_handler=acceptors) as relay,
        connected(relay.url) as client,
    ):
        assert await client.publish(Key().event(1, "short")) == (True, "")
        accepted, message = await client.publish(Key().event(1, "far too long"))
        assert (accepted, message[:24]) == (False, "blocked: content > accep")
        accepted, message = await client.publish(Key().event(1, "x", created_at=2**31))
        assert (accepted, message[:25]) == (False, "blocked: event time is to")
        accepted, message = await client.publish(Key().event(666, "x"))
        assert (accepted, message[:8]) == (False, "blocked:")


@asynchronous
async def test_an_acceptor_sees_who_has_authenticated(tmp_path: Path) -> None:
    """On the websocket, where monstr has it; several keys, too."""
    first, second, third = Key(), Key(), Key()
    acceptor = ORAcceptor([AuthenticatedAcceptor([first.pubkey, second.pubkey])])
    async with (
        serving(tmp_path, accept_req_handler=acceptor) as relay,
        connected(relay.url) as client,
    ):
        accepted, message = await client.publish(first.event())
        assert (accepted, message[:14]) == (False, "auth-required:")
        for key in (first, second, third):
            assert (await client.authenticate(key))[0]
        for key in (first, second):
            assert await client.publish(key.event()) == (True, "")
        accepted, message = await client.publish(third.event())
        assert (accepted, message[:11]) == (False, "restricted:")


class _Odd(AcceptReqHandler):
    def accept_post(self, ws: Any, evt: TheirEvent) -> None:
        if evt.content == "known":
            raise NostrCommandException.event_already_exists(evt.id)
        if evt.content == "fault":
            raise RuntimeError("secret")
        AcceptReqHandler(descriptive_msg=False).raise_err(evt, "not said")


@asynchronous
async def test_whatever_an_acceptor_raises(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A fault of it refuses, and is in the log alone. In monstr it ends the connection."""
    async with (
        serving(tmp_path, accept_req_handler=_Odd()) as relay,
        connected(relay.url) as client,
    ):
        assert await client.publish(known := Key().event(1, "known")) == (True, "")
        assert await client.stored({"ids": [known["id"]]}) == []
        accepted, message = await client.publish(Key().event(1, "other"))
        assert (accepted, message) == (False, "blocked: post not accepted")
        accepted, message = await client.publish(Key().event(1, "fault"))
        assert (accepted, message) == (False, "error: the relay's own rules failed")
        await relay.store.add_event(TheirEvent.load(own := Key().event(1, "fault")))
        assert await client.stored({"ids": [own["id"]]}) == [own]
    assert "RuntimeError: secret" in caplog.text


class _Hiding(SubscriptionFilter):
    def __init__(self, word: str) -> None:
        super().__init__()
        self.word = word

    def send_event(self, ws: Any, sub: Any, evt: dict[str, Any]) -> bool:
        if evt["content"] == "fault":
            raise RuntimeError("secret")
        return self.word not in evt["content"]


@asynchronous
async def test_each_of_its_filters_is_heeded(tmp_path: Path) -> None:
    """By stored events, live ones, COUNT and pages. monstr heeds the last filter alone."""
    hidden = [Key().event(1, text) for text in ("one", "two", "fault")]
    shown = Key().event(1, "three")
    filters = [_Hiding("one"), _Hiding("two")]
    async with (
        serving(tmp_path, sub_filter=filters) as relay,
        connected(relay.url) as client,
        connected(relay.url) as reader,
    ):
        live = await reader.subscribe({})
        await client.publish_all(*hidden, shown)
        assert await client.stored({}) == [shown]
        assert await client.count({}) == 1
        assert [each["id"] for each in await relay.store.get_filter({})] == [shown["id"]]
        await reader.until(lambda: live.ids)
        assert live.ids == {shown["id"]}


@asynchronous
async def test_messages_for_others_by_its_own_filter(tmp_path: Path) -> None:
    """RestrictDM knows who has authenticated, and on a page nobody has."""
    author, reader = Key(), Key()
    message = author.event(4, "secret", [["p", reader.pubkey]])
    async with serving(tmp_path, sub_filter=RestrictDM()) as relay:
        async with connected(relay.url) as client:
            await client.publish_all(message)
            assert await client.stored({"kinds": [4]}) == []
            assert (await client.authenticate(reader))[0]
            assert await client.stored({"kinds": [4]}) == [message]
        assert await page(relay, f"/e?id={message['id']}") == "{}"


# --- what it shows besides


@asynchronous
async def test_its_pages_show_what_everybody_may_read(tmp_path: Path) -> None:
    """In monstr they show anything to anybody."""
    author, reader = Key(), Key()
    note = author.event(1, "for all", created_at=5)
    message = author.event(4, "secret", [["p", reader.pubkey]], created_at=6)
    profile = author.event(0, json.dumps({"name": "Ada"}), created_at=7)
    async with serving(tmp_path, POLICY) as relay:
        async with connected(relay.url) as client:
            await client.publish_all(note, message, profile)
        assert json.loads(await page(relay, f"/e?id={note['id']}")) == note
        assert await page(relay, f"/e?id={message['id']}") == "{}"
        assert json.loads(await page(relay, f"/req?authors={author.pubkey}&limit=2")) == {
            "events": [profile, note]
        }
        assert "Ada" in await page(relay, f"/profile?pub_k={author.pubkey}")
        for wrong in ("/req?authors=abc", f"/req?authors={author.pubkey[:-1]}"):
            with pytest.raises(urllib.error.HTTPError, match="400"):
                await page(relay, wrong)


@asynchronous
async def test_a_programs_own_events(tmp_path: Path) -> None:
    """By ``relay.store`` they are decided, stored and told of like others."""
    key, reader = Key(), Key()
    note, refused = key.event(1, "own"), key.event(666)
    deletion = key.event(5, tags=[["e", note["id"]]])
    async with serving(tmp_path, POLICY) as relay, connected(relay.url, reader) as client:
        live = await client.subscribe({"authors": [key.pubkey]})
        await relay.store.add_event(TheirEvent.load(note))
        await client.until(lambda: live.ids)
        with pytest.raises(NostrCommandException, match="blocked:"):
            await relay.store.add_event(TheirEvent.load(refused))
        with pytest.raises(ValueError, match="there is no search here"):
            await relay.store.get_filter({"search": "own"})
        assert len(await relay.store.get_filter([{"ids": note["id"]}, {"kinds": 1}])) == 1
        await relay.store.do_delete(TheirEvent.load(deletion))
        assert await client.stored_ids({}) == {deletion["id"]}


@asynchronous
async def test_what_it_says_of_itself(tmp_path: Path) -> None:
    """The truth, and what the operator says; monstr takes no right key for ``pubkey``."""
    key = Key()
    information = {"supported_nips": [66], "icon": "https://example.com/i.png"}
    told = {"name": "mine", "pubkey": key.pubkey, "relay_information": information, "max_sub": 7}
    async with serving(tmp_path, **told) as relay:
        document = json.loads(await page(relay, "/"))
        assert document == relay.relay_information
    assert document["name"] == "mine"
    assert document["pubkey"] == key.pubkey
    assert document["icon"] == information["icon"]
    assert document["supported_nips"] == [1, 9, 11, 40, 42, 45, 62, 66, 70]
    assert document["limitation"]["max_subscriptions"] == 7


@asynchronous
async def test_where_monstr_deletes_nothing(tmp_path: Path) -> None:
    """``DeleteMode.no_action``: a deletion is refused, where monstr would take it for nothing."""
    key = Key()
    store = await made(tmp_path, delete_mode=DeleteMode.no_action)
    async with serving(tmp_path, store=store) as relay, connected(relay.url) as client:
        await client.publish_all(note := key.event(1))
        accepted, message = await client.publish(key.event(5, tags=[["e", note["id"]]]))
        assert (accepted, message) == (False, "error: this relay cannot delete")
        assert 9 not in relay.relay_information["supported_nips"]
        assert await client.stored({}) == [note]


@asynchronous
async def test_a_store_of_a_session(tmp_path: Path) -> None:
    """In place of monstr's in memory."""
    async with (
        serving(tmp_path, POLICY, MemoryStore()) as relay,
        connected(relay.url) as client,
        connected(relay.url, OUTCAST) as outcast,
    ):
        await client.publish_all(note := Key().event(1))
        assert await client.stored({}) == [note]
        with pytest.raises(Closed, match="restricted:"):
            await outcast.subscribe({"kinds": [1]})


# --- connections


class _HiddenFrom:
    """Shows nothing to an address."""

    def __init__(self, ip: str) -> None:
        self.ip = ip

    @hookimpl
    def on_read(self, event: Event, context: Context) -> Decision | None:
        return Decision.reject("blocked: not shown") if context.ip == self.ip else None


@asynchronous
async def test_whose_address_a_client_has(tmp_path: Path) -> None:
    """The peer's, or what the operator's function says: a rate limit counts by it."""
    policy = {"rules": {"1": {"rate_limit": 50}}}

    def told(request: web.Request) -> str:
        return request.headers.get("X-Real-IP", "")

    async with serving(tmp_path, policy, None, _HiddenFrom("192.0.2.2"), address=told) as relay:
        for ip, expected in (("192.0.2.1", True), ("192.0.2.1", False), ("192.0.2.2", True)):
            headers = {"X-Real-IP": ip}
            async with connected(relay.url, additional_headers=headers) as client:
                accepted, _ = await client.publish(Key().event(1, "x" * 50))
                assert accepted == expected
                assert await client.count({}) == (0 if ip == "192.0.2.2" else 1)
            shown = await page(relay, "/req", **{"X-Real-IP": ip})
            assert json.loads(shown) is None if ip == "192.0.2.2" else json.loads(shown)["events"]


@asynchronous
async def test_garbage_harms_nobody_else(tmp_path: Path) -> None:
    """In monstr a message that is no list, or an event without a key, ends the connection."""
    garbage = ["", "[]", "{}", "5", '["EVENT"]', '["EVENT", 5]', '["REQ", {}]', '["AUTH", {}]']
    async with serving(tmp_path) as relay, connected(relay.url) as client:
        for text in garbage:
            await client.send_text(text)
        await client.socket.send(b'["EVENT", {}]')
        assert await client.publish(Key().event(1)) == (True, "")
        async with connected(relay.url) as other:
            await other.send_text("x" * 2_000_000)
            await other.until_gone()
        assert await client.publish(Key().event(1)) == (True, "")


@asynchronous
async def test_nothing_is_compressed(tmp_path: Path) -> None:
    """What is compressed for a client that has gone would be a traceback in the log."""
    async with serving(tmp_path) as relay, websockets.connect(relay.url) as client:
        assert client.protocol.extensions == []


@asynchronous
async def test_the_end_is_told_to_clients(tmp_path: Path) -> None:
    """A blocking start returns when it is told to, and no client holds it up."""
    policy = tmp_path / "policy.json"
    policy.write_text(json.dumps(OPEN))
    with listen_on("127.0.0.1", 0) as listening:
        url = f"ws://127.0.0.1:{listening.getsockname()[1]}"
        relay = PolicyRelay(await made(tmp_path), policy, relay_urls=[url])
        blocking = asyncio.create_task(relay.start(sock=listening))
        async with connected(url) as client:
            await client.publish_all(Key().event(1))
            assert relay.started
            relay.end()
            async with asyncio.timeout(SECONDS):  # aiohttp alone would wait for 60 s
                await blocking
            await client.until_gone()
    assert not relay.started


# --- what cannot be served


@asynchronous
async def test_a_store_that_cannot_be_guarded(tmp_path: Path) -> None:
    """Others' methods are not asked, so that what they do besides would not be done."""

    class Mine(ARelaySQLiteEventStore):  # type: ignore[misc]
        pass

    for store in (RelayMemoryEventStore(), Mine("x"), None):
        with pytest.raises(PolicyError, match="cannot be guarded; take one of ARelaySQLite"):
            PolicyRelay(store, relay_urls=[])


@asynchronous
async def test_a_policy_that_cannot_be_used(tmp_path: Path) -> None:
    """The program is told why, and nothing listens."""
    (tmp_path / "policy.json").write_text('{"rules": {"1": {"content_limit": "x"}}}')
    with pytest.raises(InvalidPolicy, match="content_limit"):
        PolicyRelay(await made(tmp_path), tmp_path / "policy.json", relay_urls=[])


@asynchronous
async def test_a_start_that_fails_leaves_nothing_open(tmp_path: Path) -> None:
    """Without a database; and where the address is taken."""
    (tmp_path / "policy.json").write_text(json.dumps(OPEN))
    policy = tmp_path / "policy.json"
    store = ARelaySQLiteEventStore(str(tmp_path / "none.sqlite3"))
    relay = PolicyRelay(store, policy, relay_urls=[])
    with pytest.raises(PolicyError, match="there is no database yet"):
        await relay.start("127.0.0.1", 0, block=False)
    assert not relay.started
    with socket.create_server(("127.0.0.1", 0)) as taken:
        relay = PolicyRelay(await made(tmp_path), policy, relay_urls=[])
        with pytest.raises(OSError, match="address already in use"):
            await relay.start("127.0.0.1", taken.getsockname()[1])
    assert not relay.started
