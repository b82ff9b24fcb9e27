"""Rows that say nothing that could be used, and rows of another fleet."""

import time
import tracemalloc
from typing import Any

import postgres
import pytest
from live.making import admin, eventually, follows, friend, owner, policy, signed, withdrawing

pytest.importorskip("psycopg", reason="install orly-policy-plugin[postgres]")

from orly_policy_plugin.errors import PolicyError
from orly_policy_plugin.state.address import Address
from orly_policy_plugin.state.postgres import PostgresStore

from .nodes import Node, Nodes

FOLLOWING = policy(rules={"1": {"follows_whitelist_admins": [admin.pubkey]}})


def now(more: int = 0) -> int:
    return int(time.time()) + more


def spoil(nodes: Nodes, table: str, assignment: str, *values: Any) -> None:
    """Change rows as a change would, and have everybody look."""
    nodes.run(
        f"UPDATE orly_policy.{table} SET {assignment}, revision = f.revision + 1 "
        f"FROM orly_policy.fleet f WHERE fleet = f.name AND fleet = %s",
        *values,
        nodes.fleet,
    )


def changed(node: Node, n: int) -> None:
    """Make a change, so that all nodes read what is new."""
    node.applied(signed(owner, {**FOLLOWING, "_n": n}, now(n)))


@pytest.mark.parametrize("garbage", ["", "{", "[]", "null", '{"id": "x"}', "\x7f", "[" * 10_000])
@pytest.mark.heavy
def test_garbage_in_the_place_of_a_contribution(nodes: Nodes, garbage: str) -> None:
    """What it denied stays denied where it was known; elsewhere it counts for nothing."""
    one, two = nodes.started(2, FOLLOWING)
    one.applied(signed(admin, {"kind_blacklist_add": [7]}, now()))
    eventually(lambda: two.version == one.version)
    spoil(nodes, "contribution", "event = %s", garbage)
    changed(one, 1)
    eventually(lambda: two.version == one.version)
    assert len(two.plugin.snapshot.contributions) == 1
    late = nodes.new().start()
    assert late.plugin.snapshot.contributions == ()
    changed(late, 2)


@pytest.mark.parametrize(
    ("table", "values", "size"),
    [
        ("contribution", "repeat('x', {}), null", 30_000_000),
        ("list", "1, '', repeat('x', {})", 15_000_000),
    ],
)
def test_a_row_that_is_too_large(nodes: Nodes, table: str, values: str, size: int) -> None:
    """Nothing of it is read but its size; what the node takes meanwhile is a fraction of that."""
    nodes.started(1, FOLLOWING)
    nodes.run(
        f"INSERT INTO orly_policy.{table} SELECT name, %s, revision + 1, {values.format(size)} "
        "FROM orly_policy.fleet WHERE name = %s",
        *("0" * 64, nodes.fleet),
    )
    nodes.run("UPDATE orly_policy.fleet SET revision = revision + 1 WHERE name = %s", nodes.fleet)
    store = PostgresStore(Address.parse(nodes.url, nodes.fleet))
    tracemalloc.start()
    try:
        stored = store.read(lambda _: ())
        assert tracemalloc.get_traced_memory()[1] < size * 0.8
    finally:
        tracemalloc.stop()
        store.close()
    assert ["over 3158" in str(each) for each in stored.problems] == [True]


def test_of_many_rows_of_garbage_the_log_has_some(
    nodes: Nodes, caplog: pytest.LogCaptureFixture
) -> None:
    nodes.started(1, FOLLOWING)
    nodes.run(
        "INSERT INTO orly_policy.contribution SELECT name, md5(n::text) || md5(''), revision + 1, "
        "'{}', null FROM orly_policy.fleet, generate_series(1, 300) AS n WHERE name = %s",
        nodes.fleet,
    )
    nodes.new().start()
    assert len(caplog.records) < 150  # of either node fifty, and that there are more
    assert "and 250 more like these" in caplog.text


def test_garbage_in_the_place_of_a_list(nodes: Nodes) -> None:
    """What was known of it counts, and a newer list takes its place."""
    one, two = nodes.started(2, FOLLOWING)
    one.follow(follows(admin, friend, created_at=now()))
    eventually(lambda: two.plugin.followed_by([admin.pubkey]) == {friend.pubkey})
    spoil(nodes, "list", "event = %s, created_at = %s", "{}", 2**62)
    changed(one, 1)
    eventually(lambda: two.version == one.version)
    assert two.plugin.followed_by([admin.pubkey]) == {friend.pubkey}
    two.follow(follows(admin, owner, created_at=now(1)))
    eventually(lambda: one.plugin.followed_by([admin.pubkey]) == {owner.pubkey})


def test_garbage_in_the_place_of_a_withdrawal(nodes: Nodes) -> None:
    """It is withdrawn all the same."""
    [one] = nodes.started(1, FOLLOWING)
    contribution = signed(admin, {"kind_blacklist_add": [7]}, now())
    one.applied(contribution)
    one.applied(withdrawing(admin, contribution, created_at=now()))
    spoil(nodes, "withdrawal", "author = %s, created_at = %s, by = %s", "nobody", -1, "")
    late = nodes.new().start()
    assert late.plugin.snapshot.contributions == ()
    assert not late.apply(contribution).accepted


def test_garbage_in_the_place_of_a_withdrawn_events_id(nodes: Nodes) -> None:
    """It withdraws nothing, is no file's name, and keeps no change out."""
    one, two = nodes.started(2, FOLLOWING)
    nodes.run(
        "INSERT INTO orly_policy.withdrawal SELECT name, %s, revision + 1, %s, 1, %s "
        "FROM orly_policy.fleet WHERE name = %s",
        *("../../evil", admin.pubkey, "0" * 64, nodes.fleet),
    )
    changed(one, 1)
    changed(one, 2)
    eventually(lambda: two.version == one.version)
    assert not [*nodes.folder.rglob("evil*")]


@pytest.mark.parametrize("row", [("nobody", 1, ""), ("", -1, ""), ("", 1, "x")])
def test_garbage_in_the_place_of_a_mark(nodes: Nodes, row: tuple[str, int, str]) -> None:
    """It would be read as a lower one: nothing is changed until it is put right."""
    [one] = nodes.started(1, FOLLOWING)
    changed(one, 1)
    nodes.run("DELETE FROM orly_policy.mark WHERE fleet = %s", nodes.fleet)
    nodes.run("INSERT INTO orly_policy.mark VALUES (%s, %s, %s, %s)", nodes.fleet, *row)
    with pytest.raises(PolicyError, match=r"a row of orly_policy\.mark cannot be used"):
        nodes.new().start()


def test_a_mark_that_was_taken_away(nodes: Nodes) -> None:
    """A node knows its own, and no event that was applied before is applied again."""
    one, two = nodes.started(2, FOLLOWING)
    event = signed(owner, {**FOLLOWING, "_n": 1}, now())
    one.applied(event)
    one.applied(signed(owner, {**FOLLOWING, "_n": 2}, now(1)))
    eventually(lambda: two.version == one.version)
    nodes.run("DELETE FROM orly_policy.mark WHERE fleet = %s", nodes.fleet)
    two.stop()
    two.start()
    for node in (one, two):
        assert not node.apply(event).accepted


@pytest.mark.parametrize(
    ("assignment", "values"),
    [
        ("content = %s", [b"\xff\x00"]),
        ("how = %s", ["by magic"]),
        ("version = %s", ["x"]),
        ("contributions = %s", [["x"]]),
        ("recorded_at = %s", [-5]),
    ],
)
def test_garbage_in_the_history(nodes: Nodes, assignment: str, values: list[Any]) -> None:
    """The other versions are read, and changes go on."""
    [one] = nodes.started(1, FOLLOWING)
    nodes.run(
        f"UPDATE orly_policy.history SET {assignment} WHERE fleet = %s", *values, nodes.fleet
    )
    changed(one, 1)
    late = nodes.new().start()
    assert late.version == one.version


def test_another_fleet_in_the_database(nodes: Nodes, tmp_path: Any) -> None:
    """Neither sees anything of the other, whatever their events are."""
    [one] = nodes.started(1, FOLLOWING)
    others = Nodes(tmp_path / "others", nodes.url, postgres.new_fleet())
    others.folder.mkdir()
    try:
        [other] = others.started(1, policy(kind={"blacklist": [5]}))
        contribution = signed(admin, {"kind_blacklist_add": [7]}, now())
        one.applied(contribution)
        one.follow(follows(admin, friend, created_at=now()))
        other.applied(contribution)
        other.applied(withdrawing(admin, contribution, created_at=now()))
        assert len(one.plugin.snapshot.contributions) == 1
        assert other.plugin.snapshot.contributions == ()
        assert other.plugin.followed_by([admin.pubkey]) == frozenset()
        assert nodes.history() == ["contribution", "start"]
        assert others.history() == ["withdrawal", "contribution", "start"]
    finally:
        others.stop()
