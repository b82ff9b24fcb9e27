"""Several processes on one policy, and processes that die."""

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from depth import times
from examples import NOW, AnEvent

from . import children
from .children import Children
from .making import World, admin, eventually, follows, owner, policy, signed, withdrawing

KILLS = times(15, 150)


@pytest.fixture(scope="module")
def started() -> Iterator[Children]:
    made = Children()
    yield made
    made.close()


def test_one_applies_and_all_obey_within_a_second(world: World, started: Children) -> None:
    """Owners' policies, contributions, withdrawals and follow lists."""
    workers = range(3)
    for number in workers:
        started.start(children.obey, world.folder, world.folder / "log", number)

    def all_obey() -> bool:
        files = [world.folder / f"version-{number}" for number in workers]
        return all(file.exists() and file.read_text() == world.version for file in files)

    eventually(all_obey)
    contribution = signed(admin, {"kind_blacklist_add": [7]}, NOW + 1)
    followed = policy(rules={"1": {"follows_whitelist_admins": [admin.pubkey]}})
    took = []
    for event in (
        signed(owner, followed),
        contribution,
        withdrawing(admin, contribution),
        signed(admin, {"kind_blacklist_add": [8]}, NOW + 2),
        signed(owner, policy(default_policy="allow"), NOW + 3),
    ):
        world.applied(event)
        applied_at = time.monotonic()
        eventually(all_obey)
        took.append(time.monotonic() - applied_at)
    assert min(took) < 1  # of others the machine may take more
    (world.folder / "over").write_text("")


def test_two_that_apply_at_once_end_with_the_same_version(world: World, started: Children) -> None:
    """Each event is accepted once in one order, or refused because a newer one came first."""
    logs = [world.folder / f"log-{number}" for number in range(2)]
    for number, log in enumerate(logs):
        started.start(children.change_at_once, world.folder, log, number)
    eventually(lambda: all((world.folder / f"ready-{n}").exists() for n in range(2)))
    (world.folder / "go").write_text("")
    eventually(lambda: all((world.folder / f"done-{n}").exists() for n in range(2)))
    world.restart()

    lines = [line for log in logs for line in read_log(log)]
    accepted = [line["event"] for line in lines if line["what"] == "accepted"]
    refused = [line["answer"] for line in lines if line["what"] == "refused"]
    assert len(accepted) + len(refused) == 20
    assert all(answer.startswith("invalid: the policy event is not new") for answer in refused)
    newest = max(accepted, key=lambda event: (event["created_at"], event["id"]))
    assert newest["created_at"] == NOW + 9
    assert world.freshness["owner"] == {"created_at": NOW + 9, "event_id": newest["id"]}
    in_order = sorted(accepted, key=lambda event: (event["created_at"], event["id"]))
    events = [event_id for how, event_id in world.history() if how == "event"]
    assert events == [event["id"] for event in in_order]
    assert "hand edit" not in dict(world.history())

    time.sleep(0.5)  # for the watchers of the slower one
    (world.folder / "over").write_text("")
    versions = [world.folder / f"version-{number}" for number in range(2)]
    eventually(lambda: all(file.exists() and file.read_text() for file in versions))
    assert [file.read_text() for file in versions] == [world.version] * 2


def read_log(log: Path) -> list[Any]:
    """Whole lines only: a killed process may have left half of one."""
    lines = log.read_bytes().split(b"\n")[:-1] if log.exists() else []
    return [json.loads(line) for line in lines]


class Told:
    """What a killed process was told: what was acknowledged, and what it was in the middle of."""

    def __init__(self, log: Path) -> None:
        lines = read_log(log)
        assert not [line for line in lines if line["what"] == "refused"]
        self.accepted = [line["event"] for line in lines if line["what"] == "accepted"]
        tried = [line["event"] for line in lines if line["what"] == "tried"]
        assert len(tried) - len(self.accepted) in (0, 1)
        self.pending = tried[len(self.accepted) :]

    def of(self, kind: int, pubkey: str) -> list[list[Any]]:
        """The acknowledged events, and the one that may have come to pass."""
        return [
            [each for each in events if (each["kind"], each["pubkey"]) == (kind, pubkey)]
            for events in (self.accepted, self.pending)
        ]


def check_owner(world: World, told: Told, before: Any) -> Any:
    """The file is that of the last acknowledged update or of the one under way, whole."""
    accepted, pending = told.of(12345, owner.pubkey)
    last = accepted[-1] if accepted else before
    now = json.loads(world.file.read_text())
    mark = now.pop("_policy_event", None)
    (event,) = [one for one in (last, *pending) if mark and one and one["id"] == mark["id"]] or (
        None,
    )
    if event is None:
        assert last is None
    else:
        assert now == json.loads(event["content"])
    return event


def named(events: list[Any]) -> set[str]:
    """What kind 5 events name."""
    return {tag[1] for event in events for tag in event["tags"]}


def check_contributions(world: World, told: Told, before: set[str]) -> None:
    """All that were acknowledged stand, unless withdrawn or replaced; no others do.

    :param before: those that stood before the process began.
    """
    sent, sending = told.of(12345, admin.pubkey)
    gone, going = map(named, told.of(5, admin.pubkey))
    fulls = [event["id"] for event in sent if "owners" in event["content"]]
    is_replaced = set(fulls[:-1])
    may_be_replaced = set(fulls) if sending and "owners" in sending[0]["content"] else set()
    must = {event["id"] for event in sent} - gone - is_replaced - going - may_be_replaced
    may = must | {event["id"] for event in sending} | going | may_be_replaced
    stand = standing(world)
    assert must <= stand - before <= may
    assert not gone & stand


def standing(world: World) -> set[str]:
    return {made.event_id for made in world.plugin.snapshot.contributions}


def check_follows(world: World, told: Told) -> None:
    accepted, pending = told.of(3, admin.pubkey)
    known = world.plugin._force.state.follows
    if accepted:
        ids = {event["id"] for event in (accepted[-1], *pending)}
        assert known[admin.pubkey].event_id in ids


def check_replays(world: World, told: Told) -> None:
    """Nothing that was acknowledged changes anything when it comes again."""
    before = world.version
    for fields in told.accepted:
        event = AnEvent(**fields)
        if event.kind == 3:
            world.follow(event)
        else:
            assert not world.apply(event).accepted
    assert world.version == before


def done_in(log: Path) -> int:
    """How many events a child has seen accepted."""
    return log.read_bytes().count(b'"what": "accepted"') if log.exists() else -1


def test_kills_leave_the_old_or_the_new(world: World, started: Children) -> None:
    """And whoever is loaded next goes on from there; what was acknowledged is old."""
    random_ = random.Random(3)
    world.follow(follows(admin, "0" * 64, created_at=NOW - 1))
    last, replayed = None, 0
    for n in range(KILLS):
        log = world.folder / f"log-{n}"
        first = 10_000 * (n + 1)
        world.now = NOW + first + 9_000
        before = standing(world)
        pid = started.start(children.change_on, world.folder, log, first)
        eventually(lambda log=log, n=n: done_in(log) >= n % 6, seconds=30)  # type: ignore[misc]
        time.sleep(random_.uniform(0.002, 0.03))
        assert children.is_alive(pid)
        started.kill(pid)
        world.restart()
        told = Told(log)
        last = check_owner(world, told, last)
        check_contributions(world, told, before)
        check_follows(world, told)
        check_replays(world, told)
        replayed += len(told.accepted)
        world.gate.blocking.close()
    assert replayed >= KILLS
    hows = {how for how, _ in world.history()}
    assert hows <= {"start", "event", "contribution", "withdrawal"}
