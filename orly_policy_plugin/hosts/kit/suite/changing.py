"""A policy that changes: the saved file, events of owners and admins, lists of people."""

import asyncio
import json
import time
from contextlib import AbstractAsyncContextManager
from itertools import count

from orly_policy_hookspecs.nip01 import kinds

from ..client import SECONDS, Client
from ..policy import ADMIN, FROM_FOLLOWED, FROM_PICKED, LEADER, NOTE, OWNER, PICKED
from ..running import Ability, RunningHost, check, with_rule
from ..signing import Event, Key
from .reading import BY_READER, has_come, is_closed

POLICY_EVENT = 12345
WITHDRAWING = 5


def as_owner(host: RunningHost) -> AbstractAsyncContextManager[Client]:
    """Connect as who may read policy events, if anybody could."""
    is_known = Ability.AUTHENTICATION not in host.cannot
    return host.connected(*([OWNER] if is_known else []))


async def is_nowhere(host: RunningHost, event: Event) -> None:
    """A policy event is given to nobody who asks for it, not even to the owner."""
    async with as_owner(host) as client:
        asked = {"authors": [event["pubkey"]], "kinds": [POLICY_EVENT, NOTE]}
        assert event["id"] not in await client.stored_ids({"ids": [event["id"]]}, asked)


class Changing:
    """Changes."""

    @check()
    async def test_a_saved_file_is_in_force(self, host: RunningHost) -> None:
        """For writes, without a new start, on connections that are open."""
        key, kind = Key(), host.unused_kind()
        async with host.connected() as client:
            await client.publish_all(key.event(kind, "longer than five"))
            await host.change(kind, {"content_limit": 5})
            accepted, message = await client.publish(key.event(kind, "too long"))
            assert (accepted, message[:8]) == (False, "blocked:")

    @check(*BY_READER)
    async def test_open_subscriptions_read_by_the_policy_in_force(self, host: RunningHost) -> None:
        """What is private from now on comes no longer, stored or live."""
        key, kind = Key(), host.unused_kind()
        seen, unseen = key.event(kind, "seen"), key.event(kind, "unseen")
        fence = key.event(NOTE, "fence")
        async with host.connected() as reader, host.connected() as writer:
            live = await reader.subscribe({"authors": [key.pubkey]})
            await writer.publish_all(seen)
            await has_come(reader, live, seen)
            await host.change(kind, {"privileged": True})
            await writer.publish_all(unseen, fence)
            await has_come(reader, live, fence)
            assert live.events == [seen, fence]
            assert await reader.stored({"authors": [key.pubkey]}) == [fence]
            await is_closed(reader, "auth-required:", {"kinds": [kind]})

    @check()
    async def test_a_broken_file_changes_nothing(self, host: RunningHost) -> None:
        """The policy before stays in force, and the file counts again once it is mended."""
        key, kind = Key(), host.unused_kind()
        await host.change(kind, {"content_limit": 5})
        policy = host.policy_now()
        host.save('{"rules": {"1": {"content_limit": -1}}}')
        async with host.connected() as client:
            assert not (await client.publish(key.event(kind, "too long")))[0]
            await client.publish_all(key.event(kind, "short"))
        host.save(json.dumps(policy))
        await host.change(kind, {})
        async with host.connected() as client:
            await client.publish_all(key.event(kind, "not too long"))

    @check()
    async def test_a_change_in_the_middle_of_writes(self, host: RunningHost) -> None:
        """Each write is answered, by the old policy or by the new one, and no later than the
        change by the old one again.
        """
        key, kind, answers = Key(), host.unused_kind(), list[bool]()
        numbered = (f"{n} is too long for the new policy" for n in count())

        async def write(client: Client) -> None:
            for content in numbered:
                event = key.event(kind, content)
                answers.append((await client.publish(event))[0])

        async with host.connected() as client:
            writing = asyncio.create_task(write(client))
            await client.until(lambda: len(client.answers) > 5)
            await host.change(kind, {"content_limit": 5})
            last = key.event(kind, next(numbered))
            assert not (await client.publish(last))[0]
            writing.cancel()
            await asyncio.wait([writing])
        assert answers[0]
        assert answers == sorted(answers, reverse=True)

    @check(Ability.POLICY_EVENTS)
    async def test_an_owner_replaces_the_policy(self, host: RunningHost) -> None:
        """By an event that is applied, and not stored, nor shown, nor told to a subscription."""
        kind = host.unused_kind()
        policy = with_rule(host.policy_now(), kind, {"content_limit": 5})
        event = OWNER.event(POLICY_EVENT, json.dumps(policy), created_at=host.moment())
        key, fence = Key(), OWNER.event(NOTE, f"fence {time.time_ns()}")
        async with host.connected() as client, as_owner(host) as reader:
            live = await reader.subscribe({"authors": [OWNER.pubkey], "limit": 0})
            await client.publish_all(event)
            await host.in_force(policy)
            assert not (await client.publish(key.event(kind, "too long")))[0]
            accepted, message = await client.publish(event)
            assert (accepted, message[:8]) == (False, "invalid:"), "a replay"
            await client.publish_all(fence)
            await has_come(reader, live, fence)
            assert live.events == [fence]
            await is_nowhere(host, event)

    @check(Ability.POLICY_EVENTS)
    async def test_an_admin_contributes_and_withdraws(self, host: RunningHost) -> None:
        """By a kind 12345, and a kind 5 that names it."""
        kind = host.unused_kind()
        added = json.dumps({"kind_blacklist_add": [kind]})
        event = ADMIN.event(POLICY_EVENT, added, created_at=host.moment())
        withdrawing = ADMIN.event(
            WITHDRAWING, "", [["e", event["id"]], ["k", "12345"]], created_at=host.moment()
        )
        numbered = map(str, count())
        key, fence = Key(), ADMIN.event(NOTE, f"fence {time.time_ns()}")
        async with host.connected() as client, as_owner(host) as reader:
            live = await reader.subscribe({"authors": [ADMIN.pubkey], "kinds": [12345, NOTE]})
            await client.publish_all(key.event(kind, next(numbered)), event)
            accepted, message = await client.publish(key.event(kind, next(numbered)))
            assert (accepted, message[:8]) == (False, "blocked:")
            await is_nowhere(host, event)
            await client.publish_all(withdrawing)
            await client.publish_all(key.event(kind, next(numbered)), fence)
            await has_come(reader, live, fence)
            assert event["id"] not in live.ids

    @check(Ability.POLICY_EVENTS)
    async def test_a_policy_event_of_somebody_else_changes_nothing(
        self, host: RunningHost
    ) -> None:
        """A stranger's, a forged one, one for another relay, and one that is no policy."""
        stranger, kind = Key(), host.unused_kind()
        closing = json.dumps({**host.policy_now(), "kind": {"blacklist": [kind]}})

        def event(key: Key, content: str, tags: list[list[str]]) -> Event:
            return key.event(POLICY_EVENT, content, tags, created_at=host.moment())

        wrong = [
            (event(stranger, closing, []), "restricted:"),
            ({**event(stranger, closing, []), "pubkey": OWNER.pubkey}, "invalid:"),
            (event(OWNER, closing, [["relay", "wss://elsewhere.example"]]), "invalid:"),
            (event(OWNER, '{"rules": 5}', []), "invalid:"),
            (event(OWNER, "no JSON", []), "invalid:"),
        ]
        async with host.connected() as client:
            for policy_event, beginning in wrong:
                accepted, message = await client.publish(policy_event)
                assert (accepted, message[: len(beginning)]) == (False, beginning)
                await is_nowhere(host, policy_event)
            await client.publish_all(stranger.event(kind))

    @check(*BY_READER)
    async def test_policy_events_are_not_for_everybody(self, host: RunningHost) -> None:
        """A REQ for them is closed."""
        async with host.connected() as client:
            for beginning in ("auth-required:", "restricted:"):
                await is_closed(client, beginning, {"kinds": [POLICY_EVENT]})
                assert (await client.authenticate(Key()))[0]

    @check(Ability.FOLLOW_LISTS, Ability.AUTHENTICATION)
    async def test_a_follow_list_is_seen(self, host: RunningHost) -> None:
        """The newest counts from when it is accepted, and an unfollow, too."""
        await lists_count(host, kinds.FOLLOW_LIST, [], FROM_FOLLOWED)

    @check(Ability.FOLLOW_LISTS, Ability.AUTHENTICATION)
    async def test_an_authors_list_is_seen(self, host: RunningHost) -> None:
        """A list that the policy names by its kind, author and ``d`` tag."""
        await lists_count(host, kinds.FOLLOW_SET, [["d", PICKED]], FROM_PICKED)


async def lists_count(host: RunningHost, kind: int, tags: list[list[str]], opened: int) -> None:
    """The newest list of the policy's leader counts from when it is accepted, whole.

    :param opened: the kind that is taken from those who are in it.
    """
    listed = Key()
    named = [*tags, ["p", listed.pubkey]]
    async with host.connected() as client, host.connected(listed) as writer:
        for of, counts in ((named, True), ([*tags, ["p", ADMIN.pubkey]], False)):
            await client.publish_all(LEADER.event(kind, "", of, host.moment()))
            deadline = time.monotonic() + SECONDS
            while (await writer.publish(another(listed, opened)))[0] is not counts:
                assert time.monotonic() < deadline, "the list does not count"
                await asyncio.sleep(0.01)


def another(key: Key, kind: int) -> Event:
    """An event that is like no other."""
    return key.event(kind, f"{time.monotonic_ns()}")
