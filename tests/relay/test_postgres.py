"""nostr-relay on PostgreSQL, by the documented command for several workers."""

import contextlib
import time
from pathlib import Path

import postgres

from .client import asynchronous, connected
from .documented import started
from .signing import Key

POLICY = {"rules": {"1": {"content_limit": 1_000}, "4": {"privileged": True}}}


@asynchronous
async def test_the_relay_works_on_postgresql(tmp_path: Path) -> None:
    """It writes, reads, counts, replaces, deletes, hides what is private, and hands on what comes
    to the readers of every worker; a second start finds all of it.
    """
    storage = {"sqlalchemy.url": postgres.url()}
    author, reader = Key(), Key()
    now = int(time.time())
    notes = [author.event(1, f"{number}", created_at=now - number) for number in range(30)]
    private = author.event(4, "for one", [["p", reader.pubkey]])
    profiles = [author.event(0, f"{number}", created_at=now - 9 + number) for number in range(3)]
    of_author = {"authors": [author.pubkey]}
    async with (
        started(tmp_path, "gunicorn", policy=POLICY, storage=storage) as relay,
        contextlib.AsyncExitStack() as stack,
    ):
        others = [await stack.enter_async_context(connected(relay.url)) for _ in range(6)]
        live = [await other.subscribe({**of_author, "kinds": [1]}) for other in others]
        async with connected(relay.url) as client:
            await client.publish_all(*notes, private, *profiles)
            assert await client.publish(notes[0]) == (True, "duplicate: stored already")
            assert not (await client.publish(author.event(1, "x" * 1_001)))[0]
            assert await client.stored({**of_author, "kinds": [1], "limit": 10}) == notes[:10]
            assert await client.count(of_author) == len(notes) + 1
            assert await client.stored({**of_author, "kinds": [0, 4]}) == profiles[-1:]
            deletion = author.event(5, tags=[["e", each["id"]] for each in notes[:5]])
            await client.publish_all(deletion)
            assert await client.publish(notes[0]) == (False, "blocked: deleted")
            assert await client.stored({**of_author, "kinds": [1]}) == notes[5:]
        for other, subscription in zip(others, live, strict=True):
            await other.until(lambda of=subscription: len(of.ids) == len(notes))
        async with connected(relay.url, reader) as party:
            assert await party.stored({**of_author, "kinds": [4]}) == [private]
    async with (
        started(tmp_path, policy=POLICY, storage=storage) as relay,
        connected(relay.url) as client,
    ):
        assert await client.stored({**of_author, "kinds": [1]}) == notes[5:]
        assert await client.publish(notes[0]) == (False, "blocked: deleted")
