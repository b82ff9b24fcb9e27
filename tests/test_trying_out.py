"""docs/trying-out.md: its files are tried, and its outputs are what is printed."""

import json
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from orly_policy_plugin.cli.command import orly_policy

PAGE = (Path(__file__).parent.parent / "docs" / "trying-out.md").read_text()
SHOWN = re.findall(r"```console\n\$ orly-policy (.*?)\n(.*?)```", PAGE, re.DOTALL)
KEYS = re.findall(r'^ {8}"([0-9a-f]{64})"', PAGE, re.MULTILINE)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The page's files, and an event of each of its members."""
    files = re.findall(r"`([\w.]+)`[^`]*?\n\n```(?:json|yaml)\n(.*?)```", PAGE, re.DOTALL)
    assert [name for name, _ in files] == ["policy.json", "next.json", "suite.yaml"]
    for name, content in files:
        (tmp_path / name).write_text(content)
    events = (
        {
            "id": f"{i:064x}",
            "pubkey": key,
            "created_at": 1_700_000_000 + i,
            "kind": 1,
            "tags": [],
            "content": "hello",
            "sig": "0" * 128,
        }
        for i, key in enumerate(KEYS, 1)
    )
    (tmp_path / "events.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in events))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("command", "output"), SHOWN, ids=[line for line, _ in SHOWN])
def test_what_the_page_shows_is_what_is_printed(command: str, output: str) -> None:
    """To the letter, but for blanks at the ends of lines."""
    runner = CliRunner(env={"COLUMNS": "80", "FORCE_COLOR": None, "NO_COLOR": None})
    result = runner.invoke(orly_policy, shlex.split(command), catch_exceptions=False)
    assert [line.rstrip() for line in result.stdout.splitlines()] == output.splitlines()
    assert result.stderr == ""
    assert result.exit_code == (1 if command.startswith("diff") else 0)


def test_each_command_of_the_page_is_shown() -> None:
    """One example each."""
    assert [command.split()[0] for command, _ in SHOWN] == ["test", "diff", "replay"]
