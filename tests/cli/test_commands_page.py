"""docs/commands.md has every command, and says the truth about exit statuses."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from orly_policy_plugin.cli.command import COMMANDS

Write = Callable[[str, Any], Path]
Invoke = Callable[..., Result]

PAGE = (Path(__file__).parents[2] / "docs" / "commands.md").read_text()
ROWS = dict(re.findall(r"^\| `([\w-]+)` \| .* \| ?(.*?) ?\|$", PAGE, re.MULTILINE))


def test_every_command_has_a_row() -> None:
    assert list(ROWS) == list(COMMANDS)


@pytest.mark.parametrize("command", [name for name, status in ROWS.items() if not status])
def test_what_never_exits_with_1_does_not_say_so(command: str, invoke: Invoke) -> None:
    """Its help speaks of 0 and 2 alone."""
    told = " ".join(invoke(command, "--help").stdout.split())
    assert "exit status is 1" not in told
    assert ", 1 where" not in told


@pytest.mark.parametrize("command", [name for name, status in ROWS.items() if status])
def test_what_exits_with_1_says_when(command: str, invoke: Invoke) -> None:
    group = (command, "list") if command == "follows" else (command,)
    told = " ".join(invoke(*group, "--help").stdout.split())
    assert re.search(r"xit status is 1|is 1 where|, 1 where", told)


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("check", "wrong.json"), 1),
        (("check", "right.json"), 0),
        (("check", "slip.json"), 0),
        (("lint", "wrong.json"), 2),
        (("lint", "right.json"), 0),
        (("lint", "slip.json"), 1),
        (("diff", "right.json", "slip.json"), 1),
        (("diff", "right.json", "right.json"), 0),
        (("diff", "right.json", "wrong.json"), 2),
        (("init", "private"), 2),
        (("init", "open", "--folder", "new"), 0),
        (("schema",), 0),
        (("test", "wrong.json"), 2),
        (("plugins", "right.json"), 0),
        (("history", "right.json"), 0),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else str(value),
)
def test_it_exits_as_the_table_says(
    arguments: tuple[str, ...], status: int, write: Write, invoke: Invoke
) -> None:
    write("right.json", {"kind": {"whitelist": [1]}})
    write("slip.json", {"kind": {"whitelist": [1, 1, 7]}})
    write("wrong.json", {"rulse": {}})
    assert invoke(*arguments).exit_code == status
