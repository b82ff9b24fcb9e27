"""What is hidden from a reader changes no answer: order, EOSE, CLOSED, COUNT, on every storage."""

import time
from typing import Any

from .client import Client, Closed, asynchronous, connected
from .process import Relay
from .signing import Event, Key

NOW = int(time.time())
WINDOWS = [
    {},
    {"since": NOW - 300},
    {"since": NOW - 77, "until": NOW - 35},
]
PARTS: list[dict[str, Any]] = [
    {},
    {"kinds": [1]},
    {"kinds": [1, 4, 1059]},
    {"kinds": [4]},
    {"kinds": [5001, 1]},
]


async def answer(client: Client, filters: list[dict[str, Any]]) -> Any:
    """What a REQ and a COUNT are answered."""
    try:
        stored: Any = [event["id"] for event in await client.stored(*filters)]
    except Closed as closed:
        stored = str(closed)
    return stored, await client.count(*filters)


@asynchronous
async def test_a_binary_search_finds_nothing(relay: Relay) -> None:
    """The attack: limits and time windows, by somebody anonymous and by a stranger."""
    author, friend, stranger = Key(), Key(), Key()

    def event(kind: int, seconds_ago: int) -> Event:
        return author.event(kind, tags=[["p", friend.pubkey]], created_at=NOW - seconds_ago)

    by_author, to_friend = {"authors": [author.pubkey]}, {"#p": [friend.pubkey]}
    asked = [
        [{**part, **window, **limit, **whose}]
        for part in PARTS
        for window in WINDOWS
        for limit in ({}, {"limit": 3})
        for whose in (by_author, to_friend)
    ]
    asked.append([{**by_author, "limit": 2}, {**to_friend, "kinds": [4]}, {"ids": []}])
    async with connected(relay.url) as writer:
        await writer.publish_all(*(event(1, 10 * i) for i in range(20)))
        transcripts = []
        for hidden in (0, 30):
            private = [event(kind, 7 * i) for i in range(hidden) for kind in (4, 1059, 5001)]
            await writer.publish_all(*private)
            async with connected(relay.url) as nobody, connected(relay.url, stranger) as known:
                transcripts.append(
                    [
                        [await answer(each, filters) for filters in asked]
                        for each in (nobody, known)
                    ]
                )
    for reader in (0, 1):
        before, after = (transcript[reader] for transcript in transcripts)
        for filters, without, with_hidden in zip(asked, before, after, strict=True):
            assert without == with_hidden, filters
    async with connected(relay.url, friend) as party:
        assert await party.count({**by_author, "kinds": [4, 1059]}) == 60
