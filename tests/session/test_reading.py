"""REQ and COUNT: what a reader is given, and that nothing but time tells of what is hidden."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from examples import AnEvent
from relay.client import Closed, asynchronous
from relay.signing import Key

from orly_policy_hookspecs import Context, Decision, Event, hookimpl
from orly_policy_hookspecs.nip01 import Filter, FrozenEvent, Position
from orly_policy_plugin.hosts.memory import MemoryStore

from .relays import Speaker, client, serving

ALICE, BOB, CAROL = Key("alice"), Key("bob"), Key("carol")
NOW = int(time.time())
POLICY: dict[str, Any] = {
    "rules": {
        "4": {"privileged": True},
        "1059": {"privileged": True},
        "7": {"read_allow": [ALICE.pubkey]},
        "8": {"read_allow": [ALICE.pubkey], "content_limit": 3},
    }
}


class Asked:
    """A store that notes what it is asked for."""

    def __init__(self) -> None:
        store = MemoryStore()
        self.add, self.delete, self.vanish = store.add, store.delete, store.vanish
        self._page = store.page
        self.filters: list[Filter] = []
        self.given = 0

    async def page(
        self, wanted: Filter, before: Position | None, most: int
    ) -> Sequence[FrozenEvent]:
        self.filters.append(wanted)
        found = await self._page(wanted, before, most)
        self.given += len(found)
        return found


async def give(server: Any, *events: Any) -> None:
    """Store events that the policy might not take."""
    for event in events:
        made = FrozenEvent.of_json(event)
        assert await server._able.host.add(made)


def ids(events: Sequence[Any]) -> list[str]:
    return [event["id"] for event in events]


@asynchronous
async def test_newest_first_and_of_a_second_the_lowest_id(tmp_path: Path) -> None:
    """Whatever filters find them, each once, each filter as many as it asks for."""
    events = [ALICE.event(i % 3, f"{i}", created_at=NOW - i // 4) for i in range(40)]
    events = [event for event in events if event["kind"] != 0]
    ordered = sorted(events, key=lambda event: (-event["created_at"], event["id"]))
    async with serving(tmp_path, {}) as server, client(server) as speaker:
        await speaker.publish_all(*events)
        assert ids(await speaker.stored({})) == ids(ordered)
        assert ids(await speaker.stored({}, {"kinds": [1]}, {})) == ids(ordered)
        of_kind = {kind: [each for each in ordered if each["kind"] == kind] for kind in (1, 2)}
        expected = sorted([*of_kind[1][:3], *of_kind[2][:5]], key=ordered.index)
        limited = await speaker.stored({"kinds": [1], "limit": 3}, {"kinds": [2], "limit": 5})
        assert ids(limited) == ids(expected)
        since, until = NOW - 6, NOW - 3
        between = [each for each in ordered if since <= each["created_at"] <= until]
        assert ids(await speaker.stored({"since": since, "until": until})) == ids(between)
        assert await speaker.stored({"limit": 0}) == []
        assert await speaker.stored({"ids": []}) == []


@asynchronous
async def test_limit_counts_what_may_be_read(tmp_path: Path) -> None:
    """However much is hidden before it, settled or not."""
    hidden = [BOB.event(8, "too long", created_at=NOW - i) for i in range(300)]
    hidden += [BOB.event(4, created_at=NOW - i) for i in range(300)]
    shown = [BOB.event(8, "ok", [["i", f"{i}"]], NOW - 500 - i) for i in range(5)]
    async with serving(tmp_path, POLICY) as server, client(server, ALICE) as speaker:
        await give(server, *hidden, *shown)
        assert ids(await speaker.stored({"limit": 3})) == ids(shown[:3])
        assert ids(await speaker.stored({"limit": 1, "kinds": [8, 4]})) == ids(shown[:1])
        assert await speaker.count({}) == 5


@asynchronous
async def test_the_budget_ends_a_search(tmp_path: Path) -> None:
    """Then what was found is handed out; a COUNT is refused."""
    hidden = [BOB.event(8, "too long", [["i", f"{i}"]], NOW - i) for i in range(200)]
    first, last = BOB.event(8, "ok", created_at=NOW + 1), BOB.event(8, "ok", created_at=NOW - 500)
    bounds = {"scanned_events": 100, "counted_events": 100}
    async with serving(tmp_path, POLICY, **bounds) as server, client(server, ALICE) as speaker:
        await give(server, *hidden, first, last)
        assert ids(await speaker.stored({"kinds": [8]})) == ids([first])
        refused = await speaker.count({"kinds": [8]})
        assert refused == "error: this is more than 100 events to look at"
        # Fewer than half of the budget, which is the least that it may be.
        assert await speaker.count({"kinds": [8], "until": NOW - 160}) == 1


@asynchronous
async def test_how_far_a_search_goes_does_not_tell_how_much_is_hidden(tmp_path: Path) -> None:
    """Who pads with events of his own up to the budget is not shown one less for each that is
    hidden: where it ends is another each time.
    """
    mine = [BOB.event(8, "ok", [["i", f"{i}"]], NOW - i) for i in range(200)]
    bounds = {"scanned_events": 100, "counted_events": 100}
    async with serving(tmp_path, POLICY, **bounds) as server, client(server, ALICE) as speaker:
        await give(server, *mine)
        found = {len(await speaker.stored({"kinds": [8]})) for _ in range(60)}
        assert len(found) > 10
        assert min(found) >= 50
        assert max(found) <= 100


@pytest.mark.parametrize("keys", [(), (CAROL,), (ALICE,), (CAROL, ALICE)], ids=len)
@asynchronous
async def test_the_store_is_asked_only_for_what_may_be_seen(
    tmp_path: Path, keys: tuple[Key, ...]
) -> None:
    """A reader costs what he may see, and is given all of that."""
    mine = [CAROL.event(4, created_at=NOW - 50), BOB.event(4, tags=[["p", CAROL.pubkey]])]
    mine.append(BOB.event(1059, tags=[["p", CAROL.pubkey.upper()]], created_at=NOW - 60))
    hidden = [
        BOB.event(kind, f"{i}", created_at=NOW - i) for i in range(100) for kind in (4, 1059)
    ]
    members = [BOB.event(7, f"{i}") for i in range(20)]
    public = [BOB.event(1, f"{i}", created_at=NOW - i) for i in range(10)]
    store = Asked()
    is_carol, is_alice = CAROL in keys, ALICE in keys
    seen = [*public, *(mine if is_carol else ()), *(members if is_alice else ())]
    async with serving(tmp_path, POLICY, store=store) as server:
        await give(server, *mine, *hidden, *members, *public)
        async with client(server, *keys) as speaker:
            for asked in ({}, {"kinds": [4]}, {"kinds": [1059, 7, 1]}, {"authors": [BOB.pubkey]}):
                wanted = Filter.read(asked)
                expected = {each["id"] for each in seen if wanted.matches(AnEvent(**each))}
                store.given = 0
                assert await answered(speaker, asked) == expected
                assert store.given <= len(expected) + 1


async def answered(speaker: Speaker, asked: dict[str, Any]) -> set[str]:
    """The ids of what is stored; none where it is closed for want of authentication."""
    try:
        return await speaker.stored_ids(asked)
    except Closed as closed:
        if not str(closed).startswith("auth-required:"):
            raise
        return set()


@asynchronous
async def test_a_binary_search_finds_nothing(tmp_path: Path) -> None:
    """Whatever an anonymous client asks, the answers are those of a relay without the hidden
    events: order, EOSE, CLOSED, COUNT and errors included.
    """
    public = [BOB.event(1, f"{i}", created_at=NOW - 10 * i) for i in range(30)]
    private = [
        BOB.event(kind, f"{i}", [["p", CAROL.pubkey]], NOW - 7 * i)
        for i in range(40)
        for kind in (4, 1059, 7, 8)
    ]
    asked = list(questions())
    transcripts = []
    for hidden in ([], private):
        async with serving(tmp_path, POLICY) as server:
            await give(server, *public, *hidden)
            async with client(server) as speaker:
                transcripts.append([await answer(speaker, filters) for filters in asked])
    for filters, without, with_hidden in zip(asked, *transcripts, strict=True):
        assert without == with_hidden, filters


def questions() -> list[list[dict[str, Any]]]:
    """What the attack asks: limits and time windows over everything that could tell."""
    windows = [{"since": NOW - a, "until": NOW - b} for a in (300, 150, 77) for b in (0, 70, 75)]
    parts: list[dict[str, Any]] = [
        {},
        {"kinds": [4]},
        {"kinds": [1, 4, 1059]},
        {"kinds": [8]},
        {"authors": [BOB.pubkey]},
        {"#p": [CAROL.pubkey]},
        {"authors": [BOB.pubkey], "kinds": [1, 4]},
    ]
    made = [
        [{**part, **window, **limit}]
        for part in parts
        for window in windows
        for limit in ({}, {"limit": 1}, {"limit": 5})
    ]
    return [*made, [{"kinds": [4]}, {"limit": 2}], [{"limit": 1}, {"kinds": [1], "limit": 2}]]


async def answer(speaker: Speaker, filters: list[dict[str, Any]]) -> Any:
    """What a REQ and a COUNT are answered."""
    try:
        stored: Any = ids(await speaker.stored(*filters))
    except Closed as closed:
        stored = str(closed)
    return stored, await speaker.count(*filters)


@pytest.mark.parametrize(
    ("keys", "filters", "says"),
    [
        ((), [{"kinds": [7]}], "auth-required:"),
        ((), [{"kinds": [7, 4]}, {"kinds": [12345]}], "auth-required:"),
        ((), [{"kinds": [7]}, {"kinds": [1]}], None),
        ((), [{"kinds": [7]}, {}], None),
        ((), [{"kinds": []}], None),
        ((BOB,), [{"kinds": [7]}], "restricted:"),
        ((BOB,), [{"kinds": [4]}], None),
        ((ALICE,), [{"kinds": [7]}], None),
    ],
)
@asynchronous
async def test_closed_where_nothing_could_be_given(
    tmp_path: Path, keys: tuple[Key, ...], filters: list[Any], says: str | None
) -> None:
    """And the client is told what would help; EOSE in every other case."""
    async with serving(tmp_path, POLICY) as server, client(server, *keys) as speaker:
        if says is None:
            await speaker.subscribe(*filters)
            return
        with pytest.raises(Closed) as caught:
            await speaker.subscribe(*filters)
        assert str(caught.value).startswith(says)


class Failing:
    """A store that cannot be read."""

    def __init__(self) -> None:
        self.add = MemoryStore().add

    async def page(self, wanted: Filter, before: Position | None, most: int) -> Any:
        raise OSError("the disk is gone")


@asynchronous
async def test_a_store_that_fails_is_an_error_to_the_client(tmp_path: Path) -> None:
    """Of its REQ, its COUNT and its EVENT; the connection goes on, and the log has the fault."""
    async with serving(tmp_path, store=Failing()) as server, client(server) as speaker:
        with pytest.raises(Closed, match="error: the REQ could not be served"):
            await speaker.subscribe({})
        assert await speaker.count({}) == "error: the COUNT could not be answered"
        refused = await speaker.publish(ALICE.event(1))
        assert refused == (False, "error: the event could not be stored")


class Counting(MemoryStore):
    """A store that counts."""

    def __init__(self) -> None:
        super().__init__()
        self.counted = 0

    async def count(self, wanted: Filter, now: int, most: int) -> int:
        self.counted += 1
        return len(await self.page(wanted, None, most + 1))


@asynchronous
async def test_what_a_store_counts_is_bounded_as_well(tmp_path: Path) -> None:
    """It looks at no more than the budget."""
    store = Counting()
    async with serving(tmp_path, {}, store=store, counted_events=3) as server:
        async with client(server) as speaker:
            await give(server, *(BOB.event(1, f"{number}") for number in range(3)))
            assert await speaker.count({"kinds": [1]}) == 3
            await give(server, BOB.event(1, "one more"))
            refused = "error: this is more than 3 events to look at"
            assert await speaker.count({"kinds": [1]}) == refused
        assert store.counted == 2


@asynchronous
async def test_a_store_counts_only_what_everybody_may_read(tmp_path: Path) -> None:
    """Otherwise each event is decided before it counts."""
    store = Counting()
    async with serving(tmp_path, POLICY, store=store) as server, client(server) as speaker:
        await give(server, BOB.event(1), BOB.event(4), BOB.event(2))
        assert await speaker.count({"kinds": [1, 2]}) == 2
        assert store.counted == 1
        assert await speaker.count({}) == 2
        assert await speaker.count({"kinds": [1, 4]}) == 1
        assert await speaker.count({"kinds": [1]}, {"kinds": [2]}) == 2
        assert store.counted == 1


class DeniesContent:
    """A plugin that says nothing beforehand."""

    def __init__(self) -> None:
        self.asked = 0

    @hookimpl
    def on_read(self, event: Event, context: Context) -> Decision | None:
        self.asked += 1
        return Decision.reject("no") if event.content == "hidden" else None


@asynchronous
async def test_another_plugin_is_asked_about_every_event(tmp_path: Path) -> None:
    """Whatever the engine has settled."""
    plugin = DeniesContent()
    async with serving(tmp_path, POLICY, plugin) as server, client(server) as speaker:
        await give(server, BOB.event(1, "hidden"), BOB.event(1, "shown"))
        assert [event["content"] for event in await speaker.stored({})] == ["shown"]
        assert await speaker.count({}) == 1
        assert plugin.asked == 4
