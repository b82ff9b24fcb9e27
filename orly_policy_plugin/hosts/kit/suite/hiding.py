"""That nothing tells of what is hidden: neither an answer nor a page nor an error."""

import asyncio
import contextlib
import json
import time
import urllib.parse
from collections.abc import Iterable
from http.client import HTTPConnection, HTTPSConnection
from typing import Any

from ..client import SECONDS, Client, Closed
from ..policy import FOR_MEMBERS, NOTE, PRIVATE
from ..running import Ability, RunningHost, check
from ..signing import Event, Key
from .reading import BY_READER, has_come


async def answer_to(client: Client, *asked: dict[str, Any]) -> list[str] | str:
    """The ids that a REQ is answered with, or why it is closed."""
    try:
        return [event["id"] for event in await client.stored(*asked)]
    except Closed as closed:
        return str(closed)


def page(url: str, accept: str = "*/*") -> tuple[int, str]:
    """A web page's status and text."""
    asked = urllib.parse.urlsplit(url)
    make = HTTPSConnection if asked.scheme == "https" else HTTPConnection
    with contextlib.closing(make(asked.netloc, timeout=SECONDS)) as connection:
        target = urllib.parse.urlunsplit(("", "", asked.path or "/", asked.query, ""))
        connection.request("GET", target, headers={"Accept": accept})
        response = connection.getresponse()
        return response.status, response.read().decode(errors="replace")


class Hiding:
    """What is hidden."""

    @check(*BY_READER)
    async def test_no_way_of_asking_shows_it(self, host: RunningHost) -> None:
        """By id, author, kind, tag or time, to nobody and to a stranger, stored and live."""
        author, party = Key(), Key()
        tags = [["p", party.pubkey], ["e", "ab" * 32], ["t", author.pubkey]]
        secret, fence = author.event(PRIVATE, "secret", tags), author.event(NOTE, "fence")
        live = author.event(PRIVATE, "live", tags)
        moment = secret["created_at"]
        filters: list[dict[str, Any]] = [
            {"ids": [secret["id"]]},
            {"ids": [secret["id"]], "#p": [party.pubkey], "kinds": [PRIVATE, NOTE]},
            {"authors": [author.pubkey]},
            {"authors": [author.pubkey], "kinds": [PRIVATE, NOTE], "limit": 1},
            {"authors": [author.pubkey], "since": moment - 1, "until": moment + 1},
            {"#p": [party.pubkey]},
            {"#t": [author.pubkey], "#e": ["ab" * 32]},
            {"authors": [author.pubkey, party.pubkey], "search": "secret"},
            {"ids": [secret["id"].upper()]},
        ]
        async with (
            host.connected(author) as writer,
            host.connected() as nobody,
            host.connected(Key()) as stranger,
        ):
            await writer.publish_all(secret)
            for reader in (nobody, stranger):
                for asked in filters:
                    with contextlib.suppress(Closed):  # no search, and no such spelling
                        await reader.subscribe(asked)
                    with contextlib.suppress(Closed):
                        await reader.subscribe({"ids": ["cd" * 32]}, asked)
            await writer.publish_all(live, fence)
            for reader in (nobody, stranger):
                await has_come(reader, reader.subscriptions["s4"], fence)
                await reader.stored({"ids": [fence["id"]]})
                assert {secret["id"], live["id"]}.isdisjoint(
                    message[2]["id"] for message in reader.messages if message[0] == "EVENT"
                )
                assert "secret" not in json.dumps(reader.notices)

    @check(*BY_READER)
    async def test_answers_are_the_same_without_it(self, host: RunningHost) -> None:
        """``limit``, windows of time, order and EOSE: a search by halves finds nothing."""
        author, friend, now = Key(), Key(), int(time.time())

        def event(kind: int, seconds_ago: int) -> Event:
            tags = [["p", friend.pubkey]]
            return author.event(kind, f"{kind}", tags, created_at=now - seconds_ago)

        kinds = [NOTE, PRIVATE, FOR_MEMBERS]
        parts: list[dict[str, Any]] = [
            {"authors": [author.pubkey]},
            {"#p": [friend.pubkey], "kinds": kinds},
            {"authors": [author.pubkey], "kinds": [PRIVATE]},
        ]
        windows: list[dict[str, Any]] = [{}, {"limit": 4}, {"since": now - 77, "limit": 3}]
        windows += [{"since": now - 90, "until": now - 35}]
        asked = [[{**part, **window}] for part in parts for window in windows]
        asked.append([parts[0], {**parts[2], "limit": 2}, {"ids": []}])
        counts = Ability.COUNTING not in host.cannot

        async def transcript(reader: Client) -> list[Any]:
            answers = [answer_to(reader, *filters) for filters in asked]
            counted = [reader.count(*filters) for filters in asked] if counts else []
            return await asyncio.gather(*answers, *counted)

        async with (
            host.connected() as writer,
            host.connected() as nobody,
            host.connected(Key()) as stranger,
        ):
            await writer.publish_all(*(event(NOTE, 10 * n) for n in range(12)))
            before = [await transcript(reader) for reader in (nobody, stranger)]
            hidden = [event(kind, 7 * n) for n in range(16) for kind in (PRIVATE, FOR_MEMBERS)]
            await asyncio.gather(*(writer.publish_all(each) for each in hidden))
            assert before == [await transcript(reader) for reader in (nobody, stranger)]
        async with host.connected(friend) as reader:
            given = await reader.stored_ids({"authors": [author.pubkey], "kinds": [PRIVATE]})
            assert len(given) == 16

    @check(*BY_READER)
    async def test_writing_tells_nothing(self, host: RunningHost) -> None:
        """What is stored and hidden, sent with a wrong signature, is refused as if it were new."""
        author = Key()
        secret = author.event(PRIVATE, "secret", [["p", Key().pubkey]])
        unknown = author.event(PRIVATE, "never sent", [["p", Key().pubkey]])
        async with host.connected() as writer, host.connected() as nobody:
            await writer.publish_all(secret)
            lies = [{**event, "sig": "00" * 64} for event in (secret, unknown)]
            answers = [await nobody.publish(lie) for lie in lies]
            assert answers[0] == answers[1]
            assert not answers[0][0]

    @check(*BY_READER)
    async def test_no_page_shows_it(self, host: RunningHost) -> None:
        """Neither the usual pages of one event, which answer as if there were none, nor others."""
        author = Key()
        secret = author.event(PRIVATE, "the secret", [["p", author.pubkey]])
        async with host.connected() as writer:
            await writer.publish_all(secret)
        shown = await asyncio.to_thread(pages, host.http, secret["id"])
        of_none = await asyncio.to_thread(pages, host.http, "ab" * 32)
        for path, (status, text) in shown.items():
            assert "the secret" not in text, path
            assert author.pubkey not in text, path
            none_status, none_text = of_none[path.replace(secret["id"], "ab" * 32)]
            same = text.replace(secret["id"], "ab" * 32)
            assert (status, same) == (none_status, none_text), path

    @check(Ability.INFORMATION)
    async def test_what_it_says_of_itself_is_true(self, host: RunningHost) -> None:
        """NIP-11: what it supports, and nothing of the policy."""
        status, text = await asyncio.to_thread(page, host.http, "application/nostr+json")
        assert status == 200
        document = json.loads(text)
        nips = set(document["supported_nips"])
        assert {1, 11} <= nips
        for ability, nip in ((Ability.AUTHENTICATION, 42), (Ability.COUNTING, 45)):
            assert (nip in nips) is (ability not in host.cannot)
        assert str(host.policy) not in text


def pages(http: str, event_id: str) -> dict[str, tuple[int, str]]:
    """Pages of relays, by path."""
    paths: Iterable[str] = (f"/e/{event_id}", f"/event/{event_id}", f"/{event_id}")
    others = ("/stats/", "/metrics", "/events", f"/?id={urllib.parse.quote(event_id)}")
    return {path: page(http.rstrip("/") + path) for path in (*paths, *others)}
