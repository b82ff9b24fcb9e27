"""The completion that docs/commands.md says how to switch on, in a real bash."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "commands.md").read_text()
LINES = {
    shell: line.replace("\\|", "|")
    for shell, line in re.findall(r"^\| (bash|zsh|fish)\b.* \| `(.*)` \|$", PAGE, re.MULTILINE)
}
ASK = """
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
compopt() { echo compopt "$@"; }
$(complete -p orly-policy | sed 's/.*-F \\([^ ]*\\).*/\\1/') orly-policy
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PATH on which the command is of the code that is tested."""
    command = tmp_path_factory.mktemp("bin") / "orly-policy"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m orly_policy_plugin.cli "$@"\n')
    command.chmod(0o755)
    return f"{command.parent}:{os.environ['PATH']}"


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash is here")
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("roll",), ["rollback"]),
        (("replay", "--acc"), ["--access"]),
        (("replay", "--access", ""), ["write", "read", "both"]),
        (("check", "pol"), ["compopt -o default", ""]),
    ],
)
@pytest.mark.heavy
def test_bash_completes(words: tuple[str, ...], offered: list[str], path: str) -> None:
    """Commands, options and their values; file names are bash's own."""
    done = subprocess.run(
        ["bash", "--norc", "-c", LINES["bash"] + ASK, "bash", "orly-policy", *words],
        env={"PATH": path, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert (done.stdout.splitlines(), done.stderr) == (offered, "")


@pytest.mark.parametrize("shell", ["zsh", "fish"])
@pytest.mark.heavy
def test_other_shells_get_a_script(shell: str, path: str) -> None:
    """In their own words, with the command's name."""
    assert f"_ORLY_POLICY_COMPLETE={shell}_source orly-policy" in LINES[shell]
    done = subprocess.run(
        ["orly-policy"],
        env={
            "PATH": path,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "_ORLY_POLICY_COMPLETE": f"{shell}_source",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert f"_ORLY_POLICY_COMPLETE={shell}_complete" in done.stdout
