"""``orly-policy set``: single places of the policy, changed at once and checked."""

import json
import os
import pwd
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from live.making import World, admin, eventually, owner, signed
from live.making import policy as owners_policy

from orly_policy_plugin.cli import replacing
from orly_policy_plugin.cli.inputs import policy_content

Write = Callable[[str, Any], Path]
Invoke = Callable[..., Result]

NPUB = "npub10xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqpkge6d"
HEX = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
POLICY = """{
  "_about": "Mine.",
  "kind": {"blacklist": [4]},
  "rules": {
    "1":  {"content_limit": 1000,   "_why": "notes are short"}
  }
}
"""
NAMED = ("--policy", "policy.json")


@pytest.fixture
def policy(write: Write) -> Path:
    return write("policy.json", POLICY)


def test_all_else_in_the_file_stays_as_it_is(policy: Path, invoke: Invoke) -> None:
    """Its order, its lines, its blanks, its comments."""
    result = invoke("set", "kind.blacklist+=7", "rules.1.content_limit=500", *NAMED)
    assert result.exit_code == 0, result.output
    expected = POLICY.replace("[4]", "[4, 7]").replace("1000", "500")
    assert policy.read_text() == expected


def test_what_is_decided_otherwise_is_shown_with_a_witness(policy: Path, invoke: Invoke) -> None:
    """And the way back, which works."""
    told = invoke("set", f"rules.1.write_deny+={NPUB}", *NAMED).stdout
    assert "rules.1.write_deny: added 79be667e…" in told
    assert "newly refused: writing kind 1" in told
    assert "rules.1.write_deny: reject: restricted: " in told
    (back,) = (line for line in told.splitlines() if line.startswith("to go back: "))
    undone = invoke(*back.removeprefix("to go back: orly-policy ").split())
    assert undone.exit_code == 0, undone.output
    assert policy.read_text() == POLICY


def test_the_history_has_it_with_the_systems_user(policy: Path, invoke: Invoke) -> None:
    """Who calls it by sudo, too."""
    name = pwd.getpwuid(os.getuid()).pw_name
    invoke("set", "kind.blacklist+=7", *NAMED)
    newest, before = json.loads(invoke("history", "policy.json", "--json").stdout)
    assert (newest["how"], newest["user"], newest["author"]) == ("set", name, None)
    assert (before["how"], before["user"]) == ("hand edit", None)
    assert f"set        {name}" in invoke("history", "policy.json").stdout


def test_a_user_of_sudo_is_named_with_the_one_he_is(monkeypatch: pytest.MonkeyPatch) -> None:
    name = pwd.getpwuid(os.getuid()).pw_name
    monkeypatch.setenv("SUDO_USER", "alice")
    assert replacing.system_user() == f"alice as {name}"
    monkeypatch.setenv("SUDO_USER", name)
    assert replacing.system_user() == name


def test_a_dry_run_changes_nothing(policy: Path, invoke: Invoke, folder: Path) -> None:
    result = invoke("set", "kind.blacklist+=7", "--dry-run", *NAMED)
    assert result.exit_code == 0
    assert "newly refused: writing kind 7" in result.stdout
    assert result.stdout.endswith("; nothing has changed\n")
    assert [path.name for path in folder.iterdir()] == ["policy.json"]
    assert policy.read_text() == POLICY


def test_what_the_lint_has_to_say_of_it_is_told(policy: Path, invoke: Invoke) -> None:
    """Not what it had to say before."""
    result = invoke("set", "kind.blacklist+=1", *NAMED)
    assert "lint: rules.1: kind 1 is in kind.blacklist" in result.stderr
    assert "lint" not in invoke("set", "kind.blacklist+=7", *NAMED).stderr


def test_json_for_programs(policy: Path, invoke: Invoke) -> None:
    told = json.loads(invoke("set", "kind.blacklist+=1", "--json", *NAMED).stdout)
    versions = [
        each["version"] for each in json.loads(invoke("history", "--json", "policy.json").stdout)
    ]
    assert [told["version"], told["before"]] == versions
    assert told["changed"] is True
    assert [each["place"] for each in told["differences"]] == ["kind"]
    assert told["witnesses"]
    assert told["lint"][0].startswith("rules.1: ")
    again = json.loads(invoke("set", "kind.blacklist+=1", "--json", *NAMED).stdout)
    assert (again["changed"], again["version"]) == (False, told["version"])


WRONG = [
    (("rules.1.content_limti=5",), 1, "content_limti: unknown key; did you mean 'content_limit'?"),
    (("rules.1.content_limit=many",), 1, "rules.1.content_limit: "),
    (("rules.1.write_deny+=npub1",), 1, "rules.1.write_deny[0]: 'npub1' is not a public key"),
    (("rules.1.script=gone.sh",), 1, "gone.sh"),
    (("rules.1.write_allow+=@friends",), 1, "rules.1.write_allow[0]: "),
    (("kind.blacklist-=5",), 2, "kind.blacklist: 5 is not in it"),
    (("kind.whitelist-=5",), 2, "kind.whitelist: there is no such list"),
    (("rules.1.content_limit+=5",), 2, "rules.1.content_limit: it is no list"),
    (("rules.1.content_limit.x=5",), 2, "content_limit is no object"),
    (("--unset", "rules.7"), 2, "rules.7: there is no such member"),
    (("--unset", "rules..7"), 2, "'rules..7' is no place"),
    (("kind",), 2, "kind: PLACE=VALUE, PLACE+=ITEM or PLACE-=ITEM is needed"),
    (("policy.json", "kind.blacklist+=4"), 2, "; --policy names the file"),
    ((), 2, "nothing to change: "),
]  # fmt: skip


@pytest.mark.parametrize(
    ("edits", "status", "told"), WRONG, ids=[" ".join(each[0]) for each in WRONG]
)
def test_what_cannot_be_is_told_and_changes_nothing(
    edits: tuple[str, ...], status: int, told: str, policy: Path, invoke: Invoke, folder: Path
) -> None:
    """The right place with the wrong one, too: all of it or nothing."""
    result = (
        invoke("set", "default_policy=deny", *edits, *NAMED) if edits else invoke("set", *NAMED)
    )
    assert result.exit_code == status, result.output
    assert told in result.stderr
    assert policy.read_text() == POLICY
    assert [path.name for path in folder.iterdir()] == ["policy.json"]


@pytest.mark.parametrize(
    ("content", "status", "told"),
    [
        ("{", 1, "line 1"),
        (b"\xff", 1, "UTF-8"),
        ("[]", 2, "the policy is no object"),
        ("", 1, "empty"),
    ],
)
def test_a_file_that_is_no_policy(
    content: Any, status: int, told: str, write: Write, invoke: Invoke
) -> None:
    path = write("policy.json", content)
    before = path.read_bytes()
    result = invoke("set", "default_policy=deny", *NAMED)
    assert (result.exit_code, result.stdout) == (status, "")
    assert told in result.stderr
    assert path.read_bytes() == before


def test_a_policy_that_cannot_be_used_can_be_mended(write: Write, invoke: Invoke) -> None:
    """What is wrong is put aside by the history."""
    write("policy.json", '{"rules": {"1": {"content_limit": -1}}}')
    result = invoke("set", "rules.1.content_limit=5", *NAMED)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("policy changed: version ")


def test_what_somebody_else_changes_meanwhile_is_kept(
    policy: Path, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    def changed_behind(*arguments: Any) -> bytes:
        content = policy_content(*arguments)
        policy.write_text('{"default_policy": "deny"}')
        return content

    monkeypatch.setattr("orly_policy_plugin.cli.target.policy_content", changed_behind)
    result = invoke("set", "kind.blacklist+=7", *NAMED)
    assert result.exit_code == 2
    assert "somebody else has changed policy.json in between" in result.stderr
    assert policy.read_text() == '{"default_policy": "deny"}'


def test_a_relay_obeys_it_and_it_is_no_longer_the_events_policy(
    invoke: Invoke, tmp_path: Path
) -> None:
    """An owner's policy that the operator has changed is the operator's."""
    world = World(tmp_path)
    with world.running():
        world.applied(signed(admin, {"kind_blacklist_add": [9]}, int(world.now)))
        world.applied(signed(owner, owners_policy(default_policy="allow"), int(world.now)))
        assert "_policy_event" in world.file.read_text()
        result = invoke("set", "kind.blacklist+=7", "--policy", str(world.file))
        assert result.exit_code == 0, result.output
        assert "_policy_event" not in world.file.read_text()
        eventually(lambda: world.plugin.snapshot.policy.kind.blacklist == (7,))
        assert len(world.plugin.snapshot.contributions) == 1
