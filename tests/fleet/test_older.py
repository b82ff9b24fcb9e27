"""A failover to a database that lacks what was seen: no node falls back to an older policy."""

import json
import time
from typing import Any

import pytest
from click.testing import CliRunner
from live.making import admin, eventually, follows, friend, owner, policy, signed, withdrawing

pytest.importorskip("psycopg", reason="install orly-policy-plugin[postgres]")

from orly_policy_plugin.cli.command import orly_policy

from .nodes import Node, Nodes, same_version

TABLES = ("change", "mark", "contribution", "withdrawal", "list", "history", "said")
REFUSES = "lacks changes that were seen here"


def kept(nodes: Nodes) -> dict[str, list[Any]]:
    """All rows of the fleet, as a backup has them."""
    fleet = "SELECT * FROM orly_policy.fleet WHERE name = %s"
    return {
        "fleet": nodes.run(fleet, nodes.fleet),
        **{
            table: nodes.run(f"SELECT * FROM orly_policy.{table} WHERE fleet = %s", nodes.fleet)
            for table in TABLES
        },
    }


def bring_back(nodes: Nodes, backup: dict[str, list[Any]]) -> None:
    """What is there goes, and the backup comes."""
    nodes.run("DELETE FROM orly_policy.fleet WHERE name = %s", nodes.fleet)
    for table, rows in backup.items():
        for row in rows:
            places = ", ".join(["%s"] * len(row))
            nodes.run(f"INSERT INTO orly_policy.{table} VALUES ({places})", *row)


def refuses(node: Node) -> bool:
    return REFUSES in node.problems


def now(more: int = 0) -> int:
    return int(time.time()) + more


def test_an_older_database(nodes: Nodes) -> None:
    """Nodes keep what they have, say why, and take no changes; a restarted one does the same."""
    one, two = nodes.started(2)
    backup = kept(nodes)
    one.applied(signed(owner, policy(kind={"blacklist": [7]}), now()))
    eventually(lambda: same_version([one, two]))
    version = one.version
    bring_back(nodes, backup)
    eventually(lambda: refuses(one) and refuses(two))
    assert f"Where the node was of another fleet, remove {two.copy}" in two.problems
    two.stop()
    two.start()
    assert one.version == two.version == version
    eventually(lambda: refuses(two))
    answer = two.apply(signed(admin, {"kind_blacklist_add": [8]}, now(2)))
    assert answer.message == "error: the policy cannot be changed now"
    assert two.version == version


def test_what_was_acknowledged_is_known_at_once(nodes: Nodes) -> None:
    """Also where the node ends before it has heard of its own change."""
    [one] = nodes.started(1)
    one.plugin._watching.stop()
    backup = kept(nodes)
    one.applied(signed(owner, policy(kind={"blacklist": [7]}), now()))
    version = one.version
    bring_back(nodes, backup)
    one.stop()
    one.start()
    assert one.version == version
    eventually(lambda: refuses(one))


def test_one_with_as_many_changes_but_others(nodes: Nodes) -> None:
    """Revisions have the same numbers and are not the same."""
    [one] = nodes.started(1)
    backup = kept(nodes)
    one.applied(signed(owner, policy(kind={"blacklist": [7]}), now()))
    version = one.version
    one.stop()
    bring_back(nodes, backup)
    other = nodes.new(name="other").start()
    other.applied(signed(owner, policy(kind={"blacklist": [8]}), now(-1000)))
    one.start()
    assert one.version == version
    eventually(lambda: refuses(one))


def test_the_right_one_comes_back(nodes: Nodes) -> None:
    [one] = nodes.started(1)
    before = kept(nodes)
    one.applied(signed(owner, policy(kind={"blacklist": [7]}), now()))
    after = kept(nodes)
    bring_back(nodes, before)
    eventually(lambda: refuses(one))
    bring_back(nodes, after)
    eventually(lambda: not one.problems)
    one.applied(signed(owner, policy(kind={"blacklist": [8]}), now(1)))


def test_an_empty_one(nodes: Nodes) -> None:
    """A node's file does not go into it, as it would into a new fleet's."""
    [one] = nodes.started(1)
    one.applied(signed(owner, policy(kind={"blacklist": [7]}), now()))
    version = one.version
    nodes.run("DELETE FROM orly_policy.fleet WHERE name = %s", nodes.fleet)
    eventually(lambda: "there is no such fleet" in one.problems)
    nodes.init()
    eventually(lambda: refuses(one))
    one.stop()
    one.start()
    assert one.version == version
    assert nodes.history() == []


def test_one_whose_policy_was_taken_out(nodes: Nodes) -> None:
    """The file of a node that starts, which is older, does not come back; an owner's event takes
    the empty place.
    """
    one, two = nodes.started(2)
    one.applied(signed(owner, policy(kind={"blacklist": [7]}), now()))
    eventually(lambda: same_version([one, two]))
    version = one.version
    two.stop()
    nodes.run(
        "UPDATE orly_policy.fleet SET content = NULL, revision = revision + 1 WHERE name = %s",
        nodes.fleet,
    )
    two.start()
    assert two.version == version
    eventually(lambda: "holds no policy" in one.problems)
    eventually(lambda: "holds no policy" in two.problems)
    two.applied(signed(owner, policy(kind={"blacklist": [8]}), now(1)))
    eventually(lambda: same_version([one, two]) and not one.problems + two.problems)


def test_what_was_decided_since_counts(nodes: Nodes) -> None:
    """The operator says what counts, by publishing it; what was withdrawn stays so, and an
    unfollow, too.
    """
    following = policy(rules={"1": {"follows_whitelist_admins": [admin.pubkey]}})
    [one] = nodes.started(1, following)
    contribution = signed(admin, {"kind_blacklist_add": [9]}, now(-9))
    one.applied(contribution)
    one.follow(follows(admin, friend, owner, created_at=now(-9)))
    eventually(lambda: one.plugin.followed_by([admin.pubkey]) == {friend.pubkey, owner.pubkey})
    backup = kept(nodes)
    one.applied(withdrawing(admin, contribution, created_at=now(-8)))
    one.applied(signed(owner, {**following, "_n": 1}, now(-7)))
    one.follow(follows(admin, owner, created_at=now(-8)))
    eventually(lambda: one.plugin.followed_by([admin.pubkey]) == {owner.pubkey})
    bring_back(nodes, backup)
    eventually(lambda: refuses(one))
    published = nodes.folder / "published.json"
    published.write_text(json.dumps({**following, "kind": {"blacklist": [8]}}))
    environment = {"ORLY_POLICY_STORE": nodes.url, "ORLY_POLICY_FLEET": nodes.fleet}
    arguments = ["publish", str(published)]
    result = CliRunner(env=environment).invoke(orly_policy, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    eventually(lambda: not one.problems)
    snapshot = one.plugin.snapshot
    assert snapshot.policy.kind.blacklist == (8,)
    assert snapshot.contributions == ()
    assert one.plugin.followed_by([admin.pubkey]) == {owner.pubkey}
    replayed = one.apply(contribution)
    assert not replayed.accepted
