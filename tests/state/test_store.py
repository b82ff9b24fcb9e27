"""What every store does: those of files and in PostgreSQL, and the one in memory that the tests
have.
"""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import attrs
import postgres
import pytest
from examples import NOBODY, NOW, AnEvent
from live.making import admin, eventually, follows, friend, owner, policy, signed, withdrawing

from orly_policy_plugin.authority.freshness import Freshness, Mark
from orly_policy_plugin.errors import Busy, PolicyError, Unreadable
from orly_policy_plugin.follows import follow_list
from orly_policy_plugin.plugin import PolicyPlugin
from orly_policy_plugin.policy import InvalidPolicy, policy_version, read_policy
from orly_policy_plugin.settings import Settings
from orly_policy_plugin.state import Entry, Store, UnknownVersion, read_state
from orly_policy_plugin.state.files import FileStore, locks
from orly_policy_plugin.state.store import (
    ContributionAdded,
    ContributionsWithdrawn,
    FollowListsKept,
    PolicyReplaced,
    Recorded,
    StoredContribution,
    Watcher,
    Withdrawn,
)

from .memory_store import MemoryStore

FIRST, SECOND = policy(), policy(default_policy="allow")


class Edit(Protocol):
    """Another hand puts a policy there, or takes it away."""

    def __call__(self, content: bytes | None) -> None: ...


@attrs.frozen
class Kept:
    """A store that holds :data:`FIRST`."""

    store: Store
    edit: Edit
    again: Callable[[], Store]
    """The same store, as another that looks at it finds it."""
    hasty: Callable[[], Store]
    """The same, as one finds it who does not wait."""
    close: Callable[[], None] = lambda: None


def in_files(folder: Path) -> Kept:
    file = folder / "policy.json"
    file.write_bytes(text(FIRST))

    def edit(content: bytes | None) -> None:
        if content is None:
            file.unlink()
        else:
            (folder / "edited").write_bytes(content)
            (folder / "edited").replace(file)

    return Kept(FileStore(file), edit, lambda: FileStore(file), lambda: FileStore(file))


def in_memory(_: Path) -> Kept:
    store = MemoryStore(text(FIRST), timeout_seconds=0.1)
    return Kept(store, store.edit, lambda: store, lambda: store)


def in_postgres(_: Path) -> Kept:
    url = postgres.libpq_url()
    from .fleets import Fleet

    made = Fleet(url, postgres.new_fleet())
    made.edit(text(FIRST))
    return Kept(made.store(), made.edit, made.store, made.hasty_store, made.close)


@pytest.fixture(params=[in_files, in_memory, in_postgres])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kept]:
    made: Kept = request.param(tmp_path)
    yield made
    made.close()


def text(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode()


def entry(value: dict[str, Any], recorded_at: int = NOW, **others: Any) -> Entry:
    content = text(value)
    version = policy_version(read_policy(content))
    fields = {"version": version, "how": "event", "content": content, **others}
    return Entry(recorded_at=recorded_at, **fields)


def nobody(_: bytes) -> frozenset[str]:
    return frozenset()


def apply(store: Store, change: Any) -> None:
    with store.exclusive() as step:
        assert step.apply(change) == ()


def replaced(
    value: dict[str, Any], n: int, before: dict[str, Any] | None = None
) -> PolicyReplaced:
    return PolicyReplaced(
        entry=entry(value, NOW + n),
        freshness=Freshness(Mark(NOW + n)),
        before=None if before is None else entry(before, NOW + n),
    )


def added(event: AnEvent, difference: bytes | None = None) -> ContributionAdded:
    fields = ("id", "pubkey", "created_at", "kind", "tags", "content", "sig")
    value = json.loads(json.dumps({name: getattr(event, name) for name in fields}))
    return ContributionAdded(
        event_id=event.id,
        contribution=StoredContribution(value, difference),
        entry=attrs.evolve(
            entry(FIRST, event.created_at, how="contribution"),
            version=event.id[:12],
            contributions={event.id: b'{"kind_blacklist_add":[7]}'},
        ),
        freshness=Freshness(admins={event.pubkey: Mark(event.created_at, event.id)}),
    )


# --- reading


def test_what_is_there_is_read(kept: Kept) -> None:
    stored = kept.store.read(nobody)
    assert stored.content == kept.store.read_policy() == text(FIRST)
    assert (stored.contributions, stored.withdrawn, stored.follow_lists) == ({}, {}, {})
    assert stored.freshness == Freshness()
    assert kept.store.has_policy()
    assert kept.store.name


def test_where_there_is_no_policy_reading_is_an_error(kept: Kept) -> None:
    kept.edit(None)
    assert not kept.store.has_policy()
    for read in (kept.store.read_policy, lambda: kept.store.read(nobody)):
        with pytest.raises(Unreadable):
            read()


def test_what_is_beside_a_policy_is_read_without_it(kept: Kept) -> None:
    """As whoever keeps a policy in force whose file is gone has to."""
    event = signed(admin, {"kind_blacklist_add": [7]})
    apply(kept.store, added(event))
    kept.edit(None)
    stored = kept.store.read(nobody, text(SECOND))
    assert (stored.content, set(stored.contributions)) == (text(SECOND), {event.id})


def test_who_asks_for_first_lists_may_refuse_the_policy(kept: Kept) -> None:
    def refuse(content: bytes) -> frozenset[str]:
        assert content == text(FIRST)
        raise InvalidPolicy([])

    with pytest.raises(InvalidPolicy):
        kept.store.read(refuse)


# --- changing


def test_a_policy_is_replaced(kept: Kept) -> None:
    """With its marks and its entry, and what it replaces is in the history."""
    apply(kept.store, replaced(SECOND, 1, before=FIRST))
    stored = kept.again().read(nobody)
    assert stored.content == text(SECOND)
    assert stored.freshness == Freshness(Mark(NOW + 1))
    contents = [each.content for each in kept.again().history([])]
    assert contents == [text(SECOND), text(FIRST)]


def test_marks_only_rise(kept: Kept) -> None:
    apply(kept.store, replaced(SECOND, 5))
    apply(kept.store, replaced(FIRST, 3))
    assert kept.again().read(nobody).freshness == Freshness(Mark(NOW + 5))


def test_a_contribution_is_kept_and_withdrawn_for_good(kept: Kept) -> None:
    event = signed(admin, {"kind_blacklist_add": [7]})
    change = added(event, b'{"kind_blacklist_add":[7]}')
    apply(kept.store, change)
    stored = kept.again().read(nobody)
    assert stored.contributions == {event.id: change.contribution}
    gone = Withdrawn(author=admin.pubkey, created_at=event.created_at, by="ab" * 32)
    apply(
        kept.store,
        ContributionsWithdrawn(
            withdrawn={event.id: gone},
            entry=entry(FIRST, NOW + 1, how="withdrawal"),
            freshness=stored.freshness,
        ),
    )
    apply(kept.store, change)
    stored = kept.again().read(nobody)
    if event.id in stored.contributions:
        pytest.fail("a replay has brought it back")
    assert stored.withdrawn == {event.id: gone}
    assert stored.freshness.admins[admin.pubkey] == Mark(event.created_at, event.id)


def test_what_has_not_changed_is_the_same_object(kept: Kept) -> None:
    """So that nobody verifies it again; also what was given to be written."""
    first, second = (signed(admin, {"kind_blacklist_add": [n]}, NOW + n) for n in (7, 8))
    change = added(first)
    kept.store.read(nobody)
    apply(kept.store, change)
    stored = kept.store.read(nobody)
    assert stored.contributions[first.id] is change.contribution
    apply(kept.store, added(second))
    again = kept.store.read(nobody)
    assert again.contributions[first.id] is change.contribution
    assert again.withdrawn is stored.withdrawn


def test_an_earlier_full_policy_goes_with_the_new_one(kept: Kept) -> None:
    first, second = (signed(admin, FIRST, NOW + n) for n in (1, 2))
    apply(kept.store, added(first, b"{}"))
    gone = Withdrawn(author=admin.pubkey, created_at=first.created_at, by=second.id)
    apply(kept.store, attrs.evolve(added(second, b"{}"), replaces={first.id: gone}))
    stored = kept.again().read(nobody)
    assert set(stored.contributions) == {second.id}
    assert stored.withdrawn == {first.id: gone}


def test_the_newest_follow_list_is_kept(kept: Kept) -> None:
    for n in (1, 3, 2):
        event = follows(admin, f"{n:064x}", created_at=NOW + n)
        apply(kept.store, FollowListsKept({admin.pubkey: (follow_list(event), event)}))
    lists = kept.again().read(lambda _: {admin.pubkey}).follow_lists
    assert lists[admin.pubkey].followed == {f"{3:064x}"}


def test_lists_of_one_author_are_kept_under_their_names(kept: Kept) -> None:
    """A kind 3 under two: the newest, and the newest with keys enough."""
    friends = signed(admin, "", NOW, kind=30_000, tags=[["d", "a/../ü"], ["p", owner.pubkey]])
    mutes = signed(admin, "", NOW, kind=10_000, tags=[["p", owner.pubkey]])
    old, newer = (follows(admin, owner, created_at=NOW + n) for n in range(2))
    names = {
        admin.pubkey: newer,
        f"3:{admin.pubkey}:": old,
        f"10000:{admin.pubkey}:": mutes,
        f"30000:{admin.pubkey}:a/../ü": friends,
    }
    lists = {name: (follow_list(event), event) for name, event in names.items()}
    apply(kept.store, FollowListsKept(lists))
    found = kept.again().read(lambda _: set(names)).follow_lists
    assert found == {name: made for name, (made, _) in lists.items()}


def test_what_came_by_another_hand_is_recorded(kept: Kept) -> None:
    """Once; and whoever asks how it came is told that it is known."""
    marks = Freshness()
    assert kept.store.how_it_came(text(FIRST), None, None, marks) == "start"
    apply(kept.store, Recorded(entry(FIRST, how="start"), marks))
    assert kept.store.how_it_came(text(FIRST), None, None, marks) is None
    kept.edit(text(SECOND))
    assert kept.store.how_it_came(text(SECOND), None, text(FIRST), marks) == "hand edit"
    for n in (1, 2):
        apply(kept.store, Recorded(entry(SECOND, NOW + n, how="hand edit"), marks))
    hows = [each.how for each in kept.again().history([])]
    assert hows == ["hand edit", "start"]


# --- one step at a time


def test_nobody_else_has_a_step(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is waited for, for a while."""
    monkeypatch.setattr(locks.exclusive.__wrapped__, "__kwdefaults__", {"timeout_seconds": 0.1})
    with kept.store.exclusive(), pytest.raises(Busy), kept.hasty().exclusive():
        pass
    with kept.again().exclusive():
        pass


def test_steps_of_many_threads_end_in_one_order(kept: Kept) -> None:
    """Each reads what the one before has written."""

    def count() -> None:
        for _ in range(10):
            store = kept.again()
            with store.exclusive() as step:
                n = json.loads(step.read_policy()).get("_n", 0)
                assert step.apply(replaced(policy(_n=n + 1, kind={"blacklist": [n]}), n)) == ()

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert json.loads(kept.again().read_policy())["_n"] == 40
    assert len(list(kept.again().history([]))) == 40


# --- the history


def test_a_version_is_found_by_its_first_digits(kept: Kept) -> None:
    apply(kept.store, replaced(SECOND, 1, before=FIRST))
    version = policy_version(read_policy(text(FIRST)))
    assert kept.store.find_entry(version[:6]).content == text(FIRST)
    with pytest.raises(UnknownVersion):
        kept.store.find_entry("zzzz")


def test_the_history_knows_what_contributions_said(kept: Kept) -> None:
    """Also of those that are withdrawn since."""
    event = signed(admin, {"kind_blacklist_add": [7]})
    apply(kept.store, added(event))
    (newest,) = kept.again().history([])
    assert newest.contributions == {event.id: b'{"kind_blacklist_add":[7]}'}
    assert kept.again().find_entry(newest.version) == newest


# --- watching


@attrs.define
class Heard:
    contents: list[bytes] = attrs.Factory(list)
    lost: list[PolicyError] = attrs.Factory(list)
    others: int = 0

    def changed(self, content: bytes) -> bool:
        self.contents.append(content)
        return True

    def other(self) -> None:
        self.others += 1


@pytest.fixture
def heard(kept: Kept) -> Iterator[Heard]:
    made = Heard()
    watcher = Watcher(
        policy_changed=made.changed, policy_lost=made.lost.append, others_changed=made.other
    )
    watch = kept.store.watch(text(FIRST), watcher)
    watch.start()
    yield made
    watch.stop()
    watch.stop()


def test_what_others_change_is_told(kept: Kept, heard: Heard) -> None:
    eventually(lambda: heard.others == 1)
    kept.edit(text(SECOND))
    eventually(lambda: heard.contents == [text(SECOND)])
    kept.edit(None)
    eventually(lambda: len(heard.lost) == 1)


def test_what_has_changed_before_the_watch_began_is_told(kept: Kept) -> None:
    kept.edit(text(SECOND))
    heard = Heard()
    watcher = Watcher(
        policy_changed=heard.changed, policy_lost=heard.lost.append, others_changed=heard.other
    )
    watch = kept.store.watch(text(FIRST), watcher)
    watch.start()
    try:
        eventually(lambda: heard.contents == [text(SECOND)])
    finally:
        watch.stop()


# --- an engine on it


def test_an_engine_lives_on_any_store(kept: Kept, tmp_path: Path) -> None:
    """An owner's policy, an admin's contribution and its withdrawal, a follow list, an edit."""
    settings = Settings(path=tmp_path / "policy.json")
    plugin = PolicyPlugin(settings, store=kept.store, clock=lambda: NOW)
    plugin.start()
    try:
        contribution = signed(admin, {"kind_blacklist_add": [7]}, NOW + 2)
        follow = {"1": {"follows_whitelist_admins": [admin.pubkey]}}
        for event in (
            signed(owner, policy(default_policy="allow"), NOW + 1),
            contribution,
            withdrawing(admin, contribution, created_at=NOW + 3),
            signed(owner, policy(rules=follow), NOW + 4),
        ):
            answer = asyncio.run(plugin.on_policy_event(event, NOBODY))
            assert answer is not None
            assert answer.accepted, answer.message
        assert plugin.missing_follow_lists() == {admin.pubkey}
        asyncio.run(plugin.on_kind3(follows(admin, friend), NOBODY))
        assert plugin.missing_follow_lists() == frozenset()
        hows = [each.how for each in kept.store.history([])]
        assert hows == ["event", "withdrawal", "contribution", "event", "start"]
        kept.edit(text(policy(owners=[friend.pubkey])))
        eventually(lambda: plugin.snapshot.owners == {friend.pubkey})
        eventually(lambda: next(iter(kept.store.history([]))).how == "hand edit")
        state = read_state(kept.again(), [])
        assert state.policy == plugin.snapshot.policy
        assert state.freshness.owner is not None
    finally:
        plugin.stop()
