"""Named lists in the commands: section 14 of the spec."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

Write = Callable[[str, Any], Path]
Invoke = Callable[..., Result]
Run = Callable[..., subprocess.CompletedProcess[str]]

POLICY = {
    "lists": {"members": {"file": "lists/members.txt"}, "staff": {"nostr_json": "nostr.json"}},
    "rules": {"1": {"write_allow": ["@members", "@staff"], "write_deny": ["@staff"]}},
}


@pytest.fixture
def listed(folder: Path, write: Write, alice: str, bob: str) -> Path:
    """A policy with two lists, of which bob is in both."""
    (folder / "lists").mkdir()
    write("lists/members.txt", f"{alice}\n# the staff, too\n{bob}\n")
    write("nostr.json", {"names": {"bob": bob}})
    return write("policy.json", POLICY)


@pytest.mark.usefixtures("listed")
def test_check_says_how_many_they_are(run: Run) -> None:
    """Where they are named, and of which file."""
    done = run("check", "policy.json")
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert (
        "kind 1         Write: only @members (2 keys) and @staff (1 key); never @staff (1 key)."
        in lines
    )
    assert "list members   @members (2 keys) of lists/members.txt" in lines
    assert "list staff     @staff (1 key) of nostr.json" in lines


@pytest.mark.usefixtures("listed")
@pytest.mark.parametrize("start", [[], ["--start"]])
def test_check_tells_what_is_wrong_with_one(
    write: Write, folder: Path, run: Run, start: list[str]
) -> None:
    """With its place in the policy and in the file: a relay would not start with it."""
    write("lists/members.txt", "# ours\n\nxyz\n")
    (folder / "nostr.json").unlink()
    done = run("check", "policy.json", *start)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        "policy.json: lists.members: lists/members.txt:3: 'xyz' is not a public key: "
        "64 hex characters or npub1…",
        "policy.json: lists.staff: nostr.json is not there",
    ]


def test_explain_says_which_list_matched(
    listed: Path, write: Write, invoke: Invoke, event: Callable[..., Any], alice: str, bob: str
) -> None:
    write("event.json", event(pubkey=alice))
    arguments = ("explain", str(listed), "--access", "write", "--event", "event.json", "--json")
    said = json.loads(invoke(*arguments, "--authed", alice).stdout)
    assert [(step["limit"], step["outcome"]) for step in said["steps"]] == [
        ("none of @staff (1 key)", "pass"),
        ("@members (2 keys)", "grant"),
    ]
    said = json.loads(invoke(*arguments, "--authed", bob).stdout)
    assert [(step["place"], step["outcome"]) for step in said["steps"]] == [
        ("rules.1.write_deny", "deny")
    ]


def test_diff_has_names_and_reads_no_file(write: Write, invoke: Invoke) -> None:
    write("old.json", {**POLICY, "rules": {"1": {"write_allow": ["@staff"]}}})
    write("new.json", {**POLICY, "rules": {"1": {"write_allow": ["@staff", "@members"]}}})
    done = invoke("diff", "old.json", "new.json")
    assert done.exit_code == 1
    assert done.stdout == (
        "rules.1.write_allow: added @members  newly allowed: writes by @members\n"
    )


def test_follow_lists_of_a_lists_keys_are_needed(write: Write, invoke: Invoke, alice: str) -> None:
    write("members.txt", f"{alice}\n")
    rules = {"1": {"follows_whitelist_admins": ["@members"]}}
    write("policy.json", {"lists": {"members": {"file": "members.txt"}}, "rules": rules})
    listed = invoke("follows", "list", "--policy", "policy.json")
    assert listed.stdout == f"{alice}  missing  (the policy needs it)\n"
    checked = invoke("check", "policy.json", "--start")
    assert checked.exit_code == 1
    assert f"the policy needs the follow lists of {alice}" in checked.stderr


def test_a_suite_says_who_is_in_a_list(
    write: Write, invoke: Invoke, event: Callable[..., Any], alice: str, bob: str
) -> None:
    """Its files are not read."""
    case = {"access": "write", "event": event(kind=1), "authed": alice, "allowed": True}
    suite = {
        "name": "members",
        "now": 1_700_000_000,
        "policy": {**POLICY, "rules": {"1": {"write_allow": ["@members"]}}},
        "lists": {"members": [alice]},
        "cases": [case, {**case, "authed": bob, "allowed": False}],
    }
    write("suite.jsonl", suite)
    assert invoke("test", "suite.jsonl").exit_code == 0
    write("suite.jsonl", {**suite, "lists": {"staff": [bob]}})
    refused = invoke("test", "suite.jsonl")
    assert refused.exit_code == 2
    assert "lists: has no list 'members', which the policy names at rules.1.write_allow[0]" in (
        refused.stderr
    )


@pytest.mark.usefixtures("listed")
def test_a_version_with_a_list_that_is_gone_is_not_put_back(
    folder: Path, write: Write, invoke: Invoke
) -> None:
    from orly_policy_plugin.plugin import PolicyPlugin

    plugin = PolicyPlugin.load(folder / "policy.json")
    version = plugin.status.version
    plugin.replace_policy(b"{}")
    (folder / "nostr.json").unlink()
    refused = invoke("rollback", version, "policy.json")
    assert refused.exit_code == 1
    assert refused.stderr == f"version {version}: lists.staff: nostr.json is not there\n"
    write("nostr.json", {"names": {}})
    assert invoke("rollback", version, "policy.json").exit_code == 0
