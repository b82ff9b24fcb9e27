"""``search`` in filters (NIP-50), with any store that searches."""

from pathlib import Path

import pytest
from relay.client import Closed, asynchronous
from relay.signing import Key

from orly_policy_hookspecs.nip01 import Filter, FrozenEvent, Position, UnreadableFilter
from orly_policy_plugin.hosts.memory import MemoryStore
from orly_policy_plugin.session import Search

from .relays import client, serving

ALICE, BOB = Key("alice"), Key("bob")
POLICY = {"rules": {"4": {"privileged": True}}}


class SearchingStore(MemoryStore):
    """Finds the text itself."""

    def __init__(self, *, searches: bool = True) -> None:
        super().__init__()
        self.searches = searches

    def search_for(self, text: str) -> Search:
        """A letter is too little."""
        if len(text) < 2:
            raise UnreadableFilter("that is too short")
        return lambda event: text in event.content

    async def page(self, wanted: Filter, before: Position | None, most: int) -> list[FrozenEvent]:
        """The first events that match."""
        found = await super().page(wanted, before, 1_000)
        matches = self.search_for(wanted.search) if wanted.search else bool
        return [event for event in found if matches(event)][:most]


@asynchronous
async def test_stored_and_live_events_are_searched(tmp_path: Path) -> None:
    """Each filter by its own text; what may not be read is not found."""
    events = [ALICE.event(kind, text) for kind in (1, 4) for text in ("fox", "dog", "bird", "")]
    stored = {"fox": events[0]["id"], "dog": events[1]["id"], "": events[3]["id"]}
    asked = [
        ([{"search": "fox"}], {stored["fox"]}),
        ([{"search": "fox"}, {"search": "dog", "kinds": [1]}], {stored["fox"], stored["dog"]}),
        ([{"search": "dog", "authors": [BOB.pubkey]}], set()),
        ([{"search": "fox"}, {"ids": [stored[""]]}], {stored["fox"], stored[""]}),
        ([{"search": "", "ids": [stored[""]]}], {stored[""]}),
    ]
    async with serving(tmp_path, POLICY, store=SearchingStore()) as server:
        assert 50 in server.information({})["supported_nips"]
        async with client(server) as reader, client(server, ALICE) as writer:
            live = [await reader.subscribe(*filters) for filters, _ in asked]
            everything = await reader.subscribe({})
            await writer.publish_all(*events)
            await reader.until(lambda: len(everything.events) == 4)
            for subscription, (filters, expected) in zip(live, asked, strict=True):
                assert subscription.ids == expected, filters
                assert await reader.stored_ids(*filters) == expected
                assert await reader.count(*filters) == len(expected)
            assert await writer.count({"search": "fox"}) == 2


@pytest.mark.parametrize(
    ("store", "why"),
    [
        (SearchingStore(), "invalid: that is too short"),
        (SearchingStore(searches=False), "invalid: there is no search here"),
        (MemoryStore(), "invalid: there is no search here"),
    ],
)
@asynchronous
async def test_what_cannot_be_searched_for_is_told(
    tmp_path: Path, store: MemoryStore, why: str
) -> None:
    """By the store, or where there is no search."""
    async with serving(tmp_path, store=store) as server, client(server) as reader:
        for filters in ([{"search": "x"}], [{}, {"search": "x"}]):
            with pytest.raises(Closed, match=why):
                await reader.subscribe(*filters)
            assert await reader.count(*filters) == why
