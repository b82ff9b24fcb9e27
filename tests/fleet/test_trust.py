"""The database is a carrier: whoever can write to it, and has no key, signs nothing with that; and
an unsigned policy counts only where the settings trust the database.
"""

import json
import time
from typing import Any

import pytest
from examples import AnEvent
from live.making import (
    admin,
    eventually,
    foe,
    follows,
    friend,
    owner,
    policy,
    second_owner,
    signed,
    withdrawing,
)
from relay.signing import Key

pytest.importorskip("psycopg", reason="install orly-policy-plugin[postgres]")

from orly_policy_hookspecs.nip01 import event_json
from orly_policy_plugin.authority.freshness import Mark
from orly_policy_plugin.state.policy_mark import with_mark
from orly_policy_plugin.state.postgres.trust import Asked, Untrusted, check_signed
from orly_policy_plugin.state.postgres.writing import channel_of

from .nodes import Node, Nodes

V1, V2, V3 = (policy(kind={"blacklist": [n]}) for n in (1, 2, 3))
ALL = "WHERE fleet = %s"


@pytest.fixture
def wary(nodes: Nodes) -> tuple[Node, Node]:
    """Two nodes that do not trust the database, with the same file."""
    one, two = (nodes.new(V1, store_is_trusted=False).start() for _ in range(2))
    return one, two


def blacklist(node: Node) -> tuple[int, ...]:
    return node.plugin.snapshot.policy.kind.blacklist


def now(more: int = 0) -> int:
    return int(time.time()) + more


def intrude(nodes: Nodes, content: dict[str, Any] | str, event: str | None = None) -> None:
    """Somebody who can write to the database puts a policy there."""
    text = content if isinstance(content, str) else json.dumps(content)
    nodes.run(
        "UPDATE orly_policy.fleet SET content = %s, event = %s, revision = revision + 1 "
        "WHERE name = %s",
        text.encode(),
        event,
        nodes.fleet,
    )
    nodes.run(
        "INSERT INTO orly_policy.change SELECT name, revision, 'x' FROM orly_policy.fleet "
        "WHERE name = %s",
        nodes.fleet,
    )
    nodes.run("SELECT pg_notify(%s, '')", channel_of(nodes.fleet))


def test_an_owners_event_counts(wary: tuple[Node, Node]) -> None:
    one, two = wary
    one.applied(signed(owner, V2, now()))
    eventually(lambda: blacklist(two) == (2,))
    two.applied(signed(owner, V3, now(1)))
    eventually(lambda: blacklist(one) == (3,))


def test_an_unsigned_policy_does_not(wary: tuple[Node, Node], nodes: Nodes) -> None:
    """Nodes keep what counted, restarted ones too, and an owner's event takes its place."""
    one, two = wary
    one.applied(signed(owner, V2, now()))
    eventually(lambda: blacklist(two) == (2,))
    intrude(nodes, V3)
    for node in wary:
        eventually(lambda node=node: "no owner has signed it" in node.problems)
        assert blacklist(node) == (2,)
    two.stop()
    two.start()
    assert blacklist(two) == (2,)
    two.applied(signed(owner, V1, now(1)))
    eventually(lambda: blacklist(one) == blacklist(two) == (1,))
    eventually(lambda: not one.problems and not two.problems)


def test_what_is_beside_it_counts_meanwhile(nodes: Nodes) -> None:
    """A withdrawal does not wait until an owner has signed a policy."""
    one, two = (nodes.new(V1, store_is_trusted=False).start() for _ in range(2))
    contribution = signed(admin, {"kind_blacklist_add": [7]}, now())
    one.applied(contribution)
    eventually(lambda: len(two.plugin.snapshot.contributions) == 1)
    intrude(nodes, V3)
    eventually(lambda: "no owner has signed it" in two.problems)
    one.applied(withdrawing(admin, contribution, created_at=now(1)))
    eventually(lambda: two.plugin.snapshot.contributions == ())


def test_a_nodes_own_file_counts_on_that_node_alone(wary: tuple[Node, Node]) -> None:
    one, two = wary
    one.save(V2)
    eventually(lambda: blacklist(one) == (2,))
    eventually(lambda: "no owner has signed it" in two.problems)
    assert blacklist(two) == (1,)


def test_an_old_event_does_not_come_back(wary: tuple[Node, Node], nodes: Nodes) -> None:
    one, two = wary
    one.applied(signed(owner, V2, now(-9)))
    [(content, event)] = nodes.run(
        "SELECT content, event FROM orly_policy.fleet WHERE name = %s", nodes.fleet
    )
    two.applied(signed(owner, V3, now(-8)))
    eventually(lambda: blacklist(one) == (3,))
    intrude(nodes, bytes(content).decode(), event)
    eventually(lambda: f"one of {now(-8)}"[:14] in one.problems, 30)
    assert blacklist(one) == blacklist(two) == (3,)


def counterfeit(nodes: Nodes, event: AnEvent) -> None:
    """Put an owner's event into the database as a node would that had accepted it."""
    content = with_mark(json.loads(event.content), Mark(event.created_at, event.id), event.pubkey)
    intrude(nodes, content.decode(), json.dumps(event_json(event)))


@pytest.mark.parametrize(
    ("content", "tags", "ahead", "why"),
    [
        (V2, [["relay", "wss://other.example"]], 0, "meant for another relay"),
        (V2, [], 5000, "far ahead of now"),
        ({**V2, "owners": [second_owner.pubkey]}, [], 0, "does not name this event's author"),
        ({**V2, "global": {"script": "/bin/cat"}}, [], 0, "may name only a script"),
    ],
)
def test_an_owners_event_that_would_be_refused_does_not_count(
    nodes: Nodes, content: dict[str, Any], tags: list[list[str]], ahead: int, why: str
) -> None:
    """Whoever can write to the database may have one that was sent to another relay."""
    settings = {"store_is_trusted": False, "relay_urls": ("wss://relay.example",)}
    one = nodes.new(V1, **settings).start()
    event = signed(owner, content, now(ahead), tags=tags)
    assert not one.apply(event).accepted
    counterfeit(nodes, event)
    eventually(lambda: why in one.problems)
    assert blacklist(one) == (1,)


def test_a_strangers_event_does_not_count(wary: tuple[Node, Node], nodes: Nodes) -> None:
    event = foe.event(12345, json.dumps(policy(owners=[foe.pubkey])), [], now())
    intrude(nodes, policy(owners=[foe.pubkey]), json.dumps(event))
    eventually(lambda: "who is no owner here" in wary[0].problems)
    assert blacklist(wary[0]) == (1,)


def test_a_node_that_was_away_while_owners_changed(wary: tuple[Node, Node]) -> None:
    """Each policy is signed by an owner of the one before."""
    one, two = wary
    two.stop()
    both = {"owners": [owner.pubkey, second_owner.pubkey]}
    one.applied(signed(owner, {**V2, **both}, now(-9)))
    one.applied(signed(second_owner, {**V3, **both}, now(-8)))
    two.start()
    assert blacklist(two) == (3,)


def test_trust_lets_the_operators_word_count(nodes: Nodes) -> None:
    [one] = nodes.started(1, V1)
    intrude(nodes, V3)
    eventually(lambda: blacklist(one) == (3,))


def test_nobody_without_a_key_adds_or_follows(nodes: Nodes) -> None:
    """Also where the database is trusted: contributions and lists are signed, or count nothing."""
    following = policy(rules={"1": {"follows_whitelist_admins": [admin.pubkey]}})
    one, two = nodes.started(2, following)
    genuine = signed(admin, {"kind_blacklist_add": [7]}, now())
    one.applied(genuine)
    forged = admin.event(12345, json.dumps({"kind_blacklist_add": [8]}), [], now(1))
    forged["sig"] = genuine.sig
    values = {"fleet": nodes.fleet, "id": forged["id"], "event": json.dumps(forged)}
    nodes.run(
        "INSERT INTO orly_policy.contribution SELECT name, %s, revision + 1, %s, null "
        "FROM orly_policy.fleet WHERE name = %s",
        *(values["id"], values["event"], values["fleet"]),
    )
    listed = admin.event(3, "", [["p", foe.pubkey]], now())
    listed["sig"] = genuine.sig
    nodes.run(
        "INSERT INTO orly_policy.list SELECT name, %s, revision + 1, 1, %s, %s "
        "FROM orly_policy.fleet WHERE name = %s",
        *(admin.pubkey, listed["id"], json.dumps(listed), nodes.fleet),
    )
    one.follow(follows(friend, foe, created_at=now()))
    one.applied(signed(owner, {**following, "_n": 1}, now(2)))
    eventually(lambda: two.version == one.version)
    for node in (one, two):
        contributions = node.plugin.snapshot.contributions
        assert [each.event_id for each in contributions] == [genuine.id]
        assert node.plugin.followed_by([admin.pubkey]) == frozenset()
    two.follow(follows(admin, friend, created_at=now()))
    eventually(lambda: one.plugin.followed_by([admin.pubkey]) == {friend.pubkey})


def put(nodes: Nodes, event: AnEvent, difference: bytes | None) -> None:
    """Somebody puts a contribution there, which nodes read with the next change."""
    nodes.run(
        "INSERT INTO orly_policy.contribution SELECT name, %s, revision + 1, %s, %s "
        "FROM orly_policy.fleet WHERE name = %s ON CONFLICT (fleet, event_id) DO UPDATE "
        "SET revision = excluded.revision, difference = excluded.difference",
        *(event.id, json.dumps(event_json(event)), difference, nodes.fleet),
    )


def test_a_contribution_that_was_refused_is_not_replayed(nodes: Nodes) -> None:
    [one] = nodes.started(1)
    old = signed(admin, {"kind_blacklist_add": [7]}, now(-9))
    one.applied(signed(owner, policy(_n=1), now(-8)))
    assert not one.apply(old).accepted
    put(nodes, old, None)
    for n in (0, 1):
        one.applied(signed(owner, policy(_n=2), now(n)))
    assert one.plugin.snapshot.contributions == ()


def test_the_difference_of_a_full_policy_stays_as_it_was(nodes: Nodes) -> None:
    """Nobody has signed it: it could bring back what the owner has taken away."""

    def letting(*keys: Key) -> dict[str, Any]:
        return policy(rules={"1": {"write_allow": [each.pubkey for each in keys]}})

    one, two = nodes.started(2, letting(owner, foe))
    full = signed(admin, letting(owner, foe, friend), now(-9))
    one.applied(full)
    one.applied(signed(owner, letting(owner), now(-8)))
    eventually(lambda: two.version == one.version)
    [(difference,)] = nodes.run(
        "SELECT difference FROM orly_policy.contribution WHERE fleet = %s", nodes.fleet
    )
    more = json.loads(difference)
    more["rules_extend"]["1"]["write_allow_add"].append(foe.pubkey)
    two.stop()
    put(nodes, full, json.dumps(more).encode())
    two.start()
    for n in (0, 1):
        one.applied(signed(owner, {**letting(owner), "_n": 1}, now(n)))
    eventually(lambda: two.version == one.version)
    for node in (one, two):
        [contribution] = node.plugin.snapshot.contributions
        assert contribution.rules_extend[1].write_allow_add == (friend.pubkey,)


@pytest.mark.parametrize(
    "event", [None, "", "{", "[]", '{"id": 1}', json.dumps(owner.event(1, "{}", [], 5))]
)
def test_what_is_no_owners_policy_event_signs_nothing(event: str | None) -> None:
    with pytest.raises(Untrusted):
        check_signed(
            b"{}", event, [owner.pubkey], newest=Mark(1), asked=Asked(), before=None, now=5
        )
