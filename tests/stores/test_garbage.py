"""Garbage: what has expired by the number, not by the text, whatever the value says."""

import asyncio

from orly_policy_hookspecs.nip01 import Filter
from orly_policy_plugin.hosts.nostr_relay.garbage import collect
from orly_policy_plugin.session import Known, Vanishing

from .making import AUTHORS, URL, Place, event

NOW = 1_764_000_000
EXPIRED = ["0", "999", "1763999999", "1764000000", "01763999999"]
KEPT = ["1764000001", "10000000000", "1764000001000", "soon", "-5", "٣", "", "9" * 40]


def test_what_has_expired_is_removed(place: Place) -> None:
    """nostr-relay compares texts: 999 would stay for ever, and the year 2286 be over."""
    expired = [event(i, tags=[["expiration", value]]) for i, value in enumerate(EXPIRED)]
    kept = [event(50 + i, tags=[["expiration", value]]) for i, value in enumerate(KEPT)]
    kept.append(event(80, tags=[["expiration", "soon"], ["expiration", "1"]]))
    kept.append(event(81))

    async def run() -> None:
        async with place.store() as store:
            added = await asyncio.gather(*map(store.add, [*expired, *kept]))
            assert set(added) == {Known.STORED}
            assert await collect(store, NOW) == len(expired)
            left = await store.page(Filter(), None, 500)
            assert {each.id for each in left} == {each.id for each in kept}
            assert await collect(store, NOW) == 0

    asyncio.run(run())


def test_what_remembers_is_no_garbage(place: Place) -> None:
    """What a deletion has removed does not come back once that expires, nor who has vanished."""
    gone, older = event(1, created_at=10), event(2, AUTHORS[1], created_at=10)
    long_ago = ["expiration", "999"]
    deletion = event(3, created_at=20, kind=5, tags=[["e", gone.id], long_ago])
    vanishing = event(4, AUTHORS[1], created_at=20, kind=62, tags=[["relay", URL], long_ago])

    async def run() -> None:
        async with place.store() as store:
            assert await store.add(deletion) is Known.STORED
            await store.vanish(Vanishing(AUTHORS[1], 20, vanishing))
            assert await collect(store, NOW) == 0
            assert await store.add(gone) is Known.DELETED
            assert await store.add(older) is Known.DELETED

    asyncio.run(run())
