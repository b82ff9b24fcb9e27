"""REQ, CLOSE and COUNT: what is served, what is answered CLOSED, and what a limit counts."""

import time
from typing import Any

import pytest

from .client import Closed, asynchronous, connected
from .policies import MEMBER
from .process import Relay
from .signing import Key

CLOSED_TO_ALL = [
    [{"kinds": [4]}],
    [{"kinds": [4, 1059]}],
    [{"kinds": [4]}, {"kinds": [1059, 5000]}],
    [{"kinds": [4], "authors": [MEMBER.pubkey], "limit": 1}],
    [{"kinds": [4, 666]}],
]
SERVED: list[list[dict[str, Any]]] = [
    [{"kinds": [4, 1]}],
    [{"kinds": [4]}, {"kinds": [1]}],
    [{"kinds": [4]}, {"authors": [MEMBER.pubkey]}],
    [{"kinds": [4]}, {"#p": [MEMBER.pubkey]}],
    [{"kinds": [4]}, {}],
    [{"kinds": [4]}, {"kinds": []}],
    [{"authors": [MEMBER.pubkey]}],
    [{"kinds": [7]}],
    [{"kinds": [666]}],
    [{}],
    [{"ids": []}],
    [{"kinds": [1], "limit": 0}],
    [{"kinds": [1], "since": 5, "until": 4}],
    [{"kinds": [1], "since": None, "until": None, "limit": None}],
    [{"kinds": [1], "#t": []}],
    [{"kinds": [1], "#t": ["", ":name", "a :b", "'", "\\", "%s"], "limit": 1}],
    [{"kinds": list(range(2000)), "limit": 1}],
    [{"kinds": [kind]} for kind in range(20000, 20100)],
    [{"ids": [f"{i:064x}" for i in range(5000)]}],
    [{"kinds": [1], "#t": [str(i) for i in range(4999)]}],
]


@pytest.mark.parametrize("filters", CLOSED_TO_ALL, ids=str)
@asynchronous
async def test_closed_where_nobody_unauthenticated_could_be_given_any(
    relay: Relay, filters: list[dict[str, Any]]
) -> None:
    """CLOSED with ``auth-required:``, and served after AUTH."""
    async with connected(relay.url) as client:
        with pytest.raises(Closed, match=r"^auth-required: "):
            await client.subscribe(*filters)
        assert (await client.authenticate(Key()))[0]
        await client.subscribe(*filters)


@pytest.mark.parametrize("filters", SERVED, ids=lambda filters: str(filters)[:50])
@asynchronous
async def test_served_with_eose_otherwise(relay: Relay, filters: list[dict[str, Any]]) -> None:
    """Where one filter is open as to kinds, or one kind to anybody, there is no CLOSED."""
    async with connected(relay.url) as client:
        await client.subscribe(*filters)


WRONG: list[Any] = [
    None,
    "kinds",
    [],
    {"kinds": None},
    {"kinds": 4},
    {"kinds": ["4"]},
    {"kinds": [4.0]},
    {"kinds": [True]},
    {"kinds": [-1]},
    {"kinds": [65536]},
    {"kinds": [10**30]},
    {"kinds": {"4": 1}},
    {"ids": None},
    {"ids": ["ab"]},
    {"ids": [1]},
    {"ids": "ab" * 32},
    {"ids": ["ab" * 33]},
    {"ids": ["xy" * 32]},
    {"authors": ["ab" * 32, None]},
    {"authors": ["' OR 1=1 --"]},
    {"kinds": [1], "limit": -1},
    {"kinds": [1], "limit": "1"},
    {"kinds": [1], "limit": 1.5},
    {"kinds": [1], "limit": 10**40},
    {"kinds": [1], "since": "now"},
    {"kinds": [1], "since": -1},
    {"kinds": [1], "until": [1]},
    {"search": 1},
    {"#p": None},
    {"#p": "x"},
    {"#p": [1]},
    {"#p": [["x"]]},
    {"#p": ["x" * 1025]},
    {"search": "x"},
    {"unknown": "field"},
    {"ids": [f"{i:064x}" for i in range(5001)]},
]


@asynchronous
async def test_wrong_filter_is_closed_as_invalid(relay: Relay) -> None:
    """nostr-relay drops some silently and ends the connection for others."""
    async with connected(relay.url) as client:
        for wrong in WRONG:
            for filters in ([wrong], [{"kinds": [1], "limit": 1}, wrong]):
                with pytest.raises(Closed, match=r"^invalid: "):
                    await client.subscribe(*filters)
        with pytest.raises(Closed, match=r"^invalid: "):
            await client.subscribe()
        with pytest.raises(Closed, match=r"^invalid: there are 101 filters, 1 to 100 may be"):
            await client.subscribe(*[{"kinds": [1]}] * 101)


@asynchronous
async def test_wrong_request_ends_its_own_subscription_alone(relay: Relay) -> None:
    """A wrong REQ replaces what had its name; an empty name is nobody's."""
    key = Key()
    async with connected(relay.url) as client:
        kept = await client.subscribe({"authors": [key.pubkey]}, name="kept")
        replaced = await client.subscribe({"authors": [key.pubkey]}, name="replaced")
        for name in ("", "replaced"):
            with pytest.raises(Closed):
                await client.subscribe({"kinds": [-1]}, name=name)
        with pytest.raises(Closed):
            await client.subscribe({"kinds": [1]}, name="")
        event = key.event(1)
        await client.publish_all(event)
        await client.until(lambda: event["id"] in kept.ids)
        assert replaced.ids == set()
        assert client.subscriptions["replaced"].ids == set()


@asynchronous
async def test_strange_subscription_ids_cannot_write_messages(relay: Relay) -> None:
    """nostr-relay pastes the id into JSON; any text of 1 to 64 characters is one."""
    names = ['a","x":"', '"],["OK"', "a\\", "a\nb", "\x00", "'", "ü", "x" * 64, "<>", "a b", "]"]
    async with connected(relay.url) as client:
        for name in names:
            await client.subscribe({"kinds": [1], "limit": 1}, name=name)
            await client.send("CLOSE", name)
        for name in ("x" * 65, "x" * 100_000):
            await client.send("REQ", name, {"kinds": [1], "limit": 1})
            await client.until(lambda name=name: name[:64] in client.subscriptions)
            await client.until(lambda: client.subscriptions["x" * 64].closed)


@asynchronous
async def test_limit_counts_what_may_be_read(relay: Relay) -> None:
    """Whoever may not read the newest gets older ones instead."""
    key = Key()
    now = int(time.time())
    public = [key.event(1, str(i), created_at=now - 10 + i) for i in range(3)]
    private = [key.event(4, str(i), created_at=now - 5 + i) for i in range(3)]
    filters = {"authors": [key.pubkey], "kinds": [1, 4], "limit": 2}
    async with connected(relay.url) as nobody, connected(relay.url, key) as author:
        await author.publish_all(*public, *private)
        assert await nobody.stored(filters) == [public[2], public[1]]
        assert await author.stored(filters) == [private[2], private[1]]
        assert len(await author.stored({**filters, "limit": 4})) == 4
        assert await author.stored_ids({**filters, "limit": 0}) == set()


@asynchronous
async def test_subscription_stays_open_and_follows_who_authenticated(relay: Relay) -> None:
    """A REQ that was open to nobody's eyes shows later events to whoever is there by then."""
    author, first, second = Key(), Key(), Key()
    async with connected(relay.url) as reader, connected(relay.url) as writer:
        subscription = await reader.subscribe({"kinds": [4, 1], "authors": [author.pubkey]})
        seen = []
        for key in (None, first, second):
            if key:
                assert (await reader.authenticate(key))[0]
            events = [author.event(4, f"{key} {k}", [["p", k.pubkey]]) for k in (first, second)]
            marker = author.event(1, str(key))
            await writer.publish_all(*events, marker)
            await reader.until(lambda marker=marker: marker["id"] in subscription.ids)
            seen.append([event["id"] in subscription.ids for event in events])
        assert seen == [[False, False], [True, False], [True, True]]


@asynchronous
async def test_close_ends_a_subscription(relay: Relay) -> None:
    """Nothing comes after CLOSE; the others go on."""
    key = Key()
    async with connected(relay.url) as client:
        closed = await client.subscribe({"authors": [key.pubkey]})
        kept = await client.subscribe({"authors": [key.pubkey]})
        await client.send("CLOSE", closed.name)
        event = key.event(1)
        await client.publish_all(event)
        await client.until(lambda: event["id"] in kept.ids)
        assert closed.ids == set()


@asynchronous
async def test_too_many_subscriptions_are_closed(nostr_relay: Relay) -> None:
    """nostr-relay's ``subscription_limit``: the 33rd is answered CLOSED; the same name again is
    none more.
    """
    async with connected(nostr_relay.url) as client:
        for i in range(32):
            await client.subscribe({"kinds": [1], "limit": 1}, name=str(i))
        with pytest.raises(Closed, match=r"^error: at most 32 subscriptions"):
            await client.subscribe({"kinds": [1]}, name="one more")
        await client.subscribe({"kinds": [1], "limit": 1}, name="31")
        await client.send("CLOSE", "0")
        await client.subscribe({"kinds": [1], "limit": 1}, name="one more")


@asynchronous
async def test_policy_events_are_closed_to_strangers(relay: Relay) -> None:
    """Whoever has authenticated is told that another key would help."""
    async with connected(relay.url) as client:
        with pytest.raises(Closed, match=r"^auth-required: "):
            await client.subscribe({"kinds": [12345]})
        assert (await client.authenticate(Key()))[0]
        with pytest.raises(Closed, match=r"^restricted: "):
            await client.subscribe({"kinds": [12345]})


@asynchronous
async def test_count_counts_what_may_be_read(relay: Relay) -> None:
    """NIP-45; the same to whoever may not read the rest, whether there is any."""
    author, party = Key(), Key()
    events = [author.event(4, str(i), [["p", party.pubkey]]) for i in range(3)]
    public = [author.event(1, str(i)) for i in range(2)]
    asked = {"authors": [author.pubkey]}
    async with connected(relay.url) as nobody, connected(relay.url, party) as known:
        await nobody.publish_all(*events, *public)
        assert await nobody.count(asked) == 2
        assert await known.count(asked) == 5
        assert await known.count({**asked, "kinds": [4]}) == 3
        assert str(await nobody.count({**asked, "kinds": [4]})).startswith("auth-required:")


@asynchronous
async def test_every_filter_is_served_and_each_event_once(relay: Relay) -> None:
    """Also the sixth filter on LMDB, and an event that two filters find comes once."""
    keys = [Key() for _ in range(8)]
    events = [key.event(1, tags=[["t", "eight"]]) for key in keys]
    filters = [{"authors": [key.pubkey]} for key in keys]
    async with connected(relay.url) as client:
        await client.publish_all(*events)
        found = await client.stored(*filters, {"authors": [keys[0].pubkey], "kinds": [1]})
        assert sorted(e["id"] for e in found) == sorted(event["id"] for event in events)


@asynchronous
async def test_ids_can_be_asked_for_with_times(relay: Relay) -> None:
    """``ids`` together with ``since`` and ``until``."""
    event = Key().event(1)
    moment = event["created_at"]
    async with connected(relay.url) as client:
        await client.publish_all(event)
        for since, until, found in ((-5, 5, 1), (5, 9, 0), (-9, -5, 0)):
            times = {"since": moment + since, "until": moment + until}
            assert len(await client.stored({"ids": [event["id"]], **times})) == found, times


@asynchronous
async def test_tag_values_are_found_whatever_they_say(relay: Relay) -> None:
    """Quotes, colons and backslashes in a value are no SQL; no values find nothing."""
    key = Key()
    values = [":name", "a :b", "it's", "\\:x", "\\", "%s", '"', "ü", "x' OR '1'='1", "$1", "?"]
    events = [key.event(1, tags=[["t", value]]) for value in values]
    async with connected(relay.url) as client:
        await client.publish_all(*events)
        for value, event in zip(values, events, strict=True):
            filters = {"authors": [key.pubkey], "#t": [value]}
            assert await client.stored_ids(filters) == {event["id"]}, value
        assert await client.stored({"authors": [key.pubkey], "#t": []}) == []


@asynchronous
async def test_live_events_come_to_filters_that_find_nothing_stored(relay: Relay) -> None:
    """``since`` now and ``limit`` 0 are how clients ask for live events alone."""
    key = Key()
    async with connected(relay.url) as client:
        subscriptions = [
            await client.subscribe({"since": int(time.time()) - 5}),
            await client.subscribe({"authors": [key.pubkey], "limit": 0}),
        ]
        event = key.event(1)
        await client.publish_all(event)
        await client.until(lambda: all(event["id"] in s.ids for s in subscriptions))


@asynchronous
async def test_many_requests_in_a_row_are_all_answered(relay: Relay) -> None:
    """nostr-relay's analysis of LMDB queries, when it falls behind, costs no reader an answer."""
    event = Key().event(1)
    async with connected(relay.url) as client:
        await client.publish_all(event)
        for _ in range(100):
            assert await client.stored_ids({"ids": [event["id"]]}) == {event["id"]}
