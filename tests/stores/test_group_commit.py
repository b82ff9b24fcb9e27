"""What arrives together is one transaction, and who was answered can rely on it."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import lmdb
import pytest
import sqlalchemy as sa

from orly_policy_hookspecs.nip01 import Filter
from orly_policy_plugin.hosts.nostr_relay.lmdb import LMDBStore
from orly_policy_plugin.session import Known
from orly_policy_plugin.session.deletions import deletion_of

from .making import AUTHORS, DELETION, AnyStore, Place, event, id_of, walked


@pytest.mark.heavy
def test_what_is_answered_outlives_a_kill(place: Place) -> None:
    """Every event whose ``add`` has returned is there after the process was killed."""
    tests = Path(__file__).parent.parent
    child = subprocess.Popen(
        [sys.executable, "-m", "stores.adding", place.flavour, place.url, str(place.folder)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": f"{tests}:{os.environ.get('PYTHONPATH', '')}"},
    )
    assert child.stdout is not None
    with child:
        answered = []
        for line in child.stdout:
            if line == "all\n":
                break
            answered.append(line.strip())
        child.kill()

    async def stored() -> set[str]:
        async with place.store() as store:
            return {each.id for each in await walked(store, Filter(), 500)}

    assert len(answered) == 500
    assert asyncio.run(stored()) == set(answered)


def _count_commits(store: AnyStore) -> "list[object]":
    """A list that grows by one with each commit of an SQL store."""
    commits: list[object] = []
    engine = store._database._engine
    sa.event.listen(getattr(engine, "sync_engine", engine), "commit", commits.append)
    return commits


def _transactions(environment: lmdb.Environment) -> int:
    return environment.info()["last_txnid"]


def test_what_arrives_together_is_one_transaction(place: Place) -> None:
    """150 events take a commit for the first, and one for those that came meanwhile."""

    async def run() -> None:
        async with place.store() as store:
            is_lmdb = isinstance(store, LMDBStore)
            before = _transactions(store._environment) if is_lmdb else 0
            commits = [] if is_lmdb else _count_commits(store)
            added = await asyncio.gather(*(store.add(event(number)) for number in range(150)))
            assert added == [Known.STORED] * 150
            count = _transactions(store._environment) - before if is_lmdb else len(commits)
            assert count <= 2

    asyncio.run(run())


def test_a_bad_event_fails_alone(place: Place) -> None:
    """An event that the database cannot take is an error to who sent it, and to nobody else."""
    bad = event(1, content="\ud800")

    async def run() -> None:
        async with place.store() as store:
            added = await asyncio.gather(
                *map(store.add, (event(0), bad, event(2))), return_exceptions=True
            )
            assert [added[0], added[2]] == [Known.STORED] * 2
            assert isinstance(added[1], UnicodeEncodeError)
            assert await store.recall(event(0)) is Known.DUPLICATE

    asyncio.run(run())


def test_close_finishes_what_waits(place: Place) -> None:
    """Who has called before ``close`` gets the answer, and afterwards nobody."""

    async def run() -> None:
        async with place.store() as store:
            tasks = [asyncio.create_task(store.add(event(number))) for number in range(300)]
            await asyncio.sleep(0)
            await store.close()
            assert await asyncio.gather(*tasks) == [Known.STORED] * 300
            with pytest.raises(RuntimeError):
                await store.add(event(1_000))

    asyncio.run(run())


def test_what_comes_between_a_deletion_and_its_kind_5_is_deleted(place: Place) -> None:
    """The kind 5 removes what was added after the store was told to delete."""
    late = event(1)
    deletion = event(2, kind=DELETION, created_at=2, tags=[["e", late.id]])

    async def run() -> None:
        async with place.store() as store:
            await store.delete(deletion_of(deletion))
            assert await store.add(late) is Known.STORED
            assert await store.add(deletion) is Known.STORED
            assert await walked(store, Filter(), 10) == [deletion]
            assert await store.add(late) is Known.DELETED

    asyncio.run(run())


def test_a_deletion_of_thousands(place: Place) -> None:
    """It removes them all, and only its author's."""
    mine = [event(number) for number in range(0, 4_000, 2)]
    others = [event(number, author=AUTHORS[2]) for number in range(1, 100, 2)]
    tags = [["e", id_of(number)] for number in range(10_000)]
    deletion = event(20_000, kind=DELETION, created_at=9, tags=tags)

    async def run() -> None:
        async with place.store() as store:
            await asyncio.gather(*map(store.add, mine + others))
            await store.delete(deletion_of(deletion))
            left = await walked(store, Filter(), 500)
            assert {each.id for each in left} == {each.id for each in others}

    asyncio.run(run())
