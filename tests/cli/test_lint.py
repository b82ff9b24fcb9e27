"""``orly-policy lint``, and its slips as warnings of ``check``."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from click.testing import Result

Write = Callable[[str, Any], Path]
Invoke = Callable[..., Result]
Run = Callable[..., subprocess.CompletedProcess[str]]

SLIP = {"kind": {"whitelist": [1]}, "rules": {"7": {"content_limit": 5}}}
WHY = "kind 7 is not in kind.whitelist, so it is refused before this rule is asked"
INSTEAD = "add 7 to kind.whitelist, or remove the rule"


def test_a_slip_is_told_with_its_place(write: Write, run: Run) -> None:
    """The place is in a line of its own, to copy; 80 columns; exit 1."""
    write("policy.json", SLIP)
    done = run("lint", "policy.json")
    assert done.stdout.splitlines() == [
        "policy.json: rules.7",
        "  why      kind 7 is not in kind.whitelist, so it is refused before this rule is",
        "           asked",
        "  instead  add 7 to kind.whitelist, or remove the rule",
        "  name     rule-for-closed-kind",
    ]
    assert (done.returncode, done.stderr) == (1, "")


def test_at_40_columns_places_are_whole(write: Write, run: Run) -> None:
    write("policy.json", SLIP)
    told = run("lint", "policy.json", COLUMNS="40").stdout.splitlines()
    assert told[0] == "policy.json: rules.7"
    assert max(map(len, told)) <= 40


def test_nothing_to_say_is_exit_0(write: Write, run: Run) -> None:
    write("policy.json", {"kind": {"whitelist": [1]}})
    done = run("lint", "policy.json")
    assert (done.returncode, done.stdout) == (0, "policy.json: nothing to say\n")


def test_json_has_the_slips(write: Write, invoke: Invoke) -> None:
    """One list, empty where there is nothing to say."""
    write("policy.json", SLIP)
    done = invoke("lint", "policy.json", "--json")
    [slip] = json.loads(done.stdout)
    assert slip == {
        "place": "rules.7",
        "why": WHY,
        "instead": INSTEAD,
        "name": "rule-for-closed-kind",
    }
    assert done.exit_code == 1
    write("policy.json", {"kind": {"whitelist": [1]}})
    done = invoke("lint", "policy.json", "--json")
    assert (done.exit_code, json.loads(done.stdout)) == (0, [])


def test_a_policy_that_cannot_be_used_is_exit_2(write: Write, invoke: Invoke) -> None:
    """Wrong values, unknown criteria, no JSON: 1 would say that there are slips."""
    for content in ({"rulse": {}}, {"rules": {"1": {"x_nobody_has_this": 1}}}, "{", ""):
        write("policy.json", content)
        done = invoke("lint", "policy.json")
        assert (done.exit_code, done.stdout) == (2, "")
        assert done.stderr.startswith("policy.json: ")


def test_standard_input_is_a_policy(invoke: Invoke) -> None:
    done = invoke("lint", "-", stdin=json.dumps(SLIP))
    assert done.exit_code == 1
    assert done.stdout.startswith("standard input: rules.7\n")


def test_a_list_that_cannot_be_read_is_not_looked_into(
    write: Write, invoke: Invoke, alice: str, bob: str
) -> None:
    """The others are."""
    policy = {
        "kind": {"whitelist": [1, 7]},
        "lists": {"gone": {"file": "gone.txt"}, "bad": {"file": "bad.txt"}},
        "rules": {
            "1": {"write_allow": [alice], "write_deny": ["@gone"]},
            "7": {"write_allow": [alice, bob], "write_deny": ["@bad"]},
        },
    }
    write("policy.json", policy)
    write("bad.txt", f"{bob}\n")
    done = invoke("lint", "policy.json", "--json")
    assert [each["place"] for each in json.loads(done.stdout)] == ["rules.7.write_allow[1]"]
    assert done.stderr.startswith("policy.json: lists.gone: gone.txt")
    assert done.stderr.endswith("is not there: this list is not looked into\n")


def test_owners_of_the_environment_count(write: Write, run: Run, alice: str) -> None:
    write("policy.json", {"kind": {"whitelist": [1]}, "global": {"write_deny": [alice]}})
    assert run("lint", "policy.json").returncode == 0
    done = run("lint", "policy.json", ORLY_OWNERS=alice)
    assert (done.returncode, "owner-is-denied" in done.stdout) == (1, True)


def test_a_script_that_fails_open_on_reads_is_a_slip(write: Write, invoke: Invoke) -> None:
    """That is the relay's setting, which the policy does not say."""
    write("policy.json", {"kind": {"whitelist": [1]}, "global": {"script": "not-there"}})
    assert invoke("lint", "policy.json").exit_code == 0
    done = invoke("lint", "policy.json", "--script-failure-read", "default")
    assert (done.exit_code, "script-fails-open" in done.stdout) == (1, True)


def test_check_tells_slips_as_warnings(write: Write, run: Run) -> None:
    """On standard error, a line each; the policy can be used."""
    write("policy.json", SLIP)
    done = run("check", "policy.json")
    assert done.returncode == 0
    assert done.stderr == f"policy.json: warning: rules.7: {WHY}; {INSTEAD}\n"


def test_check_tells_no_slips_of_a_wrong_policy(write: Write, run: Run) -> None:
    """Mistakes first."""
    write("policy.json", {**SLIP, "rulse": {}})
    done = run("check", "policy.json")
    assert (done.returncode, "warning" in done.stderr) == (1, False)
