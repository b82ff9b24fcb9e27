"""What NIPs ask of a relay beside the policy, which a host must not lose: 09, 40, 62, 70."""

import asyncio
import time

from ..client import SECONDS
from ..policy import NOTE, PRIVATE
from ..running import Ability, RunningHost, check
from ..signing import Event, Key
from .writing import is_refused


def expiring(key: Key) -> Event:
    """An event that expires in one or two seconds."""
    return key.event(NOTE, "brief", [["expiration", str(int(time.time()) + 2)]])


class Duties:
    """Duties."""

    @check(Ability.DELETING)
    async def test_a_deletion_is_by_its_author_alone(self, host: RunningHost) -> None:
        """What it names is gone; what is another's is not."""
        author, before = Key(), int(time.time()) - 10
        gone, kept = (author.event(NOTE, text, (), before) for text in ("gone", "kept"))
        both = {"ids": [gone["id"], kept["id"]]}
        async with host.connected() as client:
            await client.publish_all(gone, kept)
            await client.publish(Key().event(5, "", [["e", kept["id"]], ["k", "1"]]))
            await client.publish_all(author.event(5, "", [["e", gone["id"]], ["k", "1"]]))
            assert await client.stored(both) == [kept]

    @check(Ability.DELETING, Ability.DELETING_FOR_GOOD)
    async def test_what_was_deleted_does_not_come_back(self, host: RunningHost) -> None:
        """An event by its id, also before it came; versions of an address up to the deletion."""
        author, now = Key(), int(time.time())
        note, late = (author.event(NOTE, text, (), now - 30) for text in ("note", "late"))
        old, new = (author.event(30_023, "", [["d", "x"]], now - ago) for ago in (20, 5))
        tags = [["e", note["id"]], ["e", late["id"]], ["a", f"30023:{author.pubkey}:x"]]
        async with host.connected() as client:
            await client.publish_all(note, old, author.event(5, "", tags, now - 10))
            for gone in (note, late, old):
                await is_refused(client, gone, "blocked:")
            await client.publish_all(new)
            wanted = {"authors": [author.pubkey], "kinds": [NOTE, 30_023]}
            assert await client.stored(wanted) == [new]

    @check(Ability.EXPIRING)
    async def test_what_has_expired_is_refused(self, host: RunningHost) -> None:
        """And what expires is handed out no longer."""
        key, now = Key(), int(time.time())
        expired = key.event(NOTE, "expired", [["expiration", str(now - 1)]], now - 9)
        lasting = key.event(NOTE, "lasting", [["expiration", str(now + 1_000)]])
        wanted, deadline = {"authors": [key.pubkey]}, time.monotonic() + SECONDS
        async with host.connected() as client:
            await is_refused(client, expired, "invalid:", "blocked:")
            await client.publish_all(lasting)
            while not (await client.publish(brief := expiring(key)))[0]:
                assert time.monotonic() < deadline, "what is to expire is not taken"
            while brief["id"] in (given := await client.stored_ids(wanted)):
                assert time.monotonic() < deadline, "it is handed out although it has expired"
                await asyncio.sleep(0.02)
            assert given == {lasting["id"]}

    @check(Ability.PROTECTING, Ability.AUTHENTICATION)
    async def test_a_protected_event_is_taken_from_its_author(self, host: RunningHost) -> None:
        """From nobody else, and from nobody in a repost."""
        author = Key()
        event = author.event(NOTE, "protected", [["-"]])
        async with host.connected() as client:
            await is_refused(client, event, "auth-required:")
            assert (await client.authenticate(Key()))[0]
            await is_refused(client, event, "restricted:")
            assert (await client.authenticate(author))[0]
            await client.publish_all(event)
            assert await client.stored({"ids": [event["id"]]}) == [event]

    @check(Ability.REPLACING)
    async def test_the_newest_version_is_kept(self, host: RunningHost) -> None:
        """Of a replaceable kind, and of each address, whatever comes when."""
        key, now = Key(), int(time.time())
        for kind, tags in ((0, []), (10_002, []), (30_023, [["d", "x"]])):
            old, new, late = (key.event(kind, "", tags, now - ago) for ago in (30, 10, 20))
            async with host.connected() as client:
                for event in (old, new, late):
                    await client.publish(event)
                assert await client.stored({"authors": [key.pubkey], "kinds": [kind]}) == [new]

    @check(Ability.VANISHING)
    async def test_whoever_vanishes_is_gone(self, host: RunningHost) -> None:
        """With what was sealed for them, and it does not come back."""
        author, other = Key(), Key()
        before = int(time.time()) - 20
        note, others = author.event(NOTE, "", (), before), other.event(NOTE, "", (), before)
        sealed = Key().event(1059, "", [["p", author.pubkey]], before)
        vanishing = author.event(62, "", [["relay", "ALL_RELAYS"]], before + 10)
        ids = {"ids": [note["id"], others["id"], sealed["id"]]}
        async with host.connected() as client:
            await client.publish_all(note, others, sealed, vanishing)
            assert await client.stored(ids) == [others]
            await is_refused(client, note, "blocked:")
            await client.publish_all(author.event(PRIVATE, "anew"))
