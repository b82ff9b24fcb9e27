"""Who is given what: stored events and live ones."""

import contextlib
import time
from typing import Any

import pytest

from ..client import Client, Closed, Subscription
from ..policy import FOR_MEMBERS, MEMBER, NOT_FOR_OUTCAST, NOTE, OUTCAST, PRIVATE
from ..running import Ability, RunningHost, check
from ..signing import Event, Key

BY_READER = (Ability.READS, Ability.AUTHENTICATION)


async def is_closed(client: Client, beginning: str, *filters: Any) -> None:
    """A REQ is answered CLOSED, with such a reason, and nothing else."""
    with pytest.raises(Closed) as closed:
        await client.subscribe(*filters)
    assert str(closed.value).startswith(beginning), filters


async def has_come(client: Client, subscription: Subscription, event: Event) -> None:
    """Wait for a live event; what was published before it, and was to come, has come."""
    await client.until(lambda: event["id"] in subscription.ids)


class Reading:
    """Reads."""

    @check()
    async def test_filters_find_what_they_name(self, host: RunningHost) -> None:
        """By id, author, kind, tag and time, and all together."""
        key, now = Key(), int(time.time())
        notes = [key.event(NOTE, f"{n}", [["t", f"{n}"]], now - 10 * n) for n in range(4)]
        other = key.event(7, "other", [["e", notes[0]["id"]]], now - 5)
        mine = {"authors": [key.pubkey]}
        async with host.connected() as client:
            await client.publish_all(*notes, other)
            assert await client.stored(mine) == [notes[0], other, *notes[1:]]
            assert await client.stored({**mine, "kinds": [7]}) == [other]
            assert await client.stored({"ids": [notes[2]["id"]]}) == [notes[2]]
            assert await client.stored({**mine, "#t": ["1", "3"]}) == [notes[1], notes[3]]
            assert await client.stored({"#e": [notes[0]["id"]]}) == [other]
            window = {**mine, "since": now - 20, "until": now - 10}
            assert await client.stored(window) == [notes[1], notes[2]]
            assert await client.stored({**window, "kinds": [7]}) == []

    @check()
    async def test_the_newest_come_first(self, host: RunningHost) -> None:
        """Of one second the lowest id first; ``limit`` takes the first of them."""
        key, now = Key(), int(time.time())
        notes = [key.event(NOTE, f"{n}", created_at=now - n // 5) for n in range(30)]
        ordered = sorted(notes, key=lambda event: (-event["created_at"], event["id"]))
        mine = {"authors": [key.pubkey], "kinds": [NOTE]}
        async with host.connected() as client:
            await client.publish_all(*notes)
            assert await client.stored(mine) == ordered
            assert await client.stored({**mine, "limit": 12}) == ordered[:12]
            assert await client.stored({**mine, "limit": 0}) == []

    @check(*BY_READER)
    async def test_a_private_event_is_for_its_parties(self, host: RunningHost) -> None:
        """Stored and live: nothing for nobody and for others, everything for the parties."""
        author, party = Key(), Key()
        tags = [["p", party.pubkey]]
        before, note = author.event(PRIVATE, "before", tags), author.event(NOTE, "for all")
        live, fence = author.event(PRIVATE, "live", tags), author.event(NOTE, "fence")
        wanted = {"authors": [author.pubkey], "kinds": [PRIVATE, NOTE]}
        async with (
            host.connected() as nobody,
            host.connected(Key()) as stranger,
            host.connected(party) as addressee,
            host.connected(author) as writer,
        ):
            await writer.publish_all(before, note)
            readers = [nobody, stranger, addressee, writer]
            subscriptions = [await reader.subscribe(wanted) for reader in readers]
            for_all, for_parties = {note["id"]}, {note["id"], before["id"]}
            expected = [for_all, for_all, for_parties, for_parties]
            assert [each.ids for each in subscriptions] == expected
            await writer.publish_all(live, fence)
            for reader, each in zip(readers, subscriptions, strict=True):
                await has_come(reader, each, fence)
            for each, is_party in zip(subscriptions, (False, False, True, True), strict=True):
                assert (live["id"] in each.ids) is is_party

    @check(*BY_READER)
    async def test_a_subscription_that_was_open_before_auth(self, host: RunningHost) -> None:
        """It gets live events for whoever authenticates later; the stored ones on asking again."""
        author, party = Key(), Key()
        first, second = (author.event(PRIVATE, text, [["p", party.pubkey]]) for text in "12")
        note, fence = author.event(NOTE, "note"), author.event(NOTE, "fence")
        wanted = {"authors": [author.pubkey], "kinds": [PRIVATE, NOTE]}
        async with host.connected() as reader, host.connected() as writer:
            live = await reader.subscribe(wanted)
            await writer.publish_all(first, note)
            await has_come(reader, live, note)
            assert (await reader.authenticate(party))[0]
            await writer.publish_all(second, fence)
            await has_come(reader, live, fence)
            assert live.events == [note, second, fence]
            everything = {each["id"] for each in (first, second, note, fence)}
            assert await reader.stored_ids(wanted) == everything

    @check(*BY_READER)
    async def test_several_keys_on_one_connection(self, host: RunningHost) -> None:
        """Each counts from its AUTH on, and a failed AUTH takes none away."""
        author, one, two = Key(), Key(), Key()
        to_one = author.event(PRIVATE, "1", [["p", one.pubkey]])
        to_two = author.event(PRIVATE, "2", [["p", two.pubkey]])
        fence = author.event(NOTE, "fence")
        both = {to_one["id"], to_two["id"]}
        wanted = {"ids": [*both]}
        async with host.connected() as client, host.connected() as writer:
            await writer.publish_all(to_one, to_two)
            assert await client.stored_ids(wanted) == set()
            assert (await client.authenticate(one))[0]
            assert await client.stored_ids(wanted) == {to_one["id"]}
            assert (await client.authenticate(two))[0]
            assert await client.stored_ids(wanted) == both
            assert not (await client.authenticate(Key(), "wss://elsewhere.example"))[0]
            assert await client.stored_ids(wanted) == both
            live = await client.subscribe({"authors": [author.pubkey], "limit": 0})
            more = [author.event(PRIVATE, "3", [["p", key.pubkey]]) for key in (two, one)]
            await writer.publish_all(*more, fence)
            await has_come(client, live, fence)
            assert live.events == [*more, fence]

    @check(*BY_READER)
    async def test_an_auth_that_lies_authenticates_nobody(self, host: RunningHost) -> None:
        """Another connection's challenge, another relay's, an old one."""
        async with host.connected() as client, host.connected() as other:
            await client.until(lambda: client.challenge)
            await other.until(lambda: other.challenge)
            assert client.challenge != other.challenge
            mine, client.challenge = client.challenge, other.challenge
            assert not (await client.authenticate(MEMBER))[0]
            client.challenge = mine
            assert not (await client.authenticate(MEMBER, "wss://elsewhere.example"))[0]
            await is_closed(client, "auth-required:", {"kinds": [FOR_MEMBERS]})
            assert (await client.authenticate(MEMBER))[0]
            await client.subscribe({"kinds": [FOR_MEMBERS]})

    @check(*BY_READER)
    async def test_a_request_for_nothing_readable_is_closed(self, host: RunningHost) -> None:
        """``auth-required:`` and ``restricted:``, only where every filter is for nothing."""
        async with host.connected() as client:
            for kind in (PRIVATE, FOR_MEMBERS):
                await is_closed(client, "auth-required:", {"kinds": [kind]})
            await client.subscribe({"kinds": [FOR_MEMBERS, NOTE], "limit": 1})
            await client.subscribe({"kinds": [FOR_MEMBERS]}, {"ids": ["ab" * 32]})
            assert (await client.authenticate(Key()))[0]
            await is_closed(client, "restricted:", {"kinds": [FOR_MEMBERS]})
            await client.subscribe({"kinds": [PRIVATE], "limit": 1})

    @check(*BY_READER)
    async def test_lists_of_readers(self, host: RunningHost) -> None:
        """Who is in an allow list is given it, who is in a deny list is not."""
        author = Key()
        for_members, not_for_outcast = author.event(FOR_MEMBERS), author.event(NOT_FOR_OUTCAST)
        fence = author.event(NOTE, "fence")
        wanted = {"authors": [author.pubkey]}
        expected = {
            None: {not_for_outcast["id"]},
            MEMBER: {for_members["id"], not_for_outcast["id"]},
            OUTCAST: set(),
        }
        async with contextlib.AsyncExitStack() as stack:
            writer = await stack.enter_async_context(host.connected())
            readers = {
                key: await stack.enter_async_context(host.connected(*([key] if key else [])))
                for key in expected
            }
            live = {key: await reader.subscribe(wanted) for key, reader in readers.items()}
            await writer.publish_all(for_members, not_for_outcast, fence)
            for key, reader in readers.items():
                await has_come(reader, live[key], fence)
                assert live[key].ids == {*expected[key], fence["id"]}
                assert await reader.stored_ids(wanted) == {*expected[key], fence["id"]}

    @check(Ability.COUNTING, *BY_READER)
    async def test_a_count_is_of_what_may_be_read(self, host: RunningHost) -> None:
        """Each is told of as many as would be handed out."""
        author, party = Key(), Key()
        private = [author.event(PRIVATE, f"{n}", [["p", party.pubkey]]) for n in range(3)]
        wanted = {"authors": [author.pubkey], "kinds": [PRIVATE, NOTE]}
        async with host.connected() as nobody, host.connected(party) as addressee:
            await nobody.publish_all(*private, author.event(NOTE, "1"), author.event(NOTE, "2"))
            assert await nobody.count(wanted) == 2
            assert await addressee.count(wanted) == 5
            assert await addressee.count({**wanted, "kinds": [PRIVATE]}) == 3
            refused = await nobody.count({"kinds": [PRIVATE]})
            assert str(refused).startswith("auth-required:")
