"""Three nodes obey whatever changes the policy of their fleet, within a second."""

import json
import time
from collections.abc import Callable

import pytest
from click.testing import CliRunner
from live.making import admin, eventually, follows, friend, owner, policy, signed, withdrawing

pytest.importorskip("psycopg", reason="install orly-policy-plugin[postgres]")

from orly_policy_plugin.cli.command import orly_policy

from .nodes import Node, Nodes, same_version


def seconds_until(all_obey: Callable[[], bool], change: Callable[[], object]) -> float:
    """From the end of a change to when all obey it."""
    change()
    changed_at = time.monotonic()
    eventually(all_obey)
    return time.monotonic() - changed_at


def command(nodes: Nodes, *arguments: str) -> str:
    """Run the command on the fleet's store."""
    environment = {"ORLY_POLICY_STORE": nodes.url, "ORLY_POLICY_FLEET": nodes.fleet}
    result = CliRunner(env=environment).invoke(orly_policy, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_all_obey_every_change(nodes: Nodes) -> None:
    """By file, event, publish, rollback, withdrawal and unfollow: in one line of history."""
    one, two, three = all_nodes = nodes.started(3)
    now = int(time.time())
    took = []

    def obeyed(change: Callable[[], object], is_so: Callable[[Node], bool]) -> None:
        took.append(seconds_until(lambda: all(map(is_so, all_nodes)), change))
        assert same_version(all_nodes)

    def default(node: Node) -> str:
        return node.plugin.snapshot.policy.default_policy or ""

    first = one.version
    obeyed(lambda: one.save(policy(_n=1, kind={"blacklist": [7]})), lambda n: n.version != first)
    allowing = signed(owner, policy(default_policy="allow"), now + 10)
    obeyed(lambda: two.applied(allowing), lambda node: default(node) == "allow")
    published = nodes.folder / "published.json"
    published.write_text(json.dumps(policy(kind={"blacklist": [8]})))
    obeyed(lambda: command(nodes, "publish", str(published)), lambda n: default(n) == "deny")
    obeyed(lambda: command(nodes, "rollback", first), lambda node: node.version == first)
    contribution = signed(admin, {"kind_blacklist_add": [9]}, now + 20)
    obeyed(lambda: three.applied(contribution), lambda node: node.version != first)
    withdrawal = withdrawing(admin, contribution, created_at=now + 21)
    obeyed(lambda: one.applied(withdrawal), lambda node: node.version == first)
    following = policy(rules={"1": {"follows_whitelist_admins": [admin.pubkey]}})
    obeyed(
        lambda: two.applied(signed(owner, following, now + 30)), lambda node: node.version != first
    )
    for key in (friend, owner):
        obeyed(
            lambda key=key: three.follow(
                follows(admin, key, created_at=now + (31 if key is friend else 32))
            ),
            lambda node, key=key: node.plugin.followed_by([admin.pubkey]) == {key.pubkey},
        )
    assert nodes.history() == [
        *("event", "withdrawal", "contribution", "rollback", "publish", "event"),
        *("hand edit", "start"),
    ]
    assert sorted(took)[len(took) // 2] < 1  # of single ones the machine may take more
