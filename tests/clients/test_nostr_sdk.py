"""The client of nostr-sdk, which is written in Rust, on the relays that tests share."""

import asyncio
import contextlib
import functools
import json
import threading
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from datetime import timedelta
from typing import Any, ParamSpec

import pytest
from relay.process import Relay

sdk: Any = pytest.importorskip(
    "nostr_sdk", reason="nostr-sdk is not installed: it has no build for this machine"
)

_P = ParamSpec("_P")


@functools.cache
def _loop() -> asyncio.AbstractEventLoop:
    """A loop that goes on to the end: the SDK's own threads may call it although a client is shut
    down, and what they find closed they raise about in another test.
    """
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="nostr-sdk", daemon=True).start()
    sdk.uniffi_set_event_loop(loop)
    return loop


def on_the_loop_of_the_sdk(
    test: Callable[_P, Coroutine[Any, Any, None]],
) -> Callable[_P, None]:
    """Run a test that is a coroutine, with an end."""

    @functools.wraps(test)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> None:
        async def limited() -> None:
            async with asyncio.timeout(300):
                await test(*args, **kwargs)

        asyncio.run_coroutine_threadsafe(limited(), _loop()).result()

    return run


LONG = timedelta(seconds=20)
"""How long anything may take before a test fails."""
_ACCEPTED = ""


def now(seconds: int = 0) -> int:
    return int(time.time()) + seconds


class Author:
    """A key, and what the SDK signs with it."""

    def __init__(self) -> None:
        self.keys = sdk.Keys.generate()
        self.pubkey = self.keys.public_key()
        self.hex = self.pubkey.to_hex()

    def event(
        self, kind: int, content: str = "", tags: Sequence[list[str]] = (), at: int | None = None
    ) -> Any:
        """A signed event."""
        return (
            sdk.EventBuilder(sdk.Kind(kind), content)
            .tags([sdk.Tag.parse(tag) for tag in tags])
            .custom_created_at(sdk.Timestamp.from_secs(now() if at is None else at))
            .finalize(self.keys)
        )

    def wants(self, *kinds: int) -> Any:
        """A filter for what the author wrote."""
        return sdk.Filter().author(self.pubkey).kinds([sdk.Kind(kind) for kind in kinds])


def _reason(refusal: Exception) -> str:
    """What the relay said. The SDK puts it in quotes."""
    return str(refusal).strip("'\"")


class Speaker:
    """A connection of the SDK's. Made by :func:`connected`."""

    def __init__(self, relay: Any, notifications: Any) -> None:
        self._relay = relay
        self._notifications = notifications

    async def publish(self, event: Any) -> str:
        """Send an event: why it is refused, or :data:`_ACCEPTED`."""
        try:
            await self._relay.send_event(event, ok_timeout=LONG, authentication_timeout=LONG)
        except sdk.NostrSdkError as refusal:
            return _reason(refusal)
        return _ACCEPTED

    async def publish_all(self, *events: Any) -> None:
        """Send events that must all be accepted."""
        for event in events:
            assert await self.publish(event) == _ACCEPTED

    async def stored(self, wanted: Any) -> list[Any]:
        """What is there before EOSE, in the SDK's order. Without EOSE it would go on in the end.

        :raises NostrSdkError: CLOSED, with its reason.
        """
        async with asyncio.timeout(LONG.total_seconds()):
            found: list[Any] = await self._relay.fetch_events(wanted, 2 * LONG)
        return found

    async def count(self, wanted: Any) -> int | str:
        """COUNT: the number, or why there is none.

        The SDK's own ``count_events`` listens only after it has asked, and to no refusal.
        """
        await self._relay.send_msg(sdk.ClientMessage.count("count", wanted))
        answer = await self._answer("count")
        told: int | str = answer.count if answer.is_count() else answer.message
        return told

    async def reconcile(self, wanted: Any) -> None:
        """Synchronise with what is there (NIP-77).

        :raises NostrSdkError: the relay refuses.
        """
        await self._relay.sync(wanted)

    async def subscribe(self, wanted: Any) -> str:
        """REQ, and wait for EOSE: the subscription's name."""
        name: str = await self._relay.subscribe(wanted)
        assert (await self._answer(name)).is_end_of_stored_events()
        return name

    async def live(self, name: str) -> Any:
        """The next event of a subscription."""
        told = await self._told(lambda it: it.is_new_event() and it.subscription_id == name)
        return told.event

    async def _answer(self, name: str) -> Any:
        """The next message about a subscription that is no event."""

        def is_it(told: Any) -> bool:
            message: Any = told.message.as_enum() if told.is_message() else None
            is_about = getattr(message, "subscription_id", None) == name
            return is_about and not message.is_event_msg()

        return (await self._told(is_it)).message.as_enum()

    async def _told(self, is_it: Callable[[Any], bool]) -> Any:
        """The next of what the SDK tells that is so."""
        async with asyncio.timeout(LONG.total_seconds()):
            while not is_it(told := await self._notifications.next()):
                pass
        return told


@contextlib.asynccontextmanager
async def connected(url: str, author: Author | None = None) -> AsyncIterator[Speaker]:
    """Connect. The SDK leaves a relay that hands out what was not asked for.

    :param author: who authenticates when the relay asks for it.
    """
    builder = sdk.ClientBuilder().verify_subscriptions(True).ban_relay_on_mismatch(True)
    if author is not None:
        builder = builder.authenticator(sdk.SignerAuthenticator(author.keys))
    client = builder.build()
    address = sdk.RelayUrl.parse(url)
    try:
        await client.add_relay(address)
        notifications = client.notifications()
        connecting = await client.try_connect(LONG)
        assert not connecting.failed
        relay = await client.relay(address)
        yield Speaker(relay, notifications)
        assert relay.status() == sdk.RelayStatus.CONNECTED
    finally:
        await client.shutdown()


@on_the_loop_of_the_sdk
async def test_an_event_comes_back_as_it_was_sent(relay: Relay) -> None:
    """NIP-01: each byte of it; a second time it is a duplicate, and accepted."""
    author = Author()
    content = 'tabs\t, line ends\r\n, "quotes", \\, nul \x00, \u2028 and 🙂'
    event = author.event(1, content, [["t", "ünï"], ["empty", ""], ["x", "\x7f", "\\n"]])
    async with connected(relay.url) as speaker:
        await speaker.publish_all(event, event)
        (found,) = await speaker.stored(sdk.Filter().id(event.id()))
        assert found.verify()
        assert json.loads(found.as_json()) == json.loads(event.as_json())


@on_the_loop_of_the_sdk
async def test_filters_find_what_they_name(relay: Relay) -> None:
    """NIP-01: each member of a filter; ``since`` and ``until`` are inclusive, ``limit`` is of the
    newest.
    """
    author, other = Author(), Author()
    tags = [["t", "a"], ["p", other.hex]]
    old = author.event(1, "old", tags, at=now(-30))
    middle = author.event(7, "middle", [["t", "b"], ["e", old.id().to_hex()]], at=now(-20))
    new = author.event(1, "new", [["t", "c"]], at=now(-10))
    mine = sdk.Filter().author(author.pubkey)
    wanted = [
        (mine, [new, middle, old]),
        (sdk.Filter().ids([old.id(), new.id()]), [new, old]),
        (mine.kind(sdk.Kind(7)), [middle]),
        (mine.kinds([sdk.Kind(1), sdk.Kind(2)]), [new, old]),
        (mine.hashtags(["a", "b"]), [middle, old]),
        (sdk.Filter().pubkey(other.pubkey), [old]),
        (sdk.Filter().event(old.id()), [middle]),
        (mine.since(middle.created_at()), [new, middle]),
        (mine.until(middle.created_at()), [middle, old]),
        (mine.limit(2), [new, middle]),
        (mine.until(middle.created_at()).limit(1), [middle]),
        (mine.kind(sdk.Kind(2)), []),
    ]
    async with connected(relay.url) as speaker:
        await speaker.publish_all(middle, old, new)
        for filter_, expected in wanted:
            assert await speaker.stored(filter_) == expected, filter_.as_json()


@pytest.mark.usefixtures("own_store")
@on_the_loop_of_the_sdk
async def test_the_newest_version_is_kept(relay: Relay) -> None:
    """NIP-01: of replaceable kinds one a key, of addressable ones one an identifier."""
    author = Author()
    profiles = [author.event(0, f"{{}}{age}", at=now(-age)) for age in (20, 10, 30)]
    articles = [author.event(30023, f"{age}", [["d", "x"]], now(-age)) for age in (20, 10, 30)]
    another = author.event(30023, "another", [["d", "y"]])
    async with connected(relay.url) as speaker:
        await speaker.publish_all(*profiles, *articles, another)
        assert await speaker.stored(author.wants(0)) == [profiles[1]]
        assert await speaker.stored(author.wants(30023)) == [another, articles[1]]
        assert await speaker.stored(author.wants(30023).identifier("x")) == [articles[1]]


@on_the_loop_of_the_sdk
async def test_what_is_written_is_live_for_others(relay: Relay) -> None:
    """NIP-01: after EOSE; ephemeral events, too."""
    author = Author()
    events = [author.event(20001, "now or never"), author.event(1, "stays")]
    async with connected(relay.url) as listener, connected(relay.url) as speaker:
        name = await listener.subscribe(author.wants(1, 20001))
        await speaker.publish_all(*events)
        assert [await listener.live(name), await listener.live(name)] == events


@on_the_loop_of_the_sdk
async def test_ephemeral_events_are_not_stored(relay: Relay) -> None:
    """NIP-01."""
    author = Author()
    async with connected(relay.url) as speaker:
        await speaker.publish_all(author.event(20001, "now or never"))
        assert await speaker.stored(author.wants(20001)) == []


@on_the_loop_of_the_sdk
async def test_a_refusal_has_its_prefix(relay: Relay) -> None:
    """NIP-01: what the policy forbids, and what is forged."""
    author = Author()
    event = author.event(1)
    fields = {**json.loads(event.as_json()), "content": "forged"}
    forged = sdk.Event.from_json(json.dumps(fields))
    async with connected(relay.url) as speaker:
        assert (await speaker.publish(author.event(666))).startswith("blocked: ")
        assert (await speaker.publish(forged)).startswith("invalid: ")
        assert await speaker.stored(author.wants(1, 666)) == []


@on_the_loop_of_the_sdk
async def test_what_is_deleted_is_gone(relay: Relay) -> None:
    """NIP-09: what the author of the deletion wrote, and nothing else."""
    author, other = Author(), Author()
    note, kept = author.event(1, "note"), other.event(1, "another's")
    tags = [["e", note.id().to_hex()], ["e", kept.id().to_hex()]]
    deletion = author.event(5, "by mistake", tags)
    async with connected(relay.url) as speaker:
        await speaker.publish_all(note, kept, deletion)
        assert await speaker.stored(author.wants(1, 5)) == [deletion]
        assert await speaker.stored(other.wants(1)) == [kept]


@pytest.mark.usefixtures("own_store")
@on_the_loop_of_the_sdk
async def test_what_is_deleted_stays_deleted(relay: Relay) -> None:
    """NIP-09: by ``e`` and ``a`` tags."""
    author = Author()
    note = author.event(1, "note")
    article = author.event(30023, "article", [["d", "x"]], now(-10))
    tags = [["e", note.id().to_hex()], ["a", f"30023:{author.hex}:x"]]
    deletion = author.event(5, "by mistake", tags)
    async with connected(relay.url) as speaker:
        await speaker.publish_all(note, article, deletion)
        assert await speaker.stored(author.wants(1, 5, 30023)) == [deletion]
        assert await speaker.publish(note) == "blocked: deleted"
        assert await speaker.publish(article) == "blocked: deleted"


def description(relay: Relay) -> Any:
    """The document of NIP-11, as the SDK reads it."""
    accept = {"Accept": "application/nostr+json"}
    request = urllib.request.Request(relay.http, headers=accept)
    with urllib.request.urlopen(request, timeout=LONG.total_seconds()) as response:
        return sdk.RelayInformationDocument.from_json(response.read().decode())


def test_the_relay_describes_itself(relay: Relay) -> None:
    """NIP-11: the SDK can read it, and what is tested here is in it."""
    document = description(relay)
    assert {1, 9, 11, 40, 42, 45, 70} <= set(document.supported_nips())
    assert document.limitation().auth_required is False
    assert document.limitation().max_subid_length == 64


@on_the_loop_of_the_sdk
async def test_what_has_expired_is_refused(relay: Relay) -> None:
    """NIP-40; what has not is there."""
    author = Author()
    expired = author.event(1, "late", [["expiration", f"{now(-5)}"]])
    event = author.event(1, "in time", [["expiration", f"{now(3600)}"]])
    async with connected(relay.url) as speaker:
        assert (await speaker.publish(expired)).startswith("invalid: ")
        await speaker.publish_all(event)
        assert await speaker.stored(author.wants(1)) == [event]


@on_the_loop_of_the_sdk
async def test_a_message_is_for_whom_it_addresses(relay: Relay) -> None:
    """NIP-42: the SDK authenticates and asks again; COUNT (NIP-45) tells nobody else."""
    author, addressee, stranger = Author(), Author(), Author()
    message = author.event(4, "secret", [["p", addressee.hex]])
    wanted = author.wants(4)
    async with connected(relay.url) as anonymous:
        await anonymous.publish_all(message)
        with pytest.raises(sdk.NostrSdkError, match=r"^'auth-required: "):
            await anonymous.stored(wanted)
        assert str(await anonymous.count(wanted)).startswith("auth-required: ")
    for reader, expected in ((addressee, [message]), (author, [message]), (stranger, [])):
        async with connected(relay.url, reader) as speaker:
            assert await speaker.stored(wanted) == expected
            assert await speaker.count(wanted) == len(expected)


@on_the_loop_of_the_sdk
async def test_count_counts(relay: Relay) -> None:
    """NIP-45."""
    author = Author()
    events = [author.event(1, f"{number}") for number in range(5)]
    async with connected(relay.url) as speaker:
        await speaker.publish_all(*events, author.event(7))
        assert await speaker.count(author.wants(1)) == 5
        assert await speaker.count(author.wants(1, 7)) == 6
        assert await speaker.count(author.wants(2)) == 0


@pytest.mark.usefixtures("own_store")
@on_the_loop_of_the_sdk
async def test_whoever_vanishes_is_gone(relay: Relay) -> None:
    """NIP-62: with what was sealed for them, and nothing of it comes back."""
    assert 62 in description(relay).supported_nips()
    author, other = Author(), Author()
    note = author.event(1, "note", at=now(-10))
    sealed = other.event(1059, "sealed", [["p", author.hex]], now(-10))
    kept = other.event(1, "another's", [["p", author.hex]], now(-10))
    async with connected(relay.url, author) as speaker:
        await speaker.publish_all(note, sealed, kept)
        await speaker.publish_all(author.event(62, "", [["relay", "ALL_RELAYS"]]))
        assert await speaker.stored(author.wants(1)) == []
        assert await speaker.stored(sdk.Filter().pubkey(author.pubkey)) == [kept]
        assert (await speaker.publish(note)).startswith("blocked: ")


@on_the_loop_of_the_sdk
async def test_a_protected_event_is_taken_from_its_author(relay: Relay) -> None:
    """NIP-70: who authenticates when it is asked for, and from nobody else."""
    author, other = Author(), Author()
    event = author.event(1, "protected", [["-"]])
    assert event.is_protected()
    async with connected(relay.url) as anonymous, connected(relay.url, other) as stranger:
        assert (await anonymous.publish(event)).startswith("auth-required: ")
        assert (await stranger.publish(event)).startswith(("auth-required: ", "restricted: "))
    async with connected(relay.url, author) as speaker:
        await speaker.publish_all(event)
        assert await speaker.stored(author.wants(1)) == [event]


@on_the_loop_of_the_sdk
async def test_reconciling_is_refused(relay: Relay) -> None:
    """NIP-77: at once, with the reason."""
    async with connected(relay.url) as speaker:
        with pytest.raises(sdk.NostrSdkError, match=r"^'blocked: "):
            await speaker.reconcile(Author().wants(1))
