"""What the commands say of policy admins' contributions, and ``orly-policy withdraw``."""

import hashlib
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from click.testing import Result
from examples import NOW, AnEvent
from live.making import World, admin, friend, policy, second_admin, signed, withdrawing

from orly_policy_hookspecs import FrozenEvent
from orly_policy_plugin.authority import read_contribution, verify
from orly_policy_plugin.cli.contribution_words import Effects, effects_of
from orly_policy_plugin.policy import Rule, structure_policy
from orly_policy_plugin.policy.fields import Right, RightTo, rights_in

Write = Callable[[str, Any], Path]
Invoke = Callable[..., Result]
Run = Callable[..., subprocess.CompletedProcess[str]]

ADDED = {
    "kind_blacklist_add": [30078],
    "rules_extend": {"1": {"write_allow_add": [friend.pubkey], "size_limit_override": 2000}},
}
DENYING = {"rules_extend": {"1": {"write_deny_add": [friend.pubkey]}}}
HERS = f"{friend.pubkey[:8]}…"
ALLOWED = f"kind 1: writes by {HERS}; kind 1: events of 1001 to 2000 bytes"
REFUSED = "kinds 30078"


@attrs.frozen
class Past:
    """A policy of which four versions were in force: alone, with one contribution, with two, and
    with the second one alone.
    """

    world: World
    first: AnEvent
    second: AnEvent
    versions: tuple[str, ...]


@pytest.fixture
def past(folder: Path) -> Iterator[Past]:
    world = World(folder)
    versions = [world.version]
    first = signed(admin, ADDED, NOW + 1)
    second = signed(second_admin, DENYING, NOW + 2)
    for event in (first, second, withdrawing(admin, first, created_at=NOW + 3)):
        world.now = event.created_at
        world.applied(event)
        versions.append(world.version)
    world.plugin.stop()
    yield Past(world, first, second, tuple(versions))
    world.gate.blocking.close()


def named(event: AnEvent) -> str:
    return f"contribution {event.id[:8]}… of {event.pubkey[:8]}…"


# --- words


@pytest.mark.parametrize("right", rights_in(Rule), ids=lambda right: right.extending)
def test_every_right_of_an_admin_has_words(right: RightTo) -> None:
    """Whatever an extension may say, where the owner's rule has a limit to raise."""
    value = {Right.RAISE: 9, Right.SWITCH_ON: True}.get(right.right, ["ab" * 32])
    content = {"rules_extend": {"1": {right.extending: value}}}
    made = read_contribution(content, admin="ad" * 32, created_at=0, event_id="e0" * 32)
    rule = {right.name: 7} if right.right is Right.RAISE else {}
    switched_on = {"policy_follow_whitelist_enabled": True, "rules": {"1": rule}}
    effects = effects_of(made, structure_policy(switched_on))
    assert effects.allowed or effects.refused


@pytest.mark.parametrize(
    ("content", "allowed", "refused"),
    [
        ({"kind_whitelist_add": [7, 5, 6]}, ("kinds 5 to 7",), ()),
        ({"kind_blacklist_add": [9]}, (), ("kinds 9",)),
        (
            {"global_extend": {"read_deny_add": ["ab" * 32], "write_allow_follows": True}},
            (
                "global: writes by those whom a policy admin follows",
                "global: reads by those whom a policy admin follows",
            ),
            (f"global: reads by {'ab' * 32}",),
        ),
        (
            {"rules_extend": {"1": {"content_limit_override": 9, "size_limit_override": 9}}},
            ("kind 1: content of 8 to 9 bytes",),
            (),
        ),
        (
            {"rules_add": {"9": {"must_have_tags": ["h"], "write_allow": ["ab" * 32]}}},
            (f"kind 9: writes by {'ab' * 32}",),
            (
                "kind 9: writes without a h tag",
                "kind 9: writes by everybody else, where something else grants them",
            ),
        ),
        ({"rules_extend": {"1": {}}}, (), ()),
        ({"rules_extend": {"1": {"content_limit_override": 7}}}, (), ()),
        ({"rules_extend": {"1": {"content_limit_override": 5}}}, (), ()),
    ],
)
def test_what_a_contribution_allows_and_refuses(
    content: Any, allowed: tuple[str, ...], refused: tuple[str, ...]
) -> None:
    """Each place by itself, with the words that ``diff`` has for policies. Where the owner has no
    limit there is none to raise, and one that the owner has raised since is not lowered.
    """
    made = read_contribution(content, admin="ad" * 32, created_at=0, event_id="e0" * 32)
    owners = {
        "default_policy": "deny",
        "kind": {"whitelist": [1]},
        "policy_follow_whitelist_enabled": True,
        "rules": {"1": {"content_limit": 7}},
    }
    assert effects_of(made, structure_policy(owners)) == Effects(allowed, refused)


def test_what_is_gone_is_the_reverse() -> None:
    before, after = Effects(("a", "b"), ("c",)), Effects(("b",), ("c", "d"))
    assert after.since(before) == Effects((), ("d", "a"))
    assert Effects().since(before) == before.reversed() == Effects(("c",), ("a", "b"))


# --- history


def test_history_tells_what_came_and_went(past: Past, run: Run) -> None:
    """Additions and withdrawals, whose, and how many contributions were in force."""
    done = run("history", "policy.json")
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines[0] == ["version", "when", "how", "who", "event", "with"]
    rows = [[line[0], *line[2:]] for line in lines[2:] if line[0] not in "+-"]
    alone, one, two, left = past.versions
    admins = [f"{key.pubkey[:8]}…" for key in (admin, second_admin)]
    assert [row[:3] for row in rows] == [
        [two, "contribution", admins[1]],
        [one, "contribution", admins[0]],
        [alone, "start", "-"],
    ]
    assert [row[-1] for row in rows] == ["2", "1", "0"]
    standing = lines[1]
    assert (standing[:2], standing[3:5], standing[-1]) == (
        ["*", left],
        ["withdrawal", admins[0]],
        "1",
    )
    moved = [line for line in lines if line[0] in "+-"]
    assert moved == [
        ["-", f"{past.first.id[:8]}…", "of", admins[0]],
        ["+", f"{past.second.id[:8]}…", "of", admins[1]],
        ["+", f"{past.first.id[:8]}…", "of", admins[0]],
    ]
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_history_names_the_contributions_for_programs(past: Past, invoke: Invoke) -> None:
    entries = json.loads(invoke("history", "policy.json", "--json").stdout)
    first, second = past.first.id, past.second.id
    assert [entry["contributions"] for entry in entries] == [
        [second],
        [first, second],
        [first],
        [],
    ]
    assert [entry["stands"] for entry in entries] == [True, False, False, False]


def test_what_stands_is_the_file_with_its_contributions(past: Past, invoke: Invoke) -> None:
    """The file has been the same in all versions."""
    (past.world.contributions / f"{past.second.id}.json").unlink()
    entries = json.loads(invoke("history", "policy.json", "--json").stdout)
    assert [entry["stands"] for entry in entries] == [False, False, False, True]


def test_a_contribution_of_the_history_is_printed_to_be_signed_again(
    past: Past, write: Write, invoke: Invoke
) -> None:
    """As ``sign-update`` takes it; the relay takes what that signs."""
    result = invoke("history", "policy.json", "--contribution", past.first.id[:6])
    assert result.exit_code == 0
    assert json.loads(result.stdout) == ADDED
    key_file("admin", write)
    update = ("sign-update", "-", "--key-file", "admin.key", "--policy", "policy.json")
    again = FrozenEvent.of_json(json.loads(invoke(*update, stdin=result.stdout).stdout))
    past.world.now = again.created_at
    assert past.world.applied(again).startswith("contribution accepted")  # type: ignore[arg-type]
    assert past.world.may_write(friend) is False  # the other one denies her


@pytest.mark.parametrize(
    ("asked", "says"),
    [("zz", "no contribution's event id begins with 'zz'; there are "), ("", "begins with ''")],
)
def test_a_contribution_that_is_in_no_version_is_exit_2(
    asked: str, says: str, past: Past, invoke: Invoke
) -> None:
    result = invoke("history", "policy.json", "--contribution", asked)
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr
    assert past.first.id in result.stderr


def test_a_contribution_that_is_kept_no_more_is_exit_2(past: Past, invoke: Invoke) -> None:
    (past.world.folder / "policy-history" / f"{past.first.id}.contribution").unlink()
    result = invoke("history", "policy.json", "--contribution", past.first.id)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "no longer kept" in result.stderr


def test_a_contribution_that_adds_nothing_is_not_printed(past: Past, invoke: Invoke) -> None:
    """``{}`` would be signed as a whole policy."""
    nothing = signed(admin, {"rules_extend": {}}, NOW + 9)
    past.world.now = NOW + 9
    past.world.applied(nothing)
    result = invoke("history", "policy.json", "--contribution", nothing.id)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "adds nothing" in result.stderr


# --- diff


def test_diff_tells_what_contributions_grant_and_deny(past: Past, run: Run) -> None:
    """Of two versions with the same file: exit 1."""
    alone, one, two, left = past.versions
    done = run("diff", alone, one, "--policy", "policy.json")
    assert done.stdout == (
        f"{named(past.first)}: added  newly allowed: {ALLOWED}  newly refused: {REFUSED}\n"
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert run("diff", two, left, "--policy", "policy.json").stdout == (
        f"{named(past.first)}: no longer in force  newly allowed: {REFUSED}  "
        f"newly refused: {ALLOWED}\n"
    )
    same = run("diff", two, two, "--policy", "policy.json")
    assert (same.returncode, same.stdout) == (0, "both mean the same\n")


def test_diff_of_contributions_for_programs(past: Past, invoke: Invoke) -> None:
    """Nothing shortened."""
    alone, one, *_ = past.versions
    told = json.loads(invoke("diff", alone, one, "--json", "--policy", "policy.json").stdout)
    assert told == {
        "same_meaning": False,
        "decide_alike": None,
        "differences": [],
        "witnesses": [],
        "change_no_decision": [],
        "not_found_out": [],
        "not_looked_into": [],
        "contributions": [
            {
                "event_id": past.first.id,
                "author": admin.pubkey,
                "change": "added",
                "newly_allowed": [
                    f"kind 1: writes by {friend.pubkey}",
                    "kind 1: events of 1001 to 2000 bytes",
                ],
                "newly_refused": ["kinds 30078"],
            }
        ],
    }


def test_a_file_is_compared_as_if_it_were_the_policy_file(
    past: Past, write: Write, invoke: Invoke
) -> None:
    """With the contributions that would be in force then; why one would not be is told."""
    left = past.versions[-1]
    assert invoke("diff", left, "policy.json", "--policy", "policy.json").exit_code == 0
    write("next.json", policy(rules={}))
    lost = invoke("diff", "policy.json", "next.json", "--policy", "policy.json")
    assert f"{named(past.second)}: no longer in force  newly allowed: kind 1: " in lost.stdout
    assert f"next.json: contributions.{past.second.id}.rules_extend.1: " in lost.stderr
    alone = invoke("diff", "policy.json", "next.json")
    assert (alone.exit_code, "contribution" in alone.stdout, alone.stderr) == (1, False, "")


def test_what_is_kept_no_more_is_unknown_and_not_the_same(past: Past, invoke: Invoke) -> None:
    """In one of both, or in both."""
    alone, one, two, _ = past.versions
    kept = past.world.folder / "policy-history" / f"{past.first.id}.contribution"
    for damage in (lambda: kept.write_text("{"), kept.unlink):
        damage()
        added = invoke("diff", alone, one, "--policy", "policy.json")
        assert added.stdout == (
            f"contribution {past.first.id[:8]}… of somebody: added; "
            "what it says is no longer kept\n"
        )
    in_both = invoke("diff", one, two, "--policy", "policy.json", "--json")
    told = json.loads(in_both.stdout)
    assert (in_both.exit_code, told["same_meaning"]) == (1, False)
    assert [(each["event_id"], each["change"]) for each in told["contributions"]] == [
        (past.first.id, "unknown"),
        (past.second.id, "added"),
    ]
    assert told["contributions"][0]["newly_allowed"] is None


# --- rollback


def test_rollback_tells_which_contributions_are_left_over(past: Past, run: Run) -> None:
    """The file is put back; how to withdraw and to send again is told, to be copied."""
    one = past.versions[1]
    past.world.save(policy(default_policy="allow"))
    done = run("rollback", one, "policy.json")
    assert (done.returncode, done.stderr) == (0, "")
    past.world.restart()
    first, second = past.first, past.second
    lines = done.stdout.splitlines()
    assert lines[0] == f"policy put back: version {one}"
    assert f"in force is version {past.world.version}: contributions are not put back" in lines
    assert f"{named(first)}: no longer in force  newly allowed: " in done.stdout
    assert f"{named(second)}: added  newly refused: kind 1: writes by {HERS}" in done.stdout
    send = "--policy policy.json --key-file KEY --relay URL"
    assert lines[-1].endswith(f": orly-policy withdraw {second.id} {send}")
    content = f"orly-policy history --contribution {first.id} policy.json"
    assert lines[-2].endswith(f": {content} | orly-policy sign-update - {send}")


def test_rollback_to_what_stands_tells_of_contributions_alone(past: Past, invoke: Invoke) -> None:
    """The file is the version's already; nothing is written."""
    before = past.world.on_disk()
    result = invoke("rollback", past.versions[0], "policy.json")
    assert result.exit_code == 0
    assert "is in policy.json already" in result.stdout
    assert f"{named(past.second)} was not in force then" in result.stdout
    assert past.world.on_disk() == before
    same = invoke("rollback", past.versions[-1], "policy.json")
    assert len(same.stdout.splitlines()) == 1


# --- check


def test_check_tells_of_each_contribution(past: Past, run: Run) -> None:
    """The version in force; a line each, with what it allows and refuses."""
    done = run("check", "policy.json")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == f"policy.json: version {past.versions[-1]}"
    assert [" ".join(line.split()) for line in lines[-2:]] == [
        "contributions 1 of 1 in force",
        f"{past.second.id[:8]}… of {second_admin.pubkey[:8]}… refuses: kind 1: writes by {HERS} "
        "(as submitter or author)",
    ]


def test_check_tells_why_one_does_not_count(past: Past, write: Write, invoke: Invoke) -> None:
    """One of somebody who is no admin any more, and one that nobody has signed."""
    past.world.save(policy(policy_admins=[]))
    write(f"policy-contributions/{'ab' * 32}.json", {"created_at": -1})
    result = invoke("check", "policy.json")
    assert result.exit_code == 0
    count, unusable, skipped = result.stdout.splitlines()[-3:]
    assert count.split() == ["contributions", "0", "of", "2", "in", "force"]
    assert unusable.split()[:3] == ["abababab…", "of", "somebody"]
    assert "not in force: created_at: is no Unix time" in unusable
    assert "not in force: admin_pubkey: its author is not a policy admin now" in skipped
    assert f"contributions.{past.second.id}.admin_pubkey" in result.stderr
    assert f"policy-contributions/{'ab' * 32}.json: created_at" in result.stderr


def test_check_in_another_state_folder(past: Past, folder: Path, invoke: Invoke) -> None:
    (folder / "state").mkdir()
    past.world.contributions.rename(folder / "state" / "policy-contributions")
    assert "contributions" not in invoke("check", "policy.json").stdout
    assert "1 of 1" in invoke("check", "policy.json", "--state", "state").stdout


@pytest.mark.parametrize("options", [(), ("--start",)])
def test_check_tells_what_would_stop_a_start(
    options: tuple[str, ...], write: Write, invoke: Invoke
) -> None:
    """A warning; with ``--start``, exit 1. The list imported, neither."""
    rule = {"follows_whitelist_admins": [admin.pubkey]}
    write("policy.json", {"kind": {"whitelist": [1]}, "rules": {"1": rule}})
    result = invoke("check", "policy.json", *options)
    assert (result.exit_code, bool(result.stdout)) == ((1, False) if options else (0, True))
    says = "policy.json: a start would be refused: the policy needs the follow lists of"
    assert result.stderr.startswith(f"{says} {admin.pubkey}")
    write("list.json", admin.event(3, "", [], created_at=NOW))
    assert invoke("follows", "import", "list.json", "--policy", "policy.json").exit_code == 0
    again = invoke("check", "policy.json", *options)
    assert (again.exit_code, again.stderr) == (0, "")


# --- withdraw


def key_file(name: str, write: Write) -> None:
    secret = hashlib.sha256(name.encode()).hexdigest()
    write(f"{name}.key", secret).chmod(0o600)


def withdraw(event_id: str, key: str, *more: str) -> tuple[str, ...]:
    return ("withdraw", event_id, "--key-file", f"{key}.key", *more)


@pytest.mark.parametrize("name", ["second admin", "owner"])
def test_the_author_and_an_owner_withdraw(
    name: str, past: Past, write: Write, invoke: Invoke
) -> None:
    """A kind 5 of one line, which the relay takes; the first digits are enough."""
    key_file(name, write)
    here = ("--policy", "policy.json")
    result = invoke(*withdraw(past.second.id[:5], name, *here))
    assert (result.exit_code, result.stderr) == (0, "")
    [line] = result.stdout.splitlines()
    event = FrozenEvent.of_json(json.loads(line))
    assert verify(event)
    assert event.kind == 5
    assert event.tags == (("e", past.second.id), ("k", "12345"))
    past.world.restart()
    said = past.world.applied(event)  # type: ignore[arg-type]
    assert said == f"contribution withdrawn: version {past.versions[0]}"
    again = invoke(*withdraw(past.second.id[:5], name, *here))
    assert (again.exit_code, again.stdout) == (1, "")
    assert again.stderr == (
        f"refused: {past.second.id} is withdrawn already, by the event {event.id}\n"
    )


@pytest.mark.parametrize(
    ("event_id", "key", "status", "says"),
    [
        ("second", "admin", 1, "refused: blocked: none of your contributions is named"),
        ("first", "admin", 1, "is withdrawn already, by the event "),
        ("zz", "admin", 2, "no contribution's event id begins with 'zz'; there are "),
        ("", "admin", 2, "no contribution's event id begins with ''"),
        ("ab" * 32, "admin", 2, "no contribution's event id begins with 'abab"),
    ],
)
def test_what_a_relay_would_refuse_is_not_signed_away(
    event_id: str, key: str, status: int, says: str, past: Past, write: Write, invoke: Invoke
) -> None:
    """No event on standard output, one line on standard error."""
    key_file(key, write)
    ids = {"first": past.first.id, "second": past.second.id}
    result = invoke(*withdraw(ids.get(event_id, event_id), key, "--policy", "policy.json"))
    assert (result.exit_code, result.stdout) == (status, "")
    [line] = result.stderr.splitlines()
    assert says in line


def test_without_a_policy_here_the_whole_id_is_needed(
    write: Write, folder: Path, run: Run
) -> None:
    """Then it is signed unchecked, and that is told."""
    key_file("admin", write)
    nowhere = {"ORLY_POLICY_PATH": str(folder / "none.json")}
    done = run(*withdraw("AB" * 32, "admin"), **nowhere)
    assert done.returncode == 0
    assert json.loads(done.stdout)["tags"][0] == ["e", "ab" * 32]
    assert "not against what the relay has" in done.stderr
    short = run(*withdraw("abab", "admin"), **nowhere)
    assert (short.returncode, short.stdout) == (2, "")
    assert "the whole id is needed" in short.stderr
