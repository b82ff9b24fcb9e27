"""Wrong policy files and the very messages that ``orly-policy check`` prints for them.

Each ``golden/NAME.json`` has the messages in ``golden/NAME.txt``. Where a message was changed on
purpose, write them anew and read the difference as somebody who has never seen a policy::

    cd tests/policy/golden
    for f in *.json; do orly-policy check $f 2> ${f%.json}.txt; done
"""

import difflib
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from orly_policy_plugin.cli.command import orly_policy

GOLDEN = Path(__file__).parent / "golden"
NAMES = sorted(path.stem for path in GOLDEN.glob("*.json"))
NOT_JSON = {"comment"}
"""A parser stops at the first place that is not JSON, so that these have one message."""


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Result]:
    """Run the command on a file, named as somebody in the file's folder does."""

    def check(path: Path) -> Result:
        monkeypatch.chdir(path.parent)
        return CliRunner().invoke(orly_policy, ["check", path.name], catch_exceptions=False)

    return check


@pytest.mark.parametrize("name", NAMES)
def test_the_messages_are_those_of_the_golden_file(
    name: str, check: Callable[[Path], Result]
) -> None:
    """Every problem of the file, in these words, on standard error; exit 1."""
    done = check(GOLDEN / f"{name}.json")
    expected = (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")
    expected_lines, said_lines = expected.splitlines(), done.stderr.splitlines()
    difference = difflib.unified_diff(
        expected_lines, said_lines, "golden", "said", lineterm="", n=0
    )
    assert done.stderr == expected, "\n".join(difference)
    assert (done.exit_code, done.stdout) == (1, "")


@pytest.mark.parametrize("name", NAMES)
def test_every_message_has_its_file_and_there_are_several(name: str) -> None:
    """One line a problem, each with the file's name; two problems at least, but for no JSON."""
    lines = (GOLDEN / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    assert all(line.startswith(f"{name}.json: ") for line in lines)
    assert len(lines) == len(set(lines))
    assert len(lines) == 1 if name in NOT_JSON else len(lines) > 1


def test_there_are_five_files_and_no_orphan() -> None:
    """At least five files, and no messages without their file."""
    assert len(NAMES) >= 5
    assert sorted(path.stem for path in GOLDEN.glob("*.txt")) == NAMES


def test_no_secret_key_is_repeated() -> None:
    """A secret key that stands in a policy by mistake is in no message."""
    assert '"nsec1' in (GOLDEN / "keys.json").read_text(encoding="utf-8")
    assert "nsec1v" not in (GOLDEN / "keys.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('{"kind": {"whitelist": [1, 3,]}}', "(remove the comma)"),
        ('{"rules": {},}', "(remove the comma)"),
        ('{"kind": {"whitelist": [, ]}}', "(remove the comma)"),
        ('{"kind": {"whitelist": [1,,2]}}', "line 1, column 27"),
        ("{'rules': {}}", "(JSON takes double quotes)"),
        ("{} # nothing yet", ' (JSON has no comments; a key like "_note" is one here)'),
        ("{# note\n}", ' (JSON has no comments; a key like "_note" is one here)'),
        ('{"kind": {} /* all */}', ' (JSON has no comments; a key like "_note" is one here)'),
        ('{"kind": {"whitelist": [1, ], "blacklist": []}}', "(remove the comma)"),
        ('{"kind": {"whitelist": [1,X]}}', "line 1, column 27"),
        ('{"kind": }', "line 1, column 10"),
        ('{"rules": {"1": {"description": "Not', "(the end is missing: was it saved only half?)"),
        ('{"rules": {"1": {', "(the end is missing: was it saved only half?)"),
        ('{"default_policy": deny}', "line 1, column 20"),
        ('{"rules": {} "kind": {}}', "line 1, column 14"),
        ("", "this is empty; the smallest policy is {}"),
        (" \n", "this is empty; the smallest policy is {}"),
    ],
)
def test_what_is_not_json_says_where_and_what_to_do(
    content: str, says: str, check: Callable[[Path], Result], tmp_path: Path
) -> None:
    """The usual slips: one line, with the place or with what would be right."""
    path = tmp_path / "policy.json"
    path.write_text(content, encoding="utf-8")
    done = check(path)
    assert done.exit_code == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("policy.json: this is ")
    assert line.endswith(says)
