"""A node's policy file and the store: what is an edit, and what is a copy that comes late."""

import time

import pytest
from live.making import admin, eventually, owner, policy, signed

pytest.importorskip("psycopg", reason="install orly-policy-plugin[postgres]")

from orly_policy_plugin.errors import PolicyError, Unreadable
from orly_policy_plugin.policy import InvalidPolicy

from .nodes import Node, Nodes, same_version

V1, V2, V3 = (policy(kind={"blacklist": [n]}) for n in (1, 2, 3))


def blacklist(node: Node) -> tuple[int, ...]:
    return node.plugin.snapshot.policy.kind.blacklist


def all_have(nodes: list[Node], content: dict[str, object]) -> bool:
    kind = content["kind"]
    assert isinstance(kind, dict)
    return all(list(blacklist(node)) == kind["blacklist"] for node in nodes)


def test_the_first_nodes_file_goes_into_an_empty_store(nodes: Nodes) -> None:
    one = nodes.new(V1).start()
    two = nodes.new().start()
    assert same_version([one, two])
    assert nodes.history() == ["start"]


def test_where_there_is_no_policy_no_node_starts(nodes: Nodes) -> None:
    with pytest.raises(Unreadable, match="holds no policy; `orly-policy publish FILE`"):
        nodes.new().start()


@pytest.mark.parametrize("content", ["{", '{"rulez": {}}', '{"rules":{"1":{"script":"none.sh"}}}'])
def test_a_wrong_file_does_not_go_into_it(nodes: Nodes, content: str) -> None:
    node = nodes.new()
    node.save(content)
    with pytest.raises(InvalidPolicy):
        node.start()
    assert nodes.history() == []


def test_a_file_that_the_store_had_is_no_edit(nodes: Nodes) -> None:
    """A node starts with an old file: the store's policy counts."""
    [one] = nodes.started(1, V1)
    one.save(V2)
    eventually(lambda: all_have([one], V2))
    late = nodes.new(V1).start()
    assert all_have([late], V2)
    assert nodes.history() == ["hand edit", "start"]


def test_a_file_is_known_after_any_number_of_events(nodes: Nodes) -> None:
    """An admin who sends thousands keeps no node from starting: its file stays as it was."""
    [one] = nodes.started(1, V1)
    one.applied(signed(owner, V2, int(time.time())))
    nodes.run(
        "INSERT INTO orly_policy.history SELECT fleet, number + n, version, recorded_at, "
        "'contribution', author, event_id, content, digest, contributions FROM "
        "orly_policy.history, generate_series(1, 2000) AS n WHERE fleet = %s AND how = 'event'",
        nodes.fleet,
    )
    one.applied(signed(admin, {"kind_blacklist_add": [7]}, int(time.time()) + 1))
    assert len(nodes.history()) < 1100
    one.stop()
    one.start()
    assert all_have([one], V2)


def test_a_file_that_it_does_not_know_is_refused(nodes: Nodes) -> None:
    """With the two commands that resolve it, each of which does."""
    nodes.started(1, V1)
    other = nodes.new(V2)
    with pytest.raises(PolicyError) as raised:
        other.start()
    told = str(raised.value)
    assert f"`orly-policy publish '{other.file}' --store URL`" in told
    assert f"`mv '{other.file}' '{other.file}'.old`" in told
    other.file.rename(f"{other.file}.old")
    other.start()
    assert all_have([other], V1)


def test_a_rollout_ends_in_the_new_one(nodes: Nodes) -> None:
    """Node after node gets the new file, and then a newer one; an old node restarts in between."""
    one, two, three = all_nodes = nodes.started(3, V1)
    one.save(V2)
    eventually(lambda: all_have(all_nodes, V2))
    three.stop()
    three.start()
    assert all_have([three], V2)
    one.save(V3)
    eventually(lambda: all_have(all_nodes, V3))
    for late in (two, three):  # they get what the store has left behind, and then the newest
        for content in (V2, V3):
            late.save(content)
            eventually(lambda late=late: late.has_dealt_with_its_file)
    assert all_have(all_nodes, V3)
    assert nodes.history() == ["hand edit", "hand edit", "start"]


def test_going_back_by_the_file_is_an_edit(nodes: Nodes) -> None:
    """And the other nodes, whose files follow, change nothing."""
    one, two = all_nodes = nodes.started(2, V1)
    one.save(V2)
    two.save(V2)
    eventually(lambda: all_have(all_nodes, V2))
    one.save(V1)
    eventually(lambda: all_have(all_nodes, V1))
    two.save(V1)
    eventually(lambda: two.has_dealt_with_its_file)
    assert all_have(all_nodes, V1)
    assert nodes.history() == ["hand edit", "hand edit", "start"]


def test_a_wrong_edit_changes_nothing(nodes: Nodes) -> None:
    one, two = all_nodes = nodes.started(2, V1)
    one.save('{"rulez": {}}')
    eventually(lambda: "rulez" in one.problems)
    assert all_have(all_nodes, V1)
    assert not two.problems
    one.save(V2)
    eventually(lambda: all_have(all_nodes, V2) and not one.problems)


def test_workers_share_a_file_and_a_copy(nodes: Nodes) -> None:
    """Processes of one machine have one folder: an edit goes into the store once."""
    workers = [nodes.new(V1, name="machine").start() for _ in range(3)]
    for content in (V2, V3, V2):
        workers[0].save(content)
        eventually(lambda content=content: all_have(workers, content))
        eventually(lambda: all(worker.has_dealt_with_its_file for worker in workers))
    assert all_have(workers, V2)
    assert nodes.history() == ["hand edit", "hand edit", "hand edit", "start"]


def test_a_file_that_goes_away_says_nothing(nodes: Nodes) -> None:
    one, two = all_nodes = nodes.started(2, V1)
    one.file.unlink()
    two.applied(signed(owner, V2, int(time.time())))
    eventually(lambda: all_have(all_nodes, V2))
    one.save(V3)
    eventually(lambda: all_have(all_nodes, V3))
