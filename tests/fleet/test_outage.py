"""The database does not answer for a while: decisions go on, changes are answered ``error:``, and
what was acknowledged is not lost.
"""

import asyncio
import random
import shutil
import threading
import time

import pytest
from depth import times
from examples import NOBODY, NOW, AnEvent, by
from live.making import admin, eventually, follows, friend, owner, policy, signed, stranger

pytest.importorskip("psycopg", reason="install orly-policy-plugin[postgres]")

from orly_policy_hookspecs import Decision, Gate
from orly_policy_plugin.errors import PolicyError, Unreachable
from orly_policy_plugin.plugin import NAME
from orly_policy_plugin.state import read_state
from orly_policy_plugin.state.address import Address
from orly_policy_plugin.state.postgres import Copy, PostgresStore

from .conftest import Machine
from .nodes import Node, same_version

KILLS = times(4, 40)
LONGEST_ANSWER_SECONDS = 45
"""Several waits, each with its end, on a machine that is busy."""


def decides(node: Node) -> Decision:
    """A write of kind 1 by a stranger, decided without waiting."""
    gate = Gate()
    gate.register(node.plugin, NAME)
    try:
        began = time.monotonic()
        event = AnEvent(pubkey=stranger.pubkey, kind=1, created_at=NOW)
        decision = gate.blocking.write(event, by(stranger.pubkey))
        assert time.monotonic() - began < 5
        return decision
    finally:
        gate.blocking.close()


def allowing(seconds: int = 0) -> AnEvent:
    content = policy(default_policy="allow", rules={})
    return signed(owner, content, int(time.time()) + seconds)


@pytest.mark.heavy
def test_a_cut_network(machine: Machine) -> None:
    """Nothing tells of it: whoever waits for an answer has to stop waiting."""
    one, two = machine.nodes.started(2)
    machine.network.cut()
    began = time.monotonic()
    answer = one.apply(allowing())
    assert answer.message == "error: the policy cannot be changed now"
    assert time.monotonic() - began < LONGEST_ANSWER_SECONDS
    assert not decides(one).accepted
    eventually(lambda: "does not answer" in two.problems and "since 20" in two.problems)
    machine.network.mend()
    eventually(lambda: not two.problems and not one.problems)
    answer = one.apply(allowing(1))
    assert answer.accepted, answer.message
    eventually(lambda: decides(two).accepted)


@pytest.mark.heavy
def test_no_event_loop_waits_for_it(machine: Machine) -> None:
    """A change that waits for a cut network holds up nothing else."""
    [one] = machine.nodes.started(1)
    machine.network.cut()
    event = allowing()

    async def longest_gap() -> float:
        """Between two turns of the loop, while the change waits."""
        change = asyncio.ensure_future(one.plugin.on_policy_event(event, NOBODY))
        longest, last = 0.0, time.monotonic()
        while not change.done():
            await asyncio.sleep(0.01)
            longest, last = max(longest, time.monotonic() - last), time.monotonic()
        assert not change.result().accepted
        return longest

    began = time.monotonic()
    assert asyncio.run(longest_gap()) < (time.monotonic() - began) / 2


@pytest.mark.heavy
def test_a_slow_network(machine: Machine) -> None:
    """A tenth of a second each way: a change takes longer, and is made."""
    one, two = machine.nodes.started(2)
    machine.network.delay_seconds = 0.1
    one.applied(allowing())
    eventually(lambda: decides(two).accepted)


def test_connections_that_are_reset(machine: Machine) -> None:
    """They are made again, and no change is lost for it."""
    one, two = machine.nodes.started(2)
    machine.network.reset()
    one.applied(allowing())
    eventually(lambda: decides(two).accepted)


def test_the_answer_to_a_commit_is_lost(machine: Machine) -> None:
    """The node asks whether the change counts, and answers what is true."""
    [one] = machine.nodes.started(1)
    event = allowing()
    machine.network.loses_answer_to = b"COMMIT\0"
    one.applied(event)
    assert not machine.network.loses_answer_to
    assert decides(one).accepted
    assert machine.nodes.history() == ["event", "start"]


def test_a_commit_is_lost(machine: Machine) -> None:
    """Then the change does not count, and its sender is not told that it does."""
    one, two = machine.nodes.started(2)
    machine.network.loses_answer_to = b"INSERT INTO orly_policy.history"
    assert one.apply(allowing()).message == "error: the policy cannot be changed now"
    assert not decides(one).accepted
    assert machine.nodes.history() == ["start"]
    one.applied(allowing(1))
    eventually(lambda: decides(two).accepted)


def test_a_restart(machine: Machine) -> None:
    """Nodes say since when the database is away, and catch up."""
    one, two = machine.nodes.started(2)
    machine.kill()
    eventually(lambda: "does not answer" in one.problems)
    assert one.apply(allowing()).message == "error: the policy cannot be changed now"
    assert not decides(one).accepted
    machine.start()
    eventually(lambda: not one.problems)
    one.applied(allowing(1))
    eventually(lambda: decides(two).accepted)


def test_an_edit_while_it_is_away(machine: Machine) -> None:
    """The file that the operator saves goes into the store once that is back."""
    one, two = machine.nodes.started(2)
    machine.kill()
    one.save(policy(default_policy="allow", rules={}))
    eventually(lambda: "is not in the store yet" in one.problems)
    machine.start()
    eventually(lambda: decides(one).accepted and decides(two).accepted)


def test_an_unfollow_while_it_is_away(machine: Machine) -> None:
    """The node that hears of it obeys at once, the others when the database is back."""
    following = policy(rules={"1": {"follows_whitelist_admins": [admin.pubkey]}})
    one, two = machine.nodes.started(2, following)
    now = int(time.time())
    one.follow(follows(admin, friend, stranger, created_at=now))
    eventually(lambda: stranger.pubkey in two.plugin.followed_by([admin.pubkey]))
    machine.kill()
    one.follow(follows(admin, friend, created_at=now + 1))
    assert one.plugin.followed_by([admin.pubkey]) == {friend.pubkey}
    machine.start()
    eventually(lambda: two.plugin.followed_by([admin.pubkey]) == {friend.pubkey})


def test_a_node_that_starts_meanwhile(machine: Machine) -> None:
    """It takes what it kept, all of it, says so, and catches up."""
    one, two = machine.nodes.started(2)
    contribution = signed(admin, {"rules_add": {"30": {"content_limit": 9}}}, int(time.time()) + 1)
    one.applied(contribution)
    eventually(lambda: two.version == one.version)
    two.stop()
    machine.kill()
    two.start()
    assert two.version == one.version
    assert two.plugin.snapshot.contributions == one.plugin.snapshot.contributions
    eventually(lambda: "does not answer" in two.problems)
    assert two.apply(allowing(5)).message == "error: the policy cannot be changed now"
    machine.start()
    one_answers = signed(owner, policy(default_policy="allow", rules={}), int(time.time()) + 9)
    eventually(lambda: not one.problems)
    one.applied(one_answers)
    eventually(lambda: decides(two).accepted)


def test_what_is_in_force_is_never_taken_from_an_older_copy(machine: Machine) -> None:
    """A running node has read more than its copy may have: the disk was full, say."""
    [one] = machine.nodes.started(1)
    copy = Copy(machine.nodes.folder / "other", 100_000)
    address = Address.parse(machine.nodes.url, machine.nodes.fleet)
    store = PostgresStore(address, copy=copy)
    try:
        state = read_state(store, [])
        shutil.rmtree(copy.folder)
        copy.folder.write_text("no folder any more")
        one.applied(allowing())
        newer = read_state(store, [])
        assert newer.content != state.content
        assert "is not kept here" in str(newer.problems)
        copy.folder.unlink()
        shutil.copytree(one.copy, copy.folder)
        machine.kill()
        for read in (store.read_policy, store.has_policy, lambda: read_state(store, [])):
            with pytest.raises(Unreachable):
                read()
        assert read_state(PostgresStore(address, copy=copy), []).policy.owners == (owner.pubkey,)
    finally:
        store.close()
        machine.start()


def test_a_tampered_copy_is_no_way_in(machine: Machine) -> None:
    """What a node kept is verified again: whoever changes it without a key adds nothing."""
    [one] = machine.nodes.started(1)
    one.applied(signed(admin, {"kind_blacklist_add": [7]}, int(time.time()) + 1))
    eventually(lambda: bool(list(one.copy.glob("policy-contributions/*.json"))))
    one.stop()
    machine.kill()
    [file] = one.copy.glob("policy-contributions/*.json")
    file.write_text(file.read_text().replace("[7]", "[8]"))
    one.start()
    assert one.plugin.snapshot.contributions == ()
    machine.start()
    eventually(lambda: len(one.plugin.snapshot.contributions) == 1)


def test_a_node_that_kept_nothing_does_not_start(machine: Machine) -> None:
    machine.kill()
    with pytest.raises(PolicyError, match="does not answer"):
        machine.nodes.new(policy()).start()
    machine.start()


@pytest.mark.heavy
def test_killed_in_the_middle_of_changes(machine: Machine) -> None:
    """Whatever was answered OK is in the history, which is one line; all nodes end with the same
    policy, and no mark fell.
    """
    nodes = machine.nodes.started(2)
    is_over = threading.Event()
    accepted: list[str] = []
    base = int(time.time()) - 10_000_000

    def change(number: int, node: Node) -> None:
        at = base + number
        while not is_over.is_set():
            at += len(nodes)
            event = signed(owner, policy(_n=at, kind={"blacklist": [at % 60_000]}), at)
            if node.apply(event).accepted:
                accepted.append(event.id)

    threads = [threading.Thread(target=change, args=each) for each in enumerate(nodes)]
    for thread in threads:
        thread.start()
    for _ in range(KILLS):
        before = len(accepted)
        eventually(lambda before=before: len(accepted) > before + 2, 60)
        time.sleep(random.uniform(0, 0.1))
        machine.kill()
        machine.start()
    is_over.set()
    for thread in threads:
        thread.join()
    eventually(lambda: same_version(nodes) and not any(node.problems for node in nodes))
    rows = machine.nodes.run(
        "SELECT event_id, recorded_at FROM orly_policy.history WHERE fleet = %s ORDER BY number",
        machine.nodes.fleet,
    )
    recorded = [event_id for event_id, _ in rows if event_id]
    assert set(accepted) <= set(recorded)
    assert len(recorded) == len(set(recorded))
    dates = machine.nodes.run(
        "SELECT convert_from(content, 'UTF8')::json->>'_n' FROM orly_policy.history "
        "WHERE fleet = %s AND how = 'event' ORDER BY number",
        machine.nodes.fleet,
    )
    in_order = [int(n) for (n,) in dates]
    assert in_order == sorted(in_order)
