"""The commands on a fleet's store."""

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from live.making import admin, eventually, follows, friend, owner, policy, signed

pytest.importorskip("psycopg", reason="install orly-policy-plugin[postgres]")

from orly_policy_plugin.cli.command import orly_policy

from .nodes import Nodes

V1, V2 = (policy(kind={"blacklist": [n]}) for n in (1, 2))

Run = Callable[..., Result]


@pytest.fixture
def run(nodes: Nodes) -> Run:
    """Run a command with the store as an option."""

    def run(*arguments: str, status: int = 0, **environment: str) -> Result:
        where = [] if environment else ["--store", nodes.url, "--fleet", nodes.fleet]
        runner = CliRunner(env={"ORLY_POLICY_PATH": None, "COLUMNS": "200", **environment})
        result = runner.invoke(orly_policy, [*arguments, *where], catch_exceptions=False)
        assert result.exit_code == status, result.output
        return result

    return run


def saved(folder: Path, content: Any, name: str = "saved.json") -> str:
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / name).write_text(text)
    return str(folder / name)


def test_a_policy_is_published_and_put_back(nodes: Nodes, run: Run, tmp_path: Path) -> None:
    """It says what changes; the history names both, and the one in force."""
    first = run("publish", saved(tmp_path, V1))
    assert first.stdout.startswith("policy published: version ")
    second = run("publish", saved(tmp_path, V2))
    assert "newly allowed: kinds 1" in second.stdout
    assert "newly refused: kinds 2" in second.stdout
    assert "has it already" in run("publish", saved(tmp_path, V2)).stdout
    versions = json.loads(run("history", "--json").stdout)
    assert [(each["how"], each["stands"]) for each in versions] == [
        ("publish", True),
        ("publish", False),
    ]
    oldest = versions[-1]["version"]
    assert "newly allowed: kinds 2" in run("diff", saved(tmp_path, V2), oldest, status=1).stdout
    run("rollback", oldest)
    assert nodes.history() == ["rollback", "publish", "publish"]
    assert nodes.new().start().version == oldest


@pytest.mark.parametrize(
    ("content", "status", "told"),
    [
        ("{", 1, "line 1"),
        ({"rulez": {}}, 1, "rulez"),
        ({"rules": {"1": {"script": "none.sh"}}}, 1, "none.sh"),
        (
            {"lists": {"a": {"file": "none.txt"}}, "rules": {"1": {"write_allow": ["@a"]}}},
            1,
            "none",
        ),
    ],
)
def test_what_cannot_be_used_is_not_published(
    nodes: Nodes, run: Run, tmp_path: Path, content: Any, status: int, told: str
) -> None:
    result = run("publish", saved(tmp_path, content), status=status)
    assert told in result.output
    assert nodes.history() == []


def test_publishing_needs_a_store(run: Run, tmp_path: Path) -> None:
    result = run("publish", saved(tmp_path, V1), status=2, ORLY_POLICY_STORE="")
    assert "name it by --store URL or ORLY_POLICY_STORE" in result.output


def test_the_environment_names_the_store(nodes: Nodes, run: Run, tmp_path: Path) -> None:
    environment = {"ORLY_POLICY_STORE": nodes.url, "ORLY_POLICY_FLEET": nodes.fleet}
    run("publish", saved(tmp_path, V1), **environment)
    assert "fleet" in run("check", **environment).stdout
    assert "version" in run("check", saved(tmp_path, V2), **environment).stdout


def test_the_policy_of_a_fleet_is_linted(nodes: Nodes, run: Run, tmp_path: Path) -> None:
    run("publish", saved(tmp_path, policy(kind={"whitelist": [1, 1]})))
    assert "named-twice" in run("lint", status=1).output


def test_a_contribution_is_shown_and_withdrawn(nodes: Nodes, run: Run, tmp_path: Path) -> None:
    [node] = nodes.started(1, V1)
    contribution = signed(admin, {"kind_blacklist_add": [9]}, int(time.time()))
    node.applied(contribution)
    assert contribution.id[:8] in run("check").stdout
    key = tmp_path / "key"
    key.write_text(hashlib.sha256(b"admin").hexdigest())
    key.chmod(0o600)
    result = run("withdraw", contribution.id[:8], "--key-file", str(key))
    assert ["e", contribution.id] in json.loads(result.stdout)["tags"]


def test_follow_lists_are_imported(nodes: Nodes, run: Run, tmp_path: Path) -> None:
    """A fleet obeys them within a second."""
    following = policy(rules={"1": {"follows_whitelist_admins": [admin.pubkey]}})
    [node] = nodes.started(1, following)
    event = admin.event(3, "", [["p", friend.pubkey]], int(time.time()))
    run("follows", "import", saved(tmp_path, event))
    eventually(lambda: node.plugin.followed_by([admin.pubkey]) == {friend.pubkey})
    older = follows(admin, owner, created_at=1)
    assert (
        "not newer"
        in run("follows", "import", saved(tmp_path, {k: getattr(older, k) for k in event})).stdout
    )
    assert "follows 1" in run("follows", "list").stdout


def test_a_store_that_does_not_answer(run: Run, tmp_path: Path) -> None:
    gone = {"ORLY_POLICY_STORE": "postgresql://u@127.0.0.1:1/db"}
    commands = (
        ["history"],
        ["check"],
        ["status"],
        ["rollback", "ab"],
        ["publish", saved(tmp_path, V1)],
    )
    for command in commands:
        assert "does not answer" in run(*command, status=2, **gone).output
