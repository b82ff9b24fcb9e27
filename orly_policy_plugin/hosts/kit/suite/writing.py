"""What a client is answered to an EVENT, and who hears of it."""

import asyncio

from ..client import Client
from ..policy import (
    FROM_MEMBERS,
    MEMBER,
    METERED,
    NOTE,
    REFUSED,
    SCRIPTED,
    SHORT,
    TITLED,
)
from ..running import Ability, RunningHost, check
from ..signing import Event, Key
from .reading import has_come


async def is_refused(client: Client, event: Event, *beginnings: str) -> None:
    """An event is refused with such a reason, and nobody is given it."""
    accepted, message = await client.publish(event)
    assert not accepted, event
    assert message.startswith(beginnings), message
    assert await client.stored({"ids": [event["id"]], "kinds": [NOTE, event["kind"]]}) == []


class Writing:
    """Writes."""

    @check()
    async def test_an_accepted_event_is_stored(self, host: RunningHost) -> None:
        """OK true, and it comes back as it was sent; a second time it is a duplicate."""
        event = Key().event(NOTE, 'text "with" \\ \n \u2028 \U0001f600', [["t", "a tag", ""]])
        async with host.connected() as client:
            await client.publish_all(event)
            assert await client.stored({"ids": [event["id"]]}) == [event]
            accepted, message = await client.publish(event)
            assert accepted
            assert message.startswith("duplicate:")
            assert await client.stored({"ids": [event["id"]]}) == [event]

    @check()
    async def test_a_refusal_has_its_reason(self, host: RunningHost) -> None:
        """OK false in the policy's words; it is neither stored nor told to anybody."""
        key = Key()
        refused, long, fence = key.event(REFUSED), key.event(SHORT, "x" * 11), key.event(NOTE)
        untitled, titled = key.event(TITLED), key.event(TITLED, "", [["title", "of it"]])
        async with host.connected() as client, host.connected() as reader:
            live = await reader.subscribe({"authors": [key.pubkey]})
            await is_refused(client, refused, f"blocked: kind {REFUSED} ")
            limit = f"blocked: content is 11 bytes, the limit for kind {SHORT} is 10"
            await is_refused(client, long, limit)
            await is_refused(client, untitled, "invalid:")
            await client.publish_all(key.event(SHORT, "x" * 10), titled, fence)
            await has_come(reader, live, fence)
            assert live.ids.isdisjoint({refused["id"], long["id"], untitled["id"]})

    @check(Ability.AUTHENTICATION)
    async def test_who_submits_decides(self, host: RunningHost) -> None:
        """Not who has signed: ``auth-required:`` for nobody, ``restricted:`` for a stranger."""
        by_member, by_stranger = MEMBER.event(FROM_MEMBERS), Key().event(FROM_MEMBERS)
        async with host.connected() as client:
            await is_refused(client, by_member, "auth-required:")
            assert (await client.authenticate(Key()))[0]
            await is_refused(client, by_member, "restricted:")
            assert (await client.authenticate(MEMBER))[0]
            await client.publish_all(by_member, by_stranger)

    @check()
    async def test_a_forged_event_is_refused(self, host: RunningHost) -> None:
        """A wrong id, a wrong signature, those of another event: stored and told to nobody."""
        key, thief = Key(), Key()
        event, other, fence = key.event(NOTE, "mine"), key.event(NOTE, "other"), key.event(NOTE)
        some_id = "ab" * 32
        forged = [
            {**event, "id": some_id, "sig": key.sign(some_id)},
            {**event, "id": other["id"], "sig": other["sig"]},
            {**event, "content": "changed"},
            {**event, "tags": [["p", thief.pubkey]]},
            {**event, "kind": 7},
            {**event, "created_at": event["created_at"] + 1},
            {**event, "pubkey": thief.pubkey},
            {**event, "sig": other["sig"]},
            {**event, "sig": thief.sign(event["id"])},
            {**event, "sig": "00" * 64},
            {**event, "pubkey": "ff" * 32},
        ]
        async with host.connected() as client, host.connected() as reader:
            live = await reader.subscribe({"authors": [key.pubkey, thief.pubkey]})
            await client.publish_all(other)
            for lie in forged:
                accepted, message = await client.publish(lie)
                assert not accepted, lie
                assert message.startswith("invalid:"), message
            await client.publish_all(fence)
            await has_come(reader, live, fence)
            assert live.events == [other, fence]
            asked = {"ids": [event["id"], some_id, other["id"]]}
            assert await client.stored(asked) == [other]

    @check()
    async def test_an_event_comes_live_once(self, host: RunningHost) -> None:
        """However often, and by however many, it is sent at a time."""
        key = Key()
        event, fence = key.event(NOTE, "popular"), key.event(NOTE, "fence")

        async def send() -> None:
            async with host.connected() as client:
                await client.publish_all(event)

        async with host.connected() as reader:
            live = await reader.subscribe({"authors": [key.pubkey]})
            await asyncio.gather(*(send() for _ in range(6)))
            await reader.publish_all(event, fence)
            await has_come(reader, live, fence)
            assert live.events == [event, fence]

    @check()
    async def test_an_ephemeral_event_is_told_and_not_stored(self, host: RunningHost) -> None:
        """To whoever has subscribed."""
        key = Key()
        event = key.event(20_001, "now or never")
        async with host.connected() as client, host.connected() as reader:
            live = await reader.subscribe({"authors": [key.pubkey]})
            await client.publish_all(event)
            await has_come(reader, live, event)
            assert await client.stored({"authors": [key.pubkey], "kinds": [NOTE, 20_001]}) == []

    @check(Ability.SCRIPTS)
    async def test_a_shadow_reject_is_silent(self, host: RunningHost) -> None:
        """It is answered as if it were accepted, twice; nobody else sees it, nor who wrote it."""
        key = Key()
        shadowed, fence = key.event(SCRIPTED, "shadow"), key.event(SCRIPTED, "fence")
        async with host.connected() as client, host.connected() as reader:
            live = await reader.subscribe({"authors": [key.pubkey]})
            own = await client.subscribe({"authors": [key.pubkey]})
            accepted = await client.publish(shadowed)
            again = await client.publish(shadowed)
            assert accepted[0]
            assert again[0]
            stored = await client.publish(fence)
            assert accepted == stored
            assert again == await client.publish(fence)
            await has_come(reader, live, fence)
            await has_come(client, own, fence)
            assert live.events == own.events == [fence]
            assert await reader.stored({"authors": [key.pubkey]}) == [fence]
            await is_refused(client, key.event(SCRIPTED, "refuse"), "blocked: the script says so")

    @check(Ability.RATES)
    async def test_a_rate_is_limited(self, host: RunningHost) -> None:
        """What is too much is refused, and what is refused is not stored."""
        key = Key()
        async with host.connected() as client:
            first, second = (key.event(METERED, text * 300) for text in "12")
            await client.publish_all(first)
            await is_refused(client, second, "rate-limited:")
