"""Named lists in the commands: section 14 of the spec."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from relay.signing import named_key

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
    assert done.returncode == 0
    assert all(": warning: " in line for line in done.stderr.splitlines())
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
        "  newly allowed: writing kind 1, 342 bytes (0 of content); by 9be2ee54…, if @members "
        "has 9be2ee54…\n"
        "    before, rules.1.write_allow: reject: restricted: not allowed to write events of "
        "kind 1\n"
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


# --- authors' lists

AUTHOR = named_key("a list's author")


def version(*keys: str, created_at: int = 1_700_000_000) -> Any:
    tags = [["d", "friends"], *(["p", key] for key in keys)]
    return AUTHOR.event(30_000, "", tags, created_at)


@pytest.fixture
def of_an_author(write: Write) -> Path:
    source = {"author": AUTHOR.pubkey, "kind": 30_000, "d": "friends", "at_least": 2}
    rules = {"1": {"write_allow": ["@friends"]}}
    kinds = {"whitelist": [1]}
    return write("policy.json", {"kind": kinds, "lists": {"friends": source}, "rules": rules})


@pytest.mark.usefixtures("of_an_author")
def test_an_authors_list_that_nobody_has(run: Run) -> None:
    """``check`` tells that a start would be refused, and sums it up by its name."""
    done = run("check", "policy.json")
    assert done.returncode == 0
    assert f"list friends   @friends of kind 30000 'friends' by {AUTHOR.pubkey}" in done.stdout
    assert "a start would be refused: lists.friends: no kind 30000 'friends' by " in done.stderr
    assert run("check", "policy.json", "--start").returncode == 1
    listed = run("follows", "list", "--policy", "policy.json")
    assert (listed.returncode, listed.stdout) == (
        1,
        f"30000:{AUTHOR.pubkey}:friends  missing  (the list @friends)\n",
    )


def test_an_authors_list_is_imported(
    of_an_author: Path, write: Write, run: Run, event: Callable[..., Any], alice: str, bob: str
) -> None:
    """And counts; one with fewer keys than it needs does not, and is told."""
    write("list.json", [version(alice, bob), version(alice, created_at=1_700_000_001)])
    done = run("follows", "import", "list.json", "--policy", "policy.json")
    assert done.returncode == 0
    imported, wiped = done.stdout.splitlines()
    assert imported.endswith("of 2023-11-14T22:13:20Z has 2 keys in its kind 30000: imported")
    assert "has 1 key in its kind 30000: not imported: the event " in wiped
    assert wiped.endswith("has 1 key; with fewer than 2 it is taken for an accident")
    listed = run("follows", "list", "--policy", "policy.json")
    assert "has 2 keys  (the list @friends)" in listed.stdout
    assert listed.returncode == 0
    checked = run("check", "policy.json", "--start")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "@friends (2 keys) of kind 30000 'friends' by " in checked.stdout
    write("event.json", event(pubkey=alice))
    arguments = ("explain", "--access", "write", "--event", "event.json", "--authed", alice)
    explained = run(*arguments, str(of_an_author))
    assert "@friends (2 keys)" in explained.stdout
    assert explained.stderr == ""


@pytest.mark.usefixtures("of_an_author")
def test_explain_tells_of_a_list_that_is_not_known(
    write: Write, run: Run, event: Callable[..., Any], alice: str
) -> None:
    write("event.json", event(pubkey=alice))
    arguments = ("explain", "--access", "write", "--event", "event.json", "--authed", alice)
    explained = run(*arguments, "policy.json")
    assert explained.stdout.startswith("reject")
    assert "@friends: no kind 30000 'friends' by " in explained.stderr
    assert "it lets nobody in, or keeps out everybody" in explained.stderr


def test_diff_tells_of_an_authors_list(write: Write, invoke: Invoke) -> None:
    """Whom another minimum lets in is not known; of a list that no rule names, nobody."""
    lists = {"friends": {"author": AUTHOR.pubkey, "kind": 3}}
    other = {"friends": {**lists["friends"], "at_least": 7}}
    for rules, status in (({"1": {"write_allow": ["@friends"]}}, 1), ({}, 0)):
        write("old.json", {"lists": lists, "rules": rules})
        write("new.json", {"lists": other, "rules": rules})
        done = invoke("diff", "old.json", "new.json")
        assert done.exit_code == status
        assert done.stdout.startswith("lists.friends: ")
        assert "at_least 7" in done.stdout


def test_of_two_hops_the_first_is_known(
    write: Write, run: Run, event: Callable[..., Any], alice: str
) -> None:
    """``check`` and ``explain`` say so; its root is needed as an author's list is."""
    source = {"follows_of": AUTHOR.pubkey, "hops": 2, "followers": 3}
    rules = {"1": {"write_allow": ["@near"]}}
    kinds = {"whitelist": [1]}
    write("policy.json", {"kind": kinds, "lists": {"near": source}, "rules": rules})
    listed = run("follows", "list", "--policy", "policy.json")
    assert (listed.returncode, listed.stdout) == (
        1,
        f"3:{AUTHOR.pubkey}:  missing  (the list @near)\n",
    )
    write("list.json", AUTHOR.event(3, "", [["p", alice]], 1_700_000_000))
    assert run("follows", "import", "list.json", "--policy", "policy.json").returncode == 0
    checked = run("check", "policy.json", "--start")
    words = f"@near (1 key) of whom {AUTHOR.pubkey} follows, or 3 of those"
    assert words in checked.stdout
    told = "@near: counted are the lists kept here; a relay has those it has stored\n"
    assert (checked.returncode, checked.stderr) == (0, told)
    write("event.json", event(pubkey=alice))
    arguments = ("explain", "--access", "write", "--event", "event.json", "--authed", alice)
    explained = run(*arguments, "policy.json")
    assert explained.stdout.startswith("accept")
    assert explained.stderr == told


def test_lists_of_the_second_hop_may_be_imported(
    write: Write, run: Run, alice: str, bob: str
) -> None:
    friend, other = named_key("a friend"), named_key("another friend")
    source = {"follows_of": AUTHOR.pubkey, "hops": 2, "followers": 2}
    rules = {"1": {"write_allow": ["@near"]}}
    kinds = {"whitelist": [1]}
    write("policy.json", {"kind": kinds, "lists": {"near": source}, "rules": rules})
    tags = [["p", key.pubkey] for key in (friend, other)]
    write("root.json", AUTHOR.event(3, "", tags, 1_700_000_000))
    write("lists.json", [key.event(3, "", [["p", bob]], 1_700_000_000) for key in (friend, other)])
    for file in ("root.json", "lists.json"):
        imported = run("follows", "import", file, "--policy", "policy.json")
        assert imported.returncode == 0
        assert "does not ask" not in imported.stdout
    assert "@near (3 keys)" in run("check", "policy.json").stdout
