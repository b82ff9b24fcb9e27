"""Who is given what: stored events and live ones."""

import asyncio
import contextlib
import hashlib

import pytest

from orly_policy_plugin.plugin import PolicyPlugin

from .client import Client, Closed, Subscription, asynchronous, connected
from .policies import DENIED, MEMBER, OUTCAST, OWNER
from .process import Relay
from .signing import Event, Key, named_key


async def heard_all(reader: Client, subscription: Subscription, marker: Event) -> None:
    """Wait for a public event that was published after all others."""
    await reader.until(lambda: marker["id"] in subscription.ids)


@pytest.mark.parametrize("kind", [4, 1059])
@asynchronous
async def test_private_event_is_for_its_parties(relay: Relay, kind: int) -> None:
    """Stored and live: nothing for nobody and for third parties, everything for the parties, also
    on a subscription that was open before they authenticated.
    """
    author, addressee = Key(), Key()
    run = author.pubkey
    filters = [{"authors": [run], "kinds": [kind, 1]}]
    before = author.event(kind, "before", [["p", addressee.pubkey]])
    public = author.event(1, "public")
    async with (
        connected(relay.url) as nobody,
        connected(relay.url) as party,
        connected(relay.url, Key()) as third,
        connected(relay.url, author) as writer,
    ):
        await writer.publish_all(before, public)
        readers = [nobody, party, third, writer]
        open_ones = [await reader.subscribe(*filters) for reader in readers]
        assert [subscription.ids for subscription in open_ones] == [
            {public["id"]},
            {public["id"]},
            {public["id"]},
            {public["id"], before["id"]},
        ]
        assert (await party.authenticate(addressee))[0]
        live = author.event(kind, "live", [["p", addressee.pubkey]])
        marker = author.event(1, "marker")
        await writer.publish_all(live, marker)
        for reader, subscription in zip(readers, open_ones, strict=True):
            await heard_all(reader, subscription, marker)
        assert [live["id"] in subscription.ids for subscription in open_ones] == [
            False,
            True,
            False,
            True,
        ]
        again = [await reader.stored_ids(*filters) for reader in readers]
        everything = {before["id"], live["id"], public["id"], marker["id"]}
        some = {public["id"], marker["id"]}
        assert again == [some, everything, some, everything]


def varied(run: str, author: Key, party: Key, other: Key) -> list[Event]:
    """Events whose readers differ."""
    p, upper = ["p", party.pubkey], ["p", party.pubkey.upper()]
    tags: list[list[list[str]]] = [
        [],
        [p],
        [upper],
        [["P", party.pubkey]],
        [["p", other.pubkey], p],
        [["p"], ["p", ""], ["e", party.pubkey]],
        [["p", party.pubkey[:63]], ["p", party.pubkey + "0"], ["p", " " + party.pubkey]],
        [["p", DENIED.pubkey], ["p", OUTCAST.pubkey], ["p", MEMBER.pubkey]],
    ]
    kinds = [1, 4, 7, 1059, 5000, 5001, 5002, 20001, 30078]
    events = []
    for kind in kinds:
        for i, some in enumerate(tags):
            own = [["d", f"{run}{i}"]] if kind >= 30000 else []
            events.append(author.event(kind, f"{run} {i}", [["t", run], *own, *some]))
    return events


READERS: dict[str, tuple[str, ...]] = {
    "nobody": (),
    "author": ("an author",),
    "party": ("a party",),
    "third party": ("somebody",),
    "member": ("member",),
    "denied": ("denied",),
    "outcast": ("outcast",),
    "denied party": ("a party", "denied"),
    "party denied": ("denied", "a party"),
    "member and outcast": ("member", "outcast"),
    "two parties": ("another", "a party"),
    "owner": ("owner",),
}


@asynchronous
async def test_live_and_stored_and_the_engine_agree(relay: Relay) -> None:
    """The same events under many read rules: what each reader is given live, what by a REQ, and
    what the engine says are the same.
    """
    run = Key().pubkey[:16]
    author, party, other = named_key("an author"), named_key("a party"), named_key("another")
    events = varied(run, author, party, other)
    marker = author.event(1, "marker", [["t", run]])
    engine = PolicyPlugin.load(relay.policy)
    filters = {"#t": [run], "kinds": sorted({event["kind"] for event in events})}

    async def reader(keys: list[Key], ready: asyncio.Barrier) -> None:
        async with connected(relay.url, *keys) as client:
            subscription, is_closed = Subscription(""), False
            try:
                subscription = await client.subscribe(filters)
            except Closed:
                is_closed = True
            await ready.wait()
            await published.wait()
            # Its EOSE comes after what was live before:
            stored = set() if is_closed else await client.stored_ids(filters)
            authenticated = tuple(key.pubkey for key in keys)
            right = {
                event["id"]
                for event in [*events, marker]
                if engine.snapshot.read(_Seen(event), authenticated, 0).accepted
            }
            assert subscription.ids == right
            ephemeral = {event["id"] for event in events if 20000 <= event["kind"] < 30000}
            assert stored == right - ephemeral
            assert len(subscription.events) == len(subscription.ids)

    ready, published = asyncio.Barrier(len(READERS) + 1), asyncio.Event()
    async with asyncio.TaskGroup() as group, connected(relay.url, author) as writer:
        for names in READERS.values():
            group.create_task(reader([named_key(name) for name in names], ready))
        await ready.wait()
        await writer.publish_all(*events, marker)
        published.set()


class _Seen:
    """An event's fields as attributes, for the engine."""

    def __init__(self, event: Event) -> None:
        self.__dict__.update(event)


@asynchronous
async def test_policy_events_are_for_owners(relay: Relay) -> None:
    """A REQ for kind 12345 is closed to everybody else."""
    async with connected(relay.url, OWNER) as owner, connected(relay.url, Key()) as other:
        assert await owner.stored({"kinds": [12345]}) == []
        with pytest.raises(Closed, match=r"^restricted: "):
            await other.stored({"kinds": [12345]})


@asynchronous
async def test_auth_in_the_middle_of_live_events(relay: Relay) -> None:
    """No private event comes before AUTH's OK, and all that were published after it come."""
    author, addressee = Key(), Key()
    async with connected(relay.url) as reader, connected(relay.url) as writer:
        subscription = await reader.subscribe({"kinds": [4, 1], "authors": [author.pubkey]})
        after: set[str] = set()
        authenticated = False

        async def publish() -> None:
            for i in range(200):
                event = author.event(4, str(i), [["p", addressee.pubkey]])
                if authenticated:
                    after.add(event["id"])
                await writer.publish_all(event)

        async with asyncio.TaskGroup() as group:
            publishing = group.create_task(publish())
            await writer.until(lambda: len(writer.answers) > 60)
            assert (await reader.authenticate(addressee))[0]
            authenticated = True
            await publishing
        marker = author.event(1, "marker")
        await writer.publish_all(marker)
        await heard_all(reader, subscription, marker)
        kinds = [m[0] for m in reader.messages if m[0] in ("OK", "EVENT")]
        assert kinds[0] == "OK"
        assert after
        assert after <= subscription.ids


@asynchronous
async def test_no_way_of_asking_shows_a_private_event(relay: Relay) -> None:
    """By id, author, kind, tag, time or search, alone and together, with every spelling of hex."""
    author, addressee = Key(), Key()
    secret = author.event(4, "secret", [["p", addressee.pubkey], ["e", "ab" * 32], ["t", "x y"]])
    moment = secret["created_at"]
    filters = [
        {"ids": [secret["id"]]},
        {"ids": [secret["id"].upper()]},
        {"authors": [author.pubkey]},
        {"kinds": [4, 1], "limit": 1},
        {"#p": [addressee.pubkey]},
        {"#e": ["ab" * 32]},
        {"#t": ["x y"]},
        {"since": moment - 1, "until": moment + 1},
        {"search": "secret"},
        {"authors": [author.pubkey], "search": "secret", "limit": 1},
        {"authors": [addressee.pubkey]},
        {"ids": [secret["id"]], "#p": [addressee.pubkey], "kinds": [4, 1]},
        {},
    ]
    async with connected(relay.url, author) as writer, connected(relay.url, Key()) as third:
        await writer.publish_all(secret)
        async with connected(relay.url) as nobody:
            for one in [*filters, *([f, {"kinds": [1]}] for f in filters)]:
                some = one if isinstance(one, list) else [one]
                for client in (nobody, third):
                    with contextlib.suppress(Closed):  # no such spelling, or no search
                        assert secret["id"] not in await client.stored_ids(*some), one
            taken = [each for each in filters if "search" not in each][2:]
            for name in ("a", "a", "b"):
                await nobody.subscribe(*taken, name=name)
            assert (await nobody.authenticate(Key()))[0]
            again = await nobody.subscribe(*taken, name="a")
            assert secret["id"] not in again.ids
            seen = {m[2]["id"] for m in nobody.messages if m[0] == "EVENT"}
            assert secret["id"] not in seen


@asynchronous
async def test_delegation_gives_no_access(relay: Relay) -> None:
    """NIP-26: a delegated event shows itself under its delegator; being named there is no right
    to read.
    """
    author, delegator = Key(), Key()
    token = f"nostr:delegation:{author.pubkey}:kind=4"
    signature = delegator.sign(hashlib.sha256(token.encode()).hexdigest())
    secret = author.event(4, "x", [["delegation", delegator.pubkey, "kind=4", signature]])
    async with connected(relay.url, author) as writer:
        await writer.publish_all(secret)
        assert await writer.stored_ids({"ids": [secret["id"]]}) == {secret["id"]}
    async with connected(relay.url, delegator) as reader:
        for filter_ in ({"authors": [delegator.pubkey]}, {"ids": [secret["id"]]}):
            assert await reader.stored_ids(filter_) == set()


@asynchronous
async def test_shutting_reader_does_not_disturb_the_writer(relay: Relay) -> None:
    """A reader who goes away in the middle of live events is nobody's problem."""
    author = Key()
    async with connected(relay.url) as writer:
        for i in range(10):
            async with connected(relay.url) as reader:
                await reader.subscribe({"kinds": [1]})
                sending = asyncio.create_task(writer.publish(author.event(1, str(i))))
            assert (await sending)[0]
