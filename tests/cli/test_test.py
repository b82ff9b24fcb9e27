"""``orly-policy test``."""

import gzip
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import Result

from orly_policy_plugin.cli.inputs import TOO_LARGE

Write = Callable[[str, Any], Path]
Invoke = Callable[..., Result]
Run = Callable[..., subprocess.CompletedProcess[str]]
MakeEvent = Callable[..., dict[str, Any]]
MakeSuite = Callable[..., dict[str, Any]]


@pytest.fixture
def suite(event: MakeEvent, alice: str) -> MakeSuite:
    """A suite of two cases that hold, some of its keys given."""

    def suite(**keys: Any) -> dict[str, Any]:
        made = {
            "name": "notes",
            "now": 1_700_000_000,
            "policy": {"rules": {"1": {"content_limit": 10, "write_allow": [alice]}}},
            "cases": [
                {"access": "write", "event": event(), "authed": alice, "allowed": True},
                {"access": "write", "event": event(), "allowed": False},
            ],
        }
        return made | keys

    return suite


def test_cases_that_hold(write: Write, suite: MakeSuite, run: Run) -> None:
    """One line and exit 0."""
    write("suite.jsonl", suite())
    done = run("test", "suite.jsonl")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "2 cases in 1 suite: all as expected\n"


def test_a_case_that_fails_is_explained(
    write: Write, suite: MakeSuite, event: MakeEvent, run: Run, alice: str
) -> None:
    """File, line, suite and case, what was expected, the answer and its steps; exit 1."""
    long = event(content="x" * 11)
    wrong = {"access": "write", "event": long, "authed": alice, "allowed": True}
    cases = [*suite()["cases"], wrong]
    lines = [json.dumps(suite()), json.dumps(suite(name="long", cases=cases))]
    write("suite.jsonl", "\n".join(lines))
    done = run("test", "suite.jsonl")
    assert (done.returncode, done.stderr) == (1, "")
    shown = [line for line in done.stdout.splitlines() if line]
    assert shown[0] == "FAILED suite.jsonl, line 2: long, cases[2]: write of kind 1"
    assert shown[1] == (
        "expected accept, the policy's answer is "
        "reject: blocked: content is 11 bytes, the limit for kind 1 is 10"
    )
    assert shown[4].split() == ["rules.1.content_limit", "11", "bytes", "at", "most", "10", "deny"]
    assert shown[-1] == "5 cases in 2 suites: 1 failed"


def test_what_should_be_refused_and_is_not_fails_too(
    write: Write, suite: MakeSuite, event: MakeEvent, invoke: Invoke, alice: str
) -> None:
    """An accept where a reject is expected is a failure as well."""
    case = {"access": "read", "event": event(), "authed": alice, "allowed": False}
    write("suite.jsonl", suite(cases=[case]))
    result = invoke("test", "suite.jsonl")
    assert result.exit_code == 1
    assert "expected reject, the policy's answer is accept" in result.stdout


def test_gzip_is_told_by_content(write: Write, suite: MakeSuite, invoke: Invoke) -> None:
    """Neither a gzipped file without ``.gz`` nor a plain one with it is mistaken."""
    text = json.dumps(suite())
    write("gzipped.jsonl", gzip.compress(text.encode()))
    write("plain.jsonl.gz", text)
    result = invoke("test", "gzipped.jsonl", "plain.jsonl.gz")
    assert result.exit_code == 0
    assert result.stdout == "4 cases in 2 suites: all as expected\n"


def test_blank_lines_and_comments_are_passed_over(
    write: Write, suite: MakeSuite, invoke: Invoke
) -> None:
    """A suite may have comment keys, a file blank lines, a byte order mark, Windows' line ends."""
    lines = [json.dumps(suite(_note="why")), "", "  ", json.dumps(suite())]
    write("suite.jsonl", "\ufeff" + "\r\n".join(lines) + "\r\n\r\n")
    result = invoke("test", "suite.jsonl")
    assert result.stdout == "4 cases in 2 suites: all as expected\n"


def test_follow_lists_of_a_suite_count(
    write: Write, suite: MakeSuite, event: MakeEvent, invoke: Invoke, alice: str, bob: str
) -> None:
    """Whom Alice follows is let in, and only with the list that says so."""
    policy = {"default_policy": "deny", "rules": {"1": {"follows_whitelist_admins": [alice]}}}
    case = {"access": "write", "event": event(), "authed": bob}
    lines = [
        suite(policy=policy, follows={alice: [bob]}, cases=[{**case, "allowed": True}]),
        suite(policy=policy, cases=[{**case, "allowed": False}]),
    ]
    write("suite.jsonl", "\n".join(map(json.dumps, lines)))
    assert invoke("test", "suite.jsonl").exit_code == 0


def test_now_of_a_suite_counts(
    write: Write, suite: MakeSuite, event: MakeEvent, invoke: Invoke
) -> None:
    """The clock is the suite's, not the machine's."""
    policy = {"rules": {"1": {"max_age_of_event": 60}}}
    case = {"access": "write", "event": event()}
    fresh = suite(policy=policy, cases=[{**case, "allowed": True}])
    old = suite(policy=policy, now=1_700_000_061, cases=[{**case, "allowed": False}])
    write("suite.jsonl", f"{json.dumps(fresh)}\n{json.dumps(old)}")
    assert invoke("test", "suite.jsonl").exit_code == 0


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"name": 5}, "name: expected a text in double quotes, found the number 5"),
        ({"now": "noon"}, "now: expected a whole number of seconds"),
        ({"now": -1}, "now: expected a number of seconds from 0 up"),
        ({"policy": []}, "policy: expected an object"),
        ({"policy": {"rules": {"1": {"size_limit": -1}}}}, "policy.rules.1.size_limit: "),
        ({"policy": {"global": {"script": "x"}}}, "policy.global.script: a suite cannot ask"),
        ({"follows": {"x": []}}, "follows.x: 'x' is not a public key"),
        ({"cases": []}, "cases: expected a list of at least one case"),
        ({"cases": {}}, "cases: expected a list of at least one case"),
        ({"cases": [5]}, "cases[0]: expected an object"),
        ({"case": []}, "case: unknown key; did you mean 'cases'?"),
        ({"cases": None}, "the key 'cases' is missing"),
    ],
)
def test_a_wrong_suite_is_told(
    keys: dict[str, Any], says: str, write: Write, suite: MakeSuite, invoke: Invoke
) -> None:
    """Exit 2, with the file, the line, the place and the reason."""
    write("suite.jsonl", "\n" + json.dumps(suite(**keys)))
    result = invoke("test", "suite.jsonl")
    assert result.exit_code == 2
    [line] = result.stderr.splitlines()
    assert line.startswith(f"suite.jsonl, line 2: {says}")
    assert result.stdout == "0 cases in 0 suites: nothing was tested; 1 problem reading suites\n"


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"access": "raed"}, "access: 'raed' is neither 'write' nor 'read'; did you mean 'read'?"),
        ({"access": 1}, "access: expected a text"),
        ({"event": {"contents": ""}}, "event.contents: unknown key; did you mean 'content'?"),
        ({"event": {"kind": "1"}}, "event: kind is not a whole number"),
        ({"event": []}, "event: an event is a JSON object"),
        ({"authed": "bob"}, "authed: 'bob' is not a public key"),
        ({"authed": ["a1" * 32, "b"]}, "authed[1]: 'b' is not a public key"),
        ({"now": -1}, "now: expected a number of seconds from 0 up"),
        ({"message": 5}, "message: expected a text"),
        ({"allowed": "true"}, "allowed: expected true or false, found the text"),
        ({"allowed": None}, "the key 'allowed' is missing"),
        ({"ip": 5}, "ip: expected a text"),
        ({"alowed": True}, "alowed: unknown key; did you mean 'allowed'?"),
    ],
)
def test_a_wrong_case_is_told(
    keys: dict[str, Any], says: str, write: Write, suite: MakeSuite, invoke: Invoke
) -> None:
    """Exit 2, with the number of the case."""
    good, other = suite()["cases"]
    write("suite.jsonl", suite(cases=[good, {**other, **keys}]))
    result = invoke("test", "suite.jsonl")
    assert result.exit_code == 2
    [line] = result.stderr.splitlines()
    separator = ": " if says.startswith("the key") else "."
    assert line.startswith(f"suite.jsonl, line 1: cases[1]{separator}{says}")


def test_all_problems_of_all_suites_are_told(
    write: Write, suite: MakeSuite, invoke: Invoke
) -> None:
    """A wrong suite does not hide another one's problems, nor does it pass for tested."""
    lines = [suite(now=-1, name=2), suite(), suite(policy=5)]
    write("suite.jsonl", "\n".join(map(json.dumps, lines)))
    result = invoke("test", "suite.jsonl", "nowhere.jsonl")
    assert result.exit_code == 2
    places = [line.split(": ")[0] for line in result.stderr.splitlines()]
    assert places == ["suite.jsonl, line 1"] * 2 + ["suite.jsonl, line 3", "nowhere.jsonl"]
    assert "2 cases in 1 suite: all as expected; 4 problems reading suites" in result.stdout


def _cut(content: bytes) -> bytes:
    return content[:-10]


def _garbled(content: bytes) -> bytes:
    return content[:20] + bytes(255 - byte for byte in content[20:40]) + content[40:]


def _trailing(content: bytes) -> bytes:
    return content + b"\x1f\x8bgarbage"


@pytest.mark.parametrize("damage", [_cut, _garbled, _trailing])
def test_a_damaged_gzip_file_is_told(
    damage: Callable[[bytes], bytes], write: Write, suite: MakeSuite, invoke: Invoke
) -> None:
    """A file that cannot be unzipped whole: exit 2, whatever could be read of it."""
    text = "\n".join(json.dumps(suite(name=str(i))) for i in range(5))
    write("suite.gz", damage(gzip.compress(text.encode())))
    result = invoke("test", "suite.gz")
    assert result.exit_code == 2
    assert "suite.gz, " in result.stderr
    assert "the gzip file is damaged" in result.stderr


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "suite.jsonl: there is no suite in it"),
        ("\n\n", "suite.jsonl: there is no suite in it"),
        (gzip.compress(b"", mtime=0), "suite.jsonl: there is no suite in it"),
        (
            "{}",
            "suite.jsonl, line 1: the key 'policy' is missing; or name one: --policy",
        ),
        ("[]", "suite.jsonl: there is no suite in it"),
        ("[5]", "suite.jsonl, suite 1: expected an object in braces, found the number 5"),
        ('{\n  "name": "x"\n}', "suite.jsonl: the key 'cases' is missing"),
        ('{\n  "name": x\n}', "suite.jsonl, line 1: this is not JSON: "),
        ("nonsense", "suite.jsonl, line 1: this is not JSON: Expecting value at column 1"),
        (b"\x7fELF\0\0\xff", "suite.jsonl, line 1: this is a binary file"),
        ('{"name": "a", "name": "b"}', "the key 'name' occurs more than once"),
    ],
)
def test_a_file_that_is_no_suite_is_told(
    content: str | bytes, says: str, write: Write, invoke: Invoke
) -> None:
    """Exit 2, never a test that passes because there was nothing to test."""
    write("suite.jsonl", content)
    result = invoke("test", "suite.jsonl")
    assert result.exit_code == 2
    assert says in result.stderr


def test_a_directory_is_told(folder: Path, invoke: Invoke) -> None:
    """Exit 2 and one line."""
    (folder / "suites").mkdir()
    result = invoke("test", "suites")
    assert result.exit_code == 2
    assert result.stderr == "suites: Is a directory\n"


def test_at_least_one_suite_is_needed(invoke: Invoke) -> None:
    """``orly-policy test`` alone is a wrong call."""
    result = invoke("test")
    assert result.exit_code == 2
    assert "Missing argument" in result.stderr


def test_a_bomb_is_not_unzipped(
    write: Write, suite: MakeSuite, folder: Path, invoke: Invoke
) -> None:
    """A line over 16 MiB, and lines of over 64 MiB together; what came before was tested."""
    good = json.dumps(suite()).encode() + b"\n"
    blank = b" " * (1 << 20)
    bombs = {"line": blank * 17, "text": (blank * 8 + b"\n") * 9}
    for name, bomb in bombs.items():
        write(f"{name}.gz", gzip.compress(good + bomb, 1))
    one = invoke("test", "line.gz")
    assert (one.exit_code, one.stderr) == (2, f"line.gz, line 2: {TOO_LARGE}\n")
    all_ = invoke("test", "text.gz")
    assert all_.exit_code == 2
    assert all_.stderr == "text.gz, line 9: the text is over 64 MiB; make it several files\n"
    assert all_.stdout.startswith("2 cases in 1 suite: all as expected; 1 problem")


def test_not_every_problem_of_many_is_told(write: Write, invoke: Invoke) -> None:
    """A hundred are, and how many more there are."""
    write("suite.jsonl", "{}\n" * 1000)
    lines = invoke("test", "suite.jsonl").stderr.splitlines()
    assert len(lines) == 101
    assert lines[-1] == "and 1900 more problems"


# --- what suites may be written in, and what they may leave out

BARE = """
name: notes
now: 1700000000
policy:
  rules:
    1: {content_limit: 10, write_allow: [%s]}
cases:
  - {name: hers, access: write, authed: "%s", event: {}, allowed: true}
  - name: too long
    access: write
    authed: ["%s"]
    event: {content: "12345678901"}
    allowed: false
    message: "blocked: content is 11 bytes"
    place: rules.1.content_limit
  - {access: write, event: {content: x}, allowed: false, place: rules.1.write_allow}
  - {access: read, event: {kind: 7}, allowed: true, place: default_policy}
"""


def test_yaml_with_what_matters_of_events(write: Write, invoke: Invoke, alice: str) -> None:
    """An event is by who authenticated, of kind 1, empty and of now, where it does not say."""
    write("suite.yaml", BARE % (alice, alice, alice))
    result = invoke("test", "suite.yaml")
    assert (result.exit_code, result.stdout) == (0, "4 cases in 1 suite: all as expected\n")


def test_ordinary_json(write: Write, suite: MakeSuite, invoke: Invoke) -> None:
    """One suite over several lines, or a list of them, whatever the file is called."""
    for name in ("suite.json", "suite.jsonl", "suite"):
        write(name, json.dumps(suite(), indent=2))
        assert invoke("test", name).stdout == "2 cases in 1 suite: all as expected\n"
        write(name, json.dumps([suite(), suite()], indent=2))
        assert invoke("test", name).stdout == "4 cases in 2 suites: all as expected\n"
    write("suite.json", json.dumps([suite(), suite(now=-1)]))
    wrong = invoke("test", "suite.json")
    assert wrong.stderr.startswith("suite.json, suite 2: now: expected a number")
    write("suite.json", "{\n 5\n}")
    assert invoke("test", "suite.json").stderr.startswith("suite.json: this is not JSON: ")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "suite.yaml: there is no suite in it"),
        ("a: [", "suite.yaml: this is not YAML: "),
        ("a: 1\na: 2", "suite.yaml: this is not YAML: the key 'a' occurs more than once"),
        ("!!python/object:os.system {}", "suite.yaml: this is not YAML: "),
        ("5", "suite.yaml: expected an object in braces, found the number 5"),
        ("- cases: []", "suite.yaml, suite 1: "),
        ("\0", "suite.yaml: this is not YAML: "),
    ],
)
def test_wrong_yaml_is_told(text: str, says: str, write: Write, invoke: Invoke) -> None:
    """Exit 2."""
    write("suite.yaml", text)
    result = invoke("test", "suite.yaml")
    assert (result.exit_code, result.stderr.splitlines()[0][: len(says)]) == (2, says)


@pytest.mark.parametrize(
    ("expected", "says"),
    [
        (
            {"message": "invalid:"},
            "expected a message that begins 'invalid:', the policy's answer is reject: blocked: "
            "content is 11 bytes, the limit for kind 1 is 10",
        ),
        (
            {"place": "rules.1.size_limit"},
            "expected rules.1.size_limit to decide, it was rules.1.content_limit",
        ),
    ],
)
def test_another_message_or_place_fails(
    expected: dict[str, str],
    says: str,
    write: Write,
    suite: MakeSuite,
    invoke: Invoke,
) -> None:
    """The right answer for another reason."""
    case = {"access": "write", "event": {"content": "x" * 11}, "allowed": False, **expected}
    write("suite.json", suite(cases=[case]))
    result = invoke("test", "suite.json")
    assert (result.exit_code, result.stdout.splitlines()[1]) == (1, says)


def test_each_case_may_have_its_now(write: Write, suite: MakeSuite, invoke: Invoke) -> None:
    """A minute passes from one to the next."""
    event = {"created_at": 1_700_000_000}
    cases = [
        {"access": "write", "event": event, "allowed": True, "now": 1_700_000_060},
        {"access": "write", "event": event, "allowed": False, "now": 1_700_000_061},
    ]
    policy = {"rules": {"1": {"max_age_of_event": 60}}}
    write("suite.json", suite(policy=policy, cases=cases))
    assert invoke("test", "suite.json").exit_code == 0


# --- the policy beside the suite

SCRIPT = """#!/bin/sh
while read -r line; do
  id=${line#*'"id":"'}
  id=${id%%'"'*}
  case "$line" in *spam*) action=reject ;; *) action=accept ;; esac
  echo "{\\"id\\":\\"$id\\",\\"action\\":\\"$action\\",\\"msg\\":\\"no spam\\"}"
done
"""


def test_a_policy_file_with_its_script(write: Write, run: Run) -> None:
    """The script is asked, each named list is read from its file, or is the suite's."""
    write("ask", SCRIPT).chmod(0o700)
    write("members.txt", "a1" * 32)
    write(
        "policy.json",
        {
            "default_policy": "deny",
            "lists": {"members": {"file": "members.txt"}},
            "rules": {"1": {"script": "ask"}, "7": {"write_allow": ["@members"]}},
        },
    )
    cases = [
        {"access": "write", "event": {"id": "1" * 64, "content": "hi"}, "allowed": True},
        {
            "access": "write",
            "event": {"id": "2" * 64, "content": "spam"},
            "allowed": False,
            "message": "blocked: no spam",
            "place": "rules.1.script",
        },
        {"access": "write", "event": {"kind": 7}, "authed": "a1" * 32, "allowed": True},
    ]
    other = [{"access": "write", "event": {"kind": 7}, "authed": "a1" * 32, "allowed": False}]
    write(
        "suite.json",
        [{"cases": cases}, {"lists": {"members": ["b0" * 32]}, "cases": other}],
    )
    done = run("test", "suite.json", "--policy", "policy.json")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "4 cases in 2 suites: all as expected\n"


def test_one_policy_is_enough(write: Write, suite: MakeSuite, invoke: Invoke) -> None:
    """A suite with a policy of its own, and one beside it, is told; so is none."""
    write("policy.json", {})
    write("suite.json", suite())
    both = invoke("test", "suite.json", "--policy", "policy.json")
    assert both.exit_code == 2
    assert both.stderr == "suite.json, line 1: policy: the policy is that of --policy; remove it\n"
    write("suite.json", {key: value for key, value in suite().items() if key != "policy"})
    assert "the key 'policy' is missing" in invoke("test", "suite.json").stderr
    wrong = write("policy.json", {"rulse": {}})
    assert invoke("test", "suite.json", "--policy", wrong.name).exit_code == 1


# --- what else is told

LIMITS = {
    "rules": {
        "1": {"content_limit": 10, "max_age_of_event": 60},
        "7": {"write_allow": ["a1" * 32]},
    }
}
TRIED = [
    {"access": "write", "event": {"content": "x" * 10}, "allowed": True},
    {"access": "write", "event": {"content": "x" * 11}, "allowed": False},
    {"access": "write", "event": {"kind": 7}, "authed": "a1" * 32, "allowed": True},
]


def test_coverage_says_what_was_seen(write: Write, suite: MakeSuite, invoke: Invoke) -> None:
    """Each place with the cases that saw it passing, and denying."""
    write("suite.json", suite(policy=LIMITS, cases=TRIED))
    result = invoke("test", "suite.json", "--coverage")
    assert result.exit_code == 0
    assert [line.split() for line in result.stdout.splitlines()[1:7]] == [
        ["place", "passing", "denying"],
        ["rules.1.content_limit", "1", "1"],
        ["rules.1.max_age_of_event", "1", "0", "not", "both"],
        ["rules.7.write_allow", "1", "0", "not", "both"],
        ["default_policy", "1", "-"],
        ["2", "of", "4", "were", "seen", "in", "each", "way"],
    ]
    made = json.loads(invoke("test", "suite.json", "--coverage", "--json").stdout)
    [places] = made["coverage"].values()
    assert places["rules.1.content_limit"] == {"passing": 1, "denying": 1}


def test_mutants_name_what_no_case_misses(write: Write, suite: MakeSuite, invoke: Invoke) -> None:
    """Without it every case is still answered as it expects."""
    write("suite.json", suite(policy=LIMITS, cases=TRIED))
    result = invoke("test", "suite.json", "--mutants", "--json")
    [places] = json.loads(result.stdout)["missed_by_no_case"].values()
    assert places == ["rules.1.max_age_of_event", "rules.7.write_allow"]
    late = {"access": "write", "event": {"created_at": 0}, "allowed": False}
    other = {"access": "write", "event": {"kind": 7}, "allowed": False}
    write("suite.json", suite(policy=LIMITS, cases=[*TRIED, late, other]))
    assert "each field is missed by a case" in invoke("test", "suite.json", "--mutants").stdout


def test_each_part_of_a_policy_is_dropped(write: Write, suite: MakeSuite, invoke: Invoke) -> None:
    """Kind lists, the default, switches and criteria as well; not what decides nothing."""
    policy = {
        "kind": {"blacklist": [5]},
        "global": {"description": "all", "size_limit": 9000},
        "rules": {"1": {"tag_validation": {"t": "a"}, "x_pow": 5, "x_other": 6}},
        "default_policy": "deny",
        "policy_follow_whitelist_enabled": True,
        "owners": ["a1" * 32],
    }
    case = {"access": "write", "event": {"kind": 9}, "allowed": False, "message": "blocked:"}
    failing = {"access": "write", "event": {"kind": 5}, "allowed": True}
    write("suite.json", suite(policy=policy, cases=[case, failing]))
    result = invoke("test", "suite.json", "--mutants", "--json")
    assert result.exit_code == 1
    [places] = json.loads(result.stdout)["missed_by_no_case"].values()
    assert places == [
        "kind.blacklist",
        "global.size_limit",
        "rules.1.tag_validation",
        "rules.1.x_pow",
        "rules.1.x_other",
        "policy_follow_whitelist_enabled",
    ]


def test_results_for_programs(write: Write, suite: MakeSuite, invoke: Invoke) -> None:
    """What failed, with what was expected and the steps."""
    cases = [*TRIED, {"name": "odd", "access": "write", "event": {}, "allowed": False}]
    write("suite.json", [suite(policy=LIMITS, cases=cases), suite(now=-1)])
    result = invoke("test", "suite.json", "--json")
    made = json.loads(result.stdout)
    assert result.exit_code == 2
    assert {key: made[key] for key in ("suites", "cases", "failed")} == {
        "suites": 1,
        "cases": 4,
        "failed": 1,
    }
    [problem], [failure] = made["problems"], made["failures"]
    assert problem.startswith("suite.json, suite 2: now: ")
    assert (failure["name"], failure["case"], failure["accepted"]) == ("odd", 3, True)
    assert failure["steps"][-1]["place"] == failure["place"] == "default_policy"


def test_results_as_junit_xml(
    write: Write, suite: MakeSuite, folder: Path, invoke: Invoke
) -> None:
    """A test case for each, a failure or an error where there is one."""
    cases = [*TRIED, {"name": "odd \x1b", "access": "write", "event": {}, "allowed": False}]
    write("suite.json", [suite(policy=LIMITS, cases=cases), suite(now=-1)])
    result = invoke("test", "suite.json", "--junit", "results.xml")
    assert result.exit_code == 2
    root = ElementTree.parse(folder / "results.xml").getroot()
    told, unread = root
    assert (told.get("name"), told.get("tests"), told.get("failures")) == (
        "suite.json, suite 1, notes",
        "4",
        "1",
    )
    assert [len(case) for case in told] == [0, 0, 0, 1]
    assert told[3].get("name") == "notes, cases[3] (odd \\x1b): write of kind 1"
    assert told[3][0].get("message") == "expected reject, the policy's answer is accept"
    assert unread[0][0].tag == "error"
    full = invoke("test", "suite.json", "--junit", "missing/results.xml")
    assert full.exit_code == 2
    assert full.stderr == "missing/results.xml: No such file or directory\n"
