"""``orly-policy explain``."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bech32
import pytest
from click.testing import Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orly_policy_hookspecs.printing import printable

Write = Callable[[str, Any], Path]
Invoke = Callable[..., Result]
Run = Callable[..., subprocess.CompletedProcess[str]]
MakeEvent = Callable[..., dict[str, Any]]

WRITE = ("--access", "write", "--event", "event.json")
READ = ("--access", "read", "--event", "event.json")


def npub(key: str) -> str:
    """The key as ``npub1…``."""
    encoded: str = bech32.bech32_encode("npub", bech32.convertbits(bytes.fromhex(key), 8, 5))
    return encoded


@pytest.fixture
def policy(write: Write, alice: str) -> Path:
    """Kind 1: at most 10 bytes, Alice alone may write, everybody may read."""
    rule = {"content_limit": 10, "write_allow": [alice], "read_allow": []}
    return write("policy.json", {"default_policy": "deny", "rules": {"1": rule}})


@pytest.fixture
def given_event(write: Write, event: MakeEvent) -> Path:
    """A note of five bytes."""
    return write("event.json", event())


def test_an_accepted_event_is_explained(
    policy: Path, given_event: Path, run: Run, alice: str
) -> None:
    """The decision, a table of steps and the version; exit 0."""
    done = run("explain", "policy.json", *WRITE, "--authed", alice)
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split() for line in done.stdout.splitlines() if line]
    assert lines[0] == ["accept"]
    assert lines[1] == ["place", "seen", "limit", "outcome"]
    assert lines[3] == ["rules.1.content_limit", "5", "bytes", "at", "most", "10", "pass"]
    assert lines[4][:3] == ["rules.1.write_allow", "submitter", f"{alice[:8]}…"]
    assert lines[4][-1] == "grant"
    assert lines[-1][:2] == ["policy", "version"]
    assert len(lines[-1][2]) == 12


def test_a_rejected_event_is_explained_with_its_message(
    policy: Path, write: Write, event: MakeEvent, run: Run, alice: str
) -> None:
    """The message is the client's, the last step is the one that denied, and the exit is 0."""
    write("event.json", event(content="x" * 11))
    done = run("explain", "policy.json", *WRITE, "--authed", alice)
    assert done.returncode == 0
    assert done.stdout.startswith(
        "reject: blocked: content is 11 bytes, the limit for kind 1 is 10\n"
    )
    steps = [line for line in done.stdout.splitlines() if line.startswith("rules.")]
    assert steps[-1].split() == [
        "rules.1.content_limit",
        "11",
        "bytes",
        "at",
        "most",
        "10",
        "deny",
    ]


def test_programs_get_json(policy: Path, given_event: Path, run: Run) -> None:
    """``--json`` prints one object with the decision, all steps and the version."""
    done = run("explain", "policy.json", *WRITE, "--json")
    assert done.returncode == 0
    made = json.loads(done.stdout)
    assert made["decision"] == {
        "verdict": "reject",
        "accepted": False,
        "message": "auth-required: authenticate to write events of kind 1",
    }
    assert made["steps"][0] == {
        "place": "rules.1.content_limit",
        "seen": "5 bytes",
        "limit": "at most 10",
        "outcome": "pass",
    }
    assert made["steps"][-1]["outcome"] == "deny"
    assert list(made) == ["decision", "steps", "policy_version"]
    assert len(made["policy_version"]) == 12


def test_json_tells_a_default_from_a_firm_rejection(
    policy: Path, write: Write, event: MakeEvent, invoke: Invoke
) -> None:
    """Where ``default_policy`` denies, the verdict is a fallback."""
    write("event.json", event(kind=2))
    made = json.loads(invoke("explain", "policy.json", *WRITE, "--json").stdout)
    assert made["decision"]["verdict"] == "fallback"
    assert made["steps"][-1]["place"] == "default_policy"


def test_writing_and_reading_are_two_questions(
    policy: Path, given_event: Path, invoke: Invoke
) -> None:
    """What nobody may write, everybody may read."""
    assert invoke("explain", "policy.json", *WRITE).stdout.startswith("reject: auth-required:")
    assert invoke("explain", "policy.json", *READ).stdout.startswith("accept")


def test_an_event_comes_from_standard_input(
    policy: Path, event: MakeEvent, invoke: Invoke, alice: str
) -> None:
    """``--event -`` reads it there."""
    arguments = ("--access", "write", "--event", "-", "--authed", alice)
    result = invoke("explain", "policy.json", *arguments, stdin=json.dumps(event()))
    assert result.stdout.startswith("accept")


def test_several_keys_authenticate_in_any_form(
    policy: Path, given_event: Path, invoke: Invoke, alice: str, bob: str
) -> None:
    """``--authed`` may be repeated; hex in capitals and npub are the same key."""
    for shape in (str.upper, npub):
        arguments = ("--authed", bob, "--authed", shape(alice), "--authed", alice)
        made = json.loads(invoke("explain", "policy.json", *WRITE, "--json", *arguments).stdout)
        assert made["decision"]["accepted"]
        assert made["steps"][-1]["seen"] == f"submitter {bob} and {alice}"


def test_now_is_what_the_caller_says(write: Write, given_event: Path, invoke: Invoke) -> None:
    """An hour after the event it is too old; in the second of its making it is not."""
    write("policy.json", {"rules": {"1": {"max_age_of_event": 60}}})
    fresh = invoke("explain", "policy.json", *WRITE, "--now", "1700000000")
    old = invoke("explain", "policy.json", *WRITE, "--now", "1700003600")
    assert fresh.stdout.startswith("accept")
    assert old.stdout.startswith("reject: invalid: created_at is 3600 seconds ago")
    assert invoke("explain", "policy.json", *WRITE).stdout.startswith("reject: invalid:")


def test_follow_lists_are_given_in_a_file(
    write: Write, given_event: Path, invoke: Invoke, alice: str, bob: str
) -> None:
    """Whom Alice follows is let in; without the file she follows nobody, which is told."""
    rule = {"follows_whitelist_admins": [alice]}
    write("policy.json", {"default_policy": "deny", "rules": {"1": rule}})
    write("follows.json", {npub(alice): [npub(bob)]})
    asked = ("explain", "policy.json", *WRITE, "--authed", bob)
    given_lists = invoke(*asked, "--follows", "follows.json")
    assert given_lists.stdout.startswith("accept")
    assert given_lists.stderr == ""
    without = invoke(*asked)
    assert without.stdout.startswith("reject: blocked: default_policy")
    [line] = without.stderr.splitlines()
    assert line.startswith(f"no follow list of {alice} is kept")


@pytest.mark.parametrize(
    ("follows", "says"),
    [
        ("", "follows.json: this is empty; a JSON object of author to list of pubkeys is needed"),
        ("{", "this is not JSON"),
        ("[]", "expected an object"),
        ({"alice": []}, "alice: 'alice' is not a public key"),
        ({"a1" * 32: "b0" * 32}, "expected a list of public keys"),
        ({"a1" * 32: ["b0" * 31]}, "[0]: 'b0b0"),
        ({"a1" * 32: [], "A1" * 32: []}, "an author occurs twice"),
        (f'{{"{"a1" * 32}": [], "{"a1" * 32}": []}}', "occurs more than once"),
    ],
)
def test_follow_lists_that_are_none_are_refused(
    follows: object, says: str, policy: Path, write: Write, given_event: Path, invoke: Invoke
) -> None:
    """Wrong follow lists: exit 2, and each line has the file, the place and the reason."""
    write("follows.json", follows)
    result = invoke("explain", "policy.json", *WRITE, "--follows", "follows.json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr
    assert all(line.startswith("follows.json: ") for line in result.stderr.splitlines())


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "event.json: this is empty; an event is needed"),
        ("{", "event.json: this is not JSON"),
        ("[]", "event.json: an event is a JSON object"),
        ('["EVENT", {"kind": 1}]', "take the object inside it alone"),
        ('{"kind": 1}', "the event has no id and no pubkey"),
        (b"\xff\xfe\0", "binary file"),
        ("[" * 100_000, "nested too deeply"),
        ('{"kind": ' + "9" * 5000 + "}", "the event has no id"),
        ('{"id": 1, "id": 2}', "the key 'id' occurs more than once"),
    ],
)
def test_what_is_no_event_is_refused(
    content: str | bytes, says: str, policy: Path, write: Write, invoke: Invoke
) -> None:
    """Exit 2, one line that says why."""
    write("event.json", content)
    result = invoke("explain", "policy.json", *WRITE)
    assert (result.exit_code, result.stdout) == (2, "")
    [line] = result.stderr.splitlines()
    assert says in line


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"tags": [["p", 1]]}, "tags[0][1] is not a text"),
        ({"content": 5}, "content is not a text"),
        ({"kind": 10**30}, "kind is not"),
        ({"kind": True}, "kind is not a whole number"),
        ({"created_at": 1.5}, "created_at is not a whole number"),
        ({"pubkey": "A1" * 32}, "pubkey is not 64 lowercase hex characters"),
        ({"content": "\ud800"}, "content is not Unicode"),
    ],
)
def test_an_event_with_a_wrong_field_is_refused(
    fields: dict[str, Any],
    says: str,
    policy: Path,
    write: Write,
    event: MakeEvent,
    invoke: Invoke,
) -> None:
    """Exit 2, and the field is named."""
    write("event.json", event(**fields))
    result = invoke("explain", "policy.json", *WRITE)
    assert result.exit_code == 2
    assert says in result.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((*WRITE, "--authed", "alice"), "'alice' is not a public key"),
        ((*WRITE, "--ip", "999.1.1.1"), "is not an IP address such as"),
        ((*WRITE, "--now", "yesterday"), "is not a valid integer"),
        ((*WRITE, "--now", "-1"), "not in the range"),
        ((*WRITE, "--access", "delete"), "'delete' is not one of"),
        (("--access", "write"), "--event"),
        (("--event", "event.json"), "--access"),
        (("--access", "write", "--event", "nowhere.json"), "No such file"),
        (("--access", "write", "--event", "."), "Is a directory"),
        ((*WRITE, "--follows", "nowhere.json"), "No such file"),
    ],
)
def test_a_wrong_call_is_refused(
    arguments: tuple[str, ...], says: str, policy: Path, given_event: Path, invoke: Invoke
) -> None:
    """Exit 2, and the option is named."""
    result = invoke("explain", "policy.json", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in " ".join(result.stderr.split())


def test_a_secret_key_is_not_repeated(policy: Path, given_event: Path, invoke: Invoke) -> None:
    """Who types a secret key after ``--authed`` is told so without seeing it again."""
    secret = "nsec1vl029mgpspedva04g90vltkh6fvh240zqtv9k0t9af8935ke9laqsnlfe5"
    result = invoke("explain", "policy.json", *WRITE, "--authed", secret)
    assert result.exit_code == 2
    assert "secret key" in result.stderr
    assert secret[5:15] not in result.stderr


def test_a_wrong_policy_is_told_as_by_check(
    write: Write, given_event: Path, invoke: Invoke
) -> None:
    """The same lines, and exit 1."""
    write("policy.json", {"rules": {"1": {"size_limit": -1}}, "ownrs": []})
    checked = invoke("check", "policy.json")
    explained = invoke("explain", "policy.json", *WRITE)
    assert explained.exit_code == checked.exit_code == 1
    assert explained.stderr == checked.stderr != ""


def test_the_table_fits_80_columns_and_has_no_colours_in_a_pipe(
    write: Write, event: MakeEvent, run: Run, alice: str, bob: str
) -> None:
    """No line is longer, places and outcomes stay whole, long texts are wrapped."""
    rule = {
        "max_age_event_in_future": 31_536_000,
        "tag_validation": {"t": "^[a-z]+$", "title": "^[A-Za-z ]{1,200}$"},
        "follows_whitelist_admins": [alice],
        "write_allow_if_tagged": [bob],
    }
    write("policy.json", {"rules": {"30023": rule}})
    write("event.json", event(kind=30023, tags=[["t", "word"] * 9, ["title", "Many words " * 9]]))
    write("follows.json", {})
    done = run("explain", "policy.json", *WRITE, "--authed", bob, "--follows", "follows.json")
    lines = done.stdout.splitlines()
    assert "\x1b" not in done.stdout
    assert max(map(len, lines)) <= 80
    for place in rule:
        assert any(line.startswith(f"rules.30023.{place} ") for line in lines)
    assert any(line.rstrip().endswith("no match") for line in lines)


def test_colours_where_they_are_asked_for(policy: Path, given_event: Path, run: Run) -> None:
    """``FORCE_COLOR`` stands in for a terminal; ``NO_COLOR`` takes the colours away."""
    asked = ("explain", "policy.json", *WRITE)
    assert "\x1b[1;31mdeny" in run(*asked, FORCE_COLOR="1").stdout
    assert "31m" not in run(*asked, FORCE_COLOR="1", NO_COLOR="1").stdout


def test_a_narrow_terminal_loses_nothing(policy: Path, given_event: Path, run: Run) -> None:
    """At 40 columns places are wrapped rather than cut."""
    shown = run("explain", "policy.json", *WRITE, COLUMNS="40").stdout
    assert max(map(len, shown.splitlines()[1:-1])) <= 40
    first_column = "".join(line[:12].split(" ")[0] for line in shown.splitlines()[4:-2])
    assert "rules.1.content_limit" in first_column


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(tag=st.lists(st.text(st.characters(codec="utf-8")), min_size=1, max_size=3))
def test_nothing_in_an_event_reaches_the_terminal_raw(
    tag: list[str], write: Write, event: MakeEvent, invoke: Invoke
) -> None:
    """Whatever a tag holds, what is printed are harmless characters and line breaks."""
    write("policy.json", {"global": {"must_have_tags": ["t"], "tag_validation": {"t": "^$"}}})
    write("event.json", event(tags=[tag, ["t", *tag]]))
    result = invoke("explain", "policy.json", *WRITE)
    assert result.exit_code == 0
    assert all(printable(line) == line for line in result.stdout.split("\n"))


READ = ("--access", "read", "--event", "event.json")
FAILS_UNTOLD = """#!/bin/sh
while IFS= read -r line; do
    rest=${line#*'"id":"'}
    printf '{"id": "%s", "action": "%s"}\\n' "${rest%%\\"*}" "${SAYS:-maybe}"
done
"""


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (WRITE, "allow"),
        ((*WRITE, "--script-failure-write", "deny"), "deny: error: policy script unavailable"),
        (READ, "deny: error: policy script unavailable"),
        ((*READ, "--script-failure-read", "default"), "allow"),
        ((*READ, "--pass-env", "SAYS"), "allow"),
    ],
)
def test_a_scripts_failure_comes_to_what_the_relay_makes_of_it(
    write: Write,
    given_event: Path,
    invoke: Invoke,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    says: str,
) -> None:
    """By the relay's two settings, and in the environment that it gives."""
    monkeypatch.setenv("SAYS", "accept")
    write("policy.json", {"rules": {"1": {"script": "x.sh"}}})
    write("x.sh", FAILS_UNTOLD).chmod(0o755)
    shown = invoke("explain", "policy.json", *options, "--json").stdout
    decision = json.loads(shown)["decision"]
    assert (decision["message"] or "allow") in says
    assert decision["accepted"] is (says == "allow")


def test_help_says_what_the_exit_status_is(invoke: Invoke) -> None:
    """0 whatever the decision."""
    shown = " ".join(invoke("explain", "--help").stdout.split())
    assert "exit status is 0 whatever the decision" in shown
