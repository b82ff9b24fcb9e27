"""``-`` in the place of a file: what a command reads from standard input."""

import hashlib
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from authority.making import admin_key, owner_key
from click.testing import Result

from orly_policy_plugin.policy import policy_version, read_policy

Write = Callable[[str, Any], Path]
Invoke = Callable[..., Result]
Run = Callable[..., subprocess.CompletedProcess[str]]

POLICY = json.dumps(
    {
        "owners": [owner_key.pubkey],
        "kind": {"whitelist": [1]},
        "rules": {"1": {"content_limit": 3}},
    }
)
VERSION = policy_version(read_policy(POLICY.encode()))
WRONG = '{"rules": {"1": {"size_limit": -1}}}'


def test_check(run: Run) -> None:
    """The summary and the problems are those of a file."""
    done = run("check", "-", stdin=POLICY)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0] == f"standard input: version {VERSION}"
    wrong = run("check", "-", stdin=WRONG)
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert wrong.stderr.startswith("standard input: rules.1.size_limit: ")
    empty = run("check", "-")
    assert empty.returncode == 1
    assert empty.stderr.startswith("standard input: ")


def test_check_reads_no_more_than_a_relay(run: Run) -> None:
    """The bound on a policy file holds here, too."""
    done = run("check", "-", stdin=POLICY, ORLY_POLICY_MAX_BYTES="10")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("standard input is over 10 bytes")


def test_scripts_are_looked_for_in_the_current_folder(write: Write, invoke: Invoke) -> None:
    """As if the policy lay there."""
    policy = '{"rules": {"1": {"script": "a.sh"}}}'
    assert invoke("check", "-", stdin=policy).exit_code == 1
    write("a.sh", "#!/bin/sh\n").chmod(0o755)
    assert invoke("check", "-", stdin=policy).exit_code == 0


def test_explain(write: Write, event: Callable[..., dict[str, Any]], invoke: Invoke) -> None:
    """The policy comes from standard input, the event from a file."""
    write("event.json", event())
    asked = ("--access", "write", "--event", "event.json")
    result = invoke("explain", "-", *asked, stdin=POLICY)
    assert result.stdout.startswith("reject: blocked: content is 5 bytes")
    assert VERSION in result.stdout


def test_explain_reads_it_once(invoke: Invoke) -> None:
    """A policy and an event cannot both come from there."""
    result = invoke("explain", "-", "--access", "read", "--event", "-", stdin=POLICY)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("standard input is named twice")


@pytest.mark.parametrize("arguments", [("-", "old.json"), ("old.json", "-")])
def test_diff(arguments: tuple[str, str], write: Write, invoke: Invoke) -> None:
    """Either side of the comparison; what is wrong has the name."""
    write("old.json", {})
    result = invoke("diff", *arguments, stdin=POLICY)
    assert (result.exit_code, result.stderr) == (1, "")
    assert "rules.1" in result.stdout
    wrong = invoke("diff", *arguments, stdin=WRONG)
    assert wrong.exit_code == 2
    assert wrong.stderr.startswith("standard input: rules.1.size_limit: ")


def test_follows_list(invoke: Invoke) -> None:
    """The lists that a policy needs which no file holds yet."""
    rule = {"follows_whitelist_admins": [admin_key.pubkey]}
    policy = json.dumps({"rules": {"1": rule}})
    result = invoke("follows", "list", "--policy", "-", stdin=policy)
    assert (result.exit_code, result.stdout.split()[:2]) == (1, [admin_key.pubkey, "missing"])


def test_sign_update(write: Write, invoke: Invoke) -> None:
    """What is signed, or what it is checked against."""
    write("policy.json", POLICY)
    write("key", hashlib.sha256(b"owner").hexdigest()).chmod(0o600)
    signed = invoke("sign-update", "-", "--key-file", "key", stdin=POLICY)
    assert json.loads(signed.stdout)["content"] == POLICY
    against = ("sign-update", "policy.json", "--key-file", "key", "--policy", "-")
    assert invoke(*against, stdin=POLICY).exit_code == 0
    assert invoke(*against, stdin="{}").exit_code == 1


def test_test(event: Callable[..., dict[str, Any]], run: Run) -> None:
    """A suite."""
    case = {"access": "write", "event": event(), "allowed": False}
    suite = {"name": "one", "now": 0, "policy": json.loads(POLICY), "cases": [case]}
    done = run("test", "-", stdin=json.dumps(suite))
    assert (done.returncode, done.stdout) == (0, "1 case in 1 suite: all as expected\n")
    wrong = run("test", "-", stdin=json.dumps(suite | {"policy": json.loads(WRONG)}))
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("standard input, line 1: policy.rules.1.size_limit: ")


@pytest.mark.parametrize(
    "arguments",
    [
        ("history", "-"),
        ("rollback", VERSION, "-"),
        ("follows", "import", "list.json", "--policy", "-"),
    ],
)
def test_what_needs_a_file_says_so(
    arguments: tuple[str, ...], write: Write, folder: Path, invoke: Invoke
) -> None:
    """Nothing is kept beside standard input."""
    write("list.json", admin_key.event(3, "", [], created_at=1_700_000_000))
    result = invoke(*arguments, stdin=POLICY)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "name the policy file" in result.stderr
    assert [path.name for path in folder.iterdir()] == ["list.json"]
