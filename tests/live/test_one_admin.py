"""One admin cannot stall the relay: bounds, and changes that hold up nobody else."""

import asyncio
import hashlib
import json
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import pytest
from examples import NOBODY, NOW, STRANGER, AnEvent

from orly_policy_hookspecs import Decision, Gate, GateSettings
from orly_policy_plugin.live.change_thread import ADMINS, ChangeThread, Request
from orly_policy_plugin.plugin import NAME
from orly_policy_plugin.state.files.locks import exclusive

from .making import (
    World,
    admin,
    eventually,
    friend,
    owner,
    policy,
    second_admin,
    signed,
    stranger,
    withdrawing,
)

ALL_KINDS = [kind for kind in range(65_536) if kind not in (3, 5, 12345, 22242)]


def keys(number: int, what: str) -> list[str]:
    return [hashlib.sha256(f"{what} {i}".encode()).hexdigest() for i in range(number)]


# --- bounds


def test_all_kinds_at_once_are_refused(world: World) -> None:
    """The event of 382 KB that stopped a relay for minutes."""
    event = signed(admin, {"kind_blacklist_add": ALL_KINDS})
    assert world.refused(event) == (
        "invalid: an admin's contributions have together at most 2000 kinds; "
        "this one alone has 65532"
    )


def test_kinds_count_once_however_often_they_are_named(world: World) -> None:
    """In lists and as rules, in one contribution and in several."""
    many = list(range(10_000, 12_000))
    world.applied(signed(admin, {"kind_blacklist_add": many * 3, "kind_whitelist_add": many}))
    world.applied(signed(admin, {"rules_add": {"10007": {}}}, NOW + 1))
    assert world.plugin.snapshot.contributions[0].kind_blacklist_add == tuple(many)
    first = world.plugin.snapshot.contributions[0].event_id
    assert world.refused(signed(admin, {"kind_whitelist_add": [1, 10_000]}, NOW + 2)) == (
        "invalid: an admin's contributions have together at most 2000 kinds; with this one it "
        f"would be 2001: withdraw {first} first, which has 2000 "
        "(with a kind 5 event that names it)"
    )


def test_what_was_withdrawn_makes_room(world: World) -> None:
    """As the refusal says."""
    first = signed(admin, {"kind_blacklist_add": list(range(10_000, 12_000))})
    world.applied(first)
    world.refused(signed(admin, {"kind_blacklist_add": [1]}, NOW + 1))
    world.applied(withdrawing(admin, first, created_at=NOW + 2))
    world.applied(signed(admin, {"kind_blacklist_add": [1]}, NOW + 3))


def test_each_admin_has_their_own_bounds(world: World) -> None:
    """One who has filled theirs takes nothing from another."""
    world.applied(signed(admin, {"kind_blacklist_add": list(range(10_000, 12_000))}))
    world.applied(signed(second_admin, {"kind_blacklist_add": list(range(20_000, 22_000))}))


def test_content_is_bounded(world: World) -> None:
    """A mebibyte together, comments included."""
    for i in range(2):
        content = {"global_extend": {"write_deny_add": [STRANGER]}, "_": "x" * 500_000}
        world.applied(signed(admin, content, NOW + i))
    refused = world.refused(signed(admin, {"_": "x" * 60_000, "kind_blacklist_add": [7]}, NOW + 5))
    assert "at most 1048576 bytes of content" in refused


def test_authors_whose_lists_are_used_are_bounded(world: World) -> None:
    """The event that named 14,000 authors."""
    extension = {"follows_whitelist_admins_add": keys(14_000, "author")}
    refused = world.refused(signed(admin, {"rules_extend": {"1": extension}}))
    assert "at most 1000 authors whose follow lists are used; this one alone has 14000" in refused
    rule = {
        "follows_whitelist_admins": keys(400, "a"),
        "write_follows_whitelist": keys(400, "b"),
        "read_follows_whitelist": keys(400, "c"),
    }
    refused = world.refused(signed(admin, {"rules_add": {"7": rule}}))
    assert "this one alone has 1200" in refused


def test_regular_expressions_are_bounded(world: World) -> None:
    """In number, all contributions together, and each in what it takes when it is compiled."""
    for i in range(2):
        tags = {f"t{i}-{j}": f"^a{i}{j}" for j in range(50)}
        world.applied(
            signed(admin, {"rules_add": {f"{10 + i}": {"tag_validation": tags}}}, NOW + i)
        )
    refused = world.refused(
        signed(admin, {"rules_add": {"20": {"identifier_regex": "a"}}}, NOW + 5)
    )
    assert "at most 100 regular expressions" in refused
    large = {"rules_add": {"20": {"identifier_regex": r"\pL{30}\pL{30}"}}}
    refused = world.refused(signed(second_admin, large, NOW + 5))
    assert "pattern too large" in refused
    tag = {"rules_add": {"20": {"tag_validation": {"d": r"\pL{30}\pL{30}"}}}}
    assert "pattern too large" in world.refused(signed(second_admin, tag, NOW + 5))
    full = policy(rules={**policy()["rules"], **large["rules_add"]})
    assert "pattern too large" in world.refused(signed(second_admin, full, NOW + 5))
    world.applied(signed(owner, full, NOW + 6))
    long = {"rules_add": {"21": {"identifier_regex": "a" * 1001}}}
    assert "at most 1000 characters" in world.refused(signed(admin, long, NOW + 7))


@pytest.mark.parametrize("field", ["identifier_regex", "tag_validation"])
def test_a_long_tag_is_not_matched_with_an_admins_expression(world: World, field: str) -> None:
    """Where RE2 runs out of memory it needs seconds, in which the relay does nothing else."""
    regex = "[ab]*a[ab]{300}$"
    rule = {field: regex if field == "identifier_regex" else {"d": regex}}
    world.applied(signed(admin, {"rules_add": {"7777": {**rule, "write_allow": [friend.pubkey]}}}))

    def write(length: int) -> Decision:
        event = AnEvent(kind=7777, tags=(("d", "a" * length),), pubkey=friend.pubkey)
        return world.plugin.snapshot.write(event, (friend.pubkey,), NOW)

    assert "does not match" not in write(4_096).message
    assert write(4_097).message.startswith('invalid: the "d" tags are too long')


@pytest.mark.parametrize("depth", [31, 5_000])
def test_deep_nesting_is_refused_the_same_everywhere(world: World, depth: int) -> None:
    """A number, not what is left of the stack: what is taken once is read again at a start."""
    content = f'{{"_comment": {"[" * depth}{"]" * depth}, "kind_blacklist_add": [7]}}'
    if depth > 32:
        assert "nested too deeply" in world.refused(signed(admin, content))
    else:
        world.applied(signed(admin, content))
        world.restart()
        assert len(world.plugin.snapshot.contributions) == 1


def test_what_stands_beyond_the_bounds_is_skipped_at_start(world: World) -> None:
    """The oldest stand, as far as they fit; the rest is told, and can be withdrawn."""
    events = [
        signed(admin, {"kind_blacklist_add": [30_000 + i * 900 + j for j in range(900)]}, NOW + i)
        for i in range(4)
    ]
    world.contributions.mkdir()
    for event in events:
        path = world.contributions / f"{event.id}.json"
        path.write_text(json.dumps({name: getattr(event, name) for name in FIELDS}))
    world.restart()
    standing = [one.event_id for one in world.plugin.snapshot.contributions]
    assert standing == [events[0].id, events[1].id]
    world.applied(withdrawing(admin, events[0], created_at=NOW + 10))
    standing = [one.event_id for one in world.plugin.snapshot.contributions]
    assert standing == [events[1].id, events[2].id]


FIELDS = ("id", "pubkey", "created_at", "kind", "tags", "content", "sig")


# --- nobody waits


@contextmanager
def busy(world: World) -> Iterator[threading.Event]:
    """The thread of changes has something to do, until the event that is yielded is set."""
    go_on, started = threading.Event(), threading.Event()

    def occupy(request: Request) -> Decision:
        started.set()
        assert go_on.wait(30)
        return Decision.accept()

    thread = threading.Thread(
        target=lambda: asyncio.run(world.plugin._changes.make(occupy, rank=ADMINS))
    )
    thread.start()
    assert started.wait(10)
    try:
        yield go_on
    finally:
        go_on.set()
        thread.join()


def at_once(world: World, make: Callable[[], Awaitable[Decision]]) -> Decision:
    """An answer that is there before anything is waited for."""
    answer = make()
    assert isinstance(answer, Awaitable)
    try:
        answer.send(None)  # type: ignore[attr-defined]
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    raise AssertionError("something was waited for")


@pytest.mark.parametrize(
    ("sent", "prefix"),
    [
        (lambda: signed(stranger, {"kind_blacklist_add": [1]}), "restricted:"),
        (lambda: signed(stranger, policy(owners=[stranger.pubkey])), "restricted:"),
        (lambda: signed(admin, {"kind_blacklist_add": [1]}, NOW - 10**6), "invalid:"),
        (lambda: signed(admin, {"kind_blacklist_add": [1]}, NOW + 10**6), "invalid:"),
        (lambda: withdrawing(stranger, "ab" * 32), None),
    ],
)
def test_what_a_stranger_sends_waits_for_nobody(
    world: World, sent: Callable[[], Any], prefix: str | None
) -> None:
    """Neither for the thread of changes nor for a lock, of this process or another."""
    world.applied(signed(owner, policy(_n=1)))  # so that there is something to be older than
    event = sent()
    with (
        busy(world),
        world.plugin._force._lock,
        exclusive(world.folder / "policy-history" / ".lock"),
    ):
        answer = at_once(world, lambda: world.plugin.on_policy_event(event, NOBODY))
    assert answer is None if prefix is None else answer.message.startswith(prefix)


def test_a_forged_event_waits_for_nobody(world: World) -> None:
    """Its signature is the first that is looked at."""
    event = signed(owner, policy())
    forged = type(event)(**{**{name: getattr(event, name) for name in FIELDS}, "sig": "00" * 64})
    with busy(world), world.plugin._force._lock:
        answer = at_once(world, lambda: world.plugin.on_policy_event(forged, NOBODY))
    assert "signature" in answer.message


def test_an_operators_edit_goes_on_while_a_change_is_made_ready(world: World) -> None:
    """The change is then made ready again, on the policy as edited; here it is refused by it."""
    started, go_on = threading.Event(), threading.Event()
    proposed = world.plugin._updates.proposed

    def slowly(event: Any, update: Any, base: Any) -> Any:
        made = proposed(event, update, base)
        started.set()
        assert go_on.wait(30)
        return made

    world.plugin._updates.proposed = slowly  # type: ignore[method-assign]
    answers: list[Decision] = []
    event = signed(admin, {"kind_blacklist_add": [7]})
    thread = threading.Thread(target=lambda: answers.append(world.apply(event)))
    with world.running():
        thread.start()
        assert started.wait(10)
        world.save(policy(policy_admins=[second_admin.pubkey]))
        eventually(lambda: world.plugin.snapshot.policy.policy_admins == (second_admin.pubkey,))
        go_on.set()
        thread.join()
    assert answers[0].message.startswith("restricted:")
    assert world.plugin.snapshot.contributions == ()


def test_no_executor_of_the_host_is_used(world: World) -> None:
    """Strangers, and admins, take no thread that storage or validators need; nor wait for one."""

    async def flooded() -> Decision:
        loop = asyncio.get_running_loop()
        go_on = threading.Event()
        blocked = [loop.run_in_executor(None, go_on.wait) for _ in range(64)]
        try:
            event = signed(admin, {"kind_blacklist_add": [7]})
            return await world.gate.policy_event(event, NOBODY)
        finally:
            go_on.set()
            await asyncio.gather(*blocked)

    assert asyncio.run(flooded()).accepted


def test_owners_go_first(world: World) -> None:
    """Whatever admins have sent before."""
    done: list[str] = []

    async def sent() -> None:
        thread = ChangeThread()
        blocker, go_on = Future[None](), threading.Event()

        def block(request: Request) -> Decision:
            blocker.set_result(None)
            go_on.wait(30)
            return Decision.accept()

        def note(name: str) -> Callable[[Request], Decision]:
            def change(request: Request) -> Decision:
                done.append(name)
                return Decision.accept()

            return change

        first = asyncio.create_task(thread.make(block, rank=ADMINS))
        await asyncio.wrap_future(blocker)
        rest = [
            asyncio.create_task(thread.make(note(name), rank=rank, whose=name))
            for name, rank in (("admin", 1), ("lists", 2), ("owner", 0))
        ]
        await asyncio.sleep(0)
        go_on.set()
        await asyncio.gather(first, *rest)

    asyncio.run(sent())
    assert done == ["owner", "admin", "lists"]


def test_an_admin_has_few_changes_waiting(world: World) -> None:
    """The ninth is to come later; others' are taken."""

    async def sent() -> list[Decision]:
        events = [signed(admin, {"kind_blacklist_add": [i]}, NOW + i) for i in range(100, 110)]
        asked = [asyncio.create_task(world.gate.policy_event(event, NOBODY)) for event in events]
        other = signed(second_admin, {"kind_blacklist_add": [7]}, NOW)
        asked.append(asyncio.create_task(world.gate.policy_event(other, NOBODY)))
        await asyncio.sleep(0.2)
        go_on.set()
        return await asyncio.gather(*asked)

    with busy(world) as go_on:
        *answers, other = asyncio.run(sent())
    assert [answer.accepted for answer in answers] == [True] * 8 + [False] * 2
    assert answers[-1].message.startswith("rate-limited: ")
    assert other.accepted


# --- what was said is true


def test_a_change_that_is_given_up_is_not_made(world: World) -> None:
    """Whoever is told that it took too long may send it again."""
    gate = Gate(GateSettings(budget_seconds=0.3))
    gate.register(world.plugin, NAME)
    event = signed(admin, {"kind_blacklist_add": [7]})
    with busy(world):
        answer = asyncio.run(gate.policy_event(event, NOBODY))
    assert answer.message.startswith("error: ")
    assert world.plugin.snapshot.contributions == ()
    assert not world.contributions.exists()
    world.applied(event)
    assert not world.may_write(friend, 7)


def test_a_change_that_waits_for_another_process_is_given_up(world: World) -> None:
    """Before the first byte is written, and not afterwards."""
    gate = Gate(GateSettings(budget_seconds=0.3))
    gate.register(world.plugin, NAME)
    event = signed(admin, {"kind_blacklist_add": [7]})
    with exclusive(world.folder / "policy-history" / ".lock"):
        answer = asyncio.run(gate.policy_event(event, NOBODY))
        assert answer.message.startswith("error: ")
    world.applied(signed(second_admin, {"kind_blacklist_add": [8]}))  # what waited has gone
    assert [one.admin for one in world.plugin.snapshot.contributions] == [second_admin.pubkey]
    world.applied(event)


def test_a_change_that_is_being_written_is_waited_for(world: World) -> None:
    """Its answer says what happened, though it comes late."""
    gate = Gate(GateSettings(budget_seconds=1))
    gate.register(world.plugin, NAME)
    swap = world.plugin._force._swap

    def slowly(*what: Any) -> None:
        time.sleep(1.3)  # longer than the budget, in the middle of the change
        swap(*what)

    world.plugin._force._swap = slowly  # type: ignore[method-assign]
    answer = asyncio.run(gate.policy_event(signed(admin, {"kind_blacklist_add": [7]}), NOBODY))
    assert answer.accepted
    assert answer.message.startswith("contribution accepted: version ")
    assert answer.message.endswith(world.version)
