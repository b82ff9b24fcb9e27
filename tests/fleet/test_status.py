"""``orly-policy status`` of a fleet: what its store keeps, and whether a node here obeys it."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result
from examples import NOW
from live.making import admin, eventually, owner, policy, signed

pytest.importorskip("psycopg", reason="install orly-policy-plugin[postgres]")

from orly_policy_hookspecs import Gate
from orly_policy_plugin.cli.command import orly_policy
from orly_policy_plugin.desk.desk import NAME, Desk
from orly_policy_plugin.desk.settings import DeskSettings
from orly_policy_plugin.plugin import NAME as ENGINE

from .nodes import Node, Nodes

V1, V2 = (policy(owners=[owner.pubkey], kind={"blacklist": [n]}) for n in (1, 2))

Asked = Callable[..., Result]


@pytest.fixture
def node(nodes: Nodes) -> Iterator[Node]:
    """One whose desk is open."""
    [made] = nodes.started(1, V1)
    gate = Gate()
    gate.register(made.plugin, ENGINE)
    desk = Desk(made.plugin, DeskSettings(), clock=lambda: NOW)
    gate.register(desk, NAME)
    gate.check()
    desk.on_open()
    yield made
    asyncio.run(desk.on_stop())
    gate.blocking.close()


@pytest.fixture
def asked(nodes: Nodes, node: Node) -> Asked:
    """The status of the fleet, asked on the node's machine."""

    def asked(*options: str, file: Any = node.file) -> Result:
        where = ("--store", nodes.url, "--fleet", nodes.fleet)
        runner = CliRunner(env={"COLUMNS": "80"})
        called = ["status", str(file), *where, *options]
        return runner.invoke(orly_policy, called, catch_exceptions=False)

    return asked


def test_the_store_and_the_workers_here_are_told(node: Node, asked: Asked) -> None:
    """With how the version came, and whose contributions it has."""
    contribution = signed(admin, {"kind_blacklist_add": [9]}, int(time.time()))
    node.applied(contribution)
    result = asked()
    assert result.exit_code == 0, result.output
    assert f"version {node.version}\n" in result.stdout
    of_admin = f"by contribution {contribution.id[:8]}… of {admin.pubkey[:8]}…"
    assert of_admin in " ".join(result.stdout.split())
    assert "with 1 contribution, and 0 lists of people" in result.stdout
    assert "in force in all workers here" in result.stdout
    assert f"version {node.version} in force since" in result.stdout


def test_a_worker_that_is_behind_is_told_with_exit_status_1(
    nodes: Nodes, node: Node, asked: Asked
) -> None:
    """As one whose network is cut, and that has not heard."""
    before = node.version
    node.plugin.stop()
    other = nodes.new(V1).start()
    other.save(V2)
    eventually(lambda: other.version != before)
    result = asked()
    assert result.exit_code == 1
    assert f"version {other.version}\n" in result.stdout
    assert "another version is in force in 1 of 1 worker here" in result.stdout
    told = json.loads(asked("--json").stdout)
    assert (told["version"], told["store"]["version"]) == (before, other.version)
    assert (told["store"]["how"], told["store"]["workers_behind"]) == ("hand edit", 1)


def test_where_no_node_runs_the_store_is_told_all_the_same(
    nodes: Nodes, node: Node, asked: Asked
) -> None:
    """With exit status 2, and without a password."""
    elsewhere = nodes.folder / "elsewhere" / "policy.json"
    result = asked(file=elsewhere)
    assert result.exit_code == 2
    assert f"version {node.version}\n" in result.stdout
    assert "no relay runs with this policy" in result.stderr
    as_json = asked("--json", file=elsewhere)
    assert as_json.exit_code == 2
    assert json.loads(as_json.stdout)["store"]["workers_behind"] is None
