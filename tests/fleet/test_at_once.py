"""Changes at several nodes at the same time."""

import threading
import time
from collections.abc import Callable

import pytest
from depth import times
from live.making import (
    admin,
    eventually,
    owner,
    policy,
    second_admin,
    second_owner,
    signed,
    withdrawing,
)

pytest.importorskip("psycopg", reason="install orly-policy-plugin[postgres]")

from orly_policy_hookspecs import Decision

from .nodes import Node, Nodes, same_version

ROUNDS = times(5, 50)
OWNERS = {"owners": [owner.pubkey, second_owner.pubkey]}


def at_once(*changes: Callable[[], Decision]) -> list[Decision]:
    """Make changes at the same time; what became of each."""
    together = threading.Barrier(len(changes))
    answers: dict[int, Decision] = {}

    def make(number: int, change: Callable[[], Decision]) -> None:
        together.wait()
        answers[number] = change()

    threads = [threading.Thread(target=make, args=each) for each in enumerate(changes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [answers[number] for number in range(len(changes))]


def test_two_owners_in_the_same_second(nodes: Nodes) -> None:
    """The one with the higher id stands in the end, whichever came first."""
    one, two = both = nodes.started(2, policy(**OWNERS))
    base = int(time.time()) - 1_000_000
    for n in range(ROUNDS):
        events = [
            signed(key, policy(**OWNERS, kind={"blacklist": [kind]}), base + n)
            for key, kind in ((owner, 100 + n), (second_owner, 200 + n))
        ]
        answers = at_once(
            lambda events=events: one.apply(events[0]), lambda events=events: two.apply(events[1])
        )
        highest = max(range(2), key=lambda number: events[number].id)
        assert answers[highest].accepted, answers
        eventually(lambda: same_version(both))
        kinds = one.plugin.snapshot.policy.kind.blacklist
        assert kinds == ((100 + n,) if highest == 0 else (200 + n,))


def test_an_admin_removed_while_contributing(nodes: Nodes) -> None:
    """Whichever comes first: in the end nobody obeys the contribution, and all nodes agree."""
    one, two = both = nodes.started(2)
    base = int(time.time()) - 1_000_000
    for n in range(0, 10 * ROUNDS, 10):
        with_admin, without = policy(_n=n), policy(_n=n, policy_admins=[second_admin.pubkey])
        one.applied(signed(owner, with_admin, base + n))
        eventually(lambda: same_version(both))
        removal = signed(owner, without, base + n + 1)
        contribution = signed(admin, {"kind_blacklist_add": [7]}, base + n + 2)
        removed, _ = at_once(
            lambda event=removal: one.apply(event), lambda event=contribution: two.apply(event)
        )
        assert removed.accepted, removed.message
        eventually(lambda: same_version(both))
        assert one.plugin.snapshot.contributions == ()
        assert two.plugin.snapshot.contributions == ()


def test_contributions_and_withdrawals_at_three_nodes(nodes: Nodes) -> None:
    """All end with the same, and the history is one line: each entry follows from the last."""
    three = nodes.started(3)
    base = int(time.time()) - 1_000_000
    keys = (admin, second_admin, admin)
    events = [
        [
            signed(keys[n], {"kind_blacklist_add": [1000 * n + i]}, base + 3 * i + n)
            for i in range(ROUNDS)
        ]
        for n in range(3)
    ]

    def change(number: int, node: Node) -> Decision:
        answer = Decision.accept()
        for event in events[number]:
            if node.apply(event).accepted and number == 1:
                answer = node.apply(withdrawing(keys[number], event, created_at=base))
                assert answer.accepted, answer.message
        return answer

    at_once(*(lambda each=each: change(*each) for each in enumerate(three)))
    eventually(lambda: same_version(three))
    in_force = [{each.event_id for each in node.plugin.snapshot.contributions} for node in three]
    assert in_force[0] == in_force[1] == in_force[2]
    assert not in_force[0] & {event.id for event in events[1]}
    rows = nodes.run(
        "SELECT how, event_id, contributions FROM orly_policy.history WHERE fleet = %s "
        "ORDER BY number",
        nodes.fleet,
    )
    standing: set[str] = set()
    for how, event_id, contributions in rows[1:]:
        if how == "contribution":
            standing.add(event_id)
        else:
            [gone] = standing - set(contributions)
            standing.remove(gone)
        assert standing == set(contributions)


def test_clocks_apart(nodes: Nodes) -> None:
    """A node is five minutes ahead. What it dates is a mark that does not fall: until then an
    owner dates ahead, too, and is told so.
    """
    right, ahead = both = nodes.new(policy()), nodes.new(policy(), clock=lambda: time.time() + 300)
    for node in both:
        node.start()
    ahead.save(policy(kind={"blacklist": [7]}))
    eventually(lambda: right.plugin.snapshot.policy.kind.blacklist == (7,))
    now = int(time.time())
    told = right.apply(signed(owner, policy(), now))
    assert "the owner's last change is newer" in told.message
    right.applied(signed(owner, policy(_n=2, kind={"blacklist": [8]}), now + 400))
    eventually(lambda: ahead.plugin.snapshot.policy.kind.blacklist == (8,))
    ahead.applied(signed(owner, policy(_n=3, kind={"blacklist": [9]}), now + 401))
    eventually(lambda: right.plugin.snapshot.policy.kind.blacklist == (9,))
