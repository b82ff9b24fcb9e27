"""docs/plugins.md, step by step: what is written is what is run, and what the sample plugin is."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from orly_policy_plugin.policy import read_policy

ROOT = Path(__file__).parents[2]
MEMBERS = ROOT / "example_relay" / "plugins" / "members"
PAGE = (ROOT / "docs" / "plugins.md").read_text()
TUTORIAL = PAGE.partition("## A plugin, step by step")[2].partition("\n## ")[0]
BLOCKS = re.findall(r'(?ms)^```(\w+)(?: title="(.*?)")?\n(.*?)^```$', TUTORIAL)


def printed(folder: Path, command: str) -> str:
    """The last line that a command prints, without how long it took."""
    program, *arguments = command.split()
    assert program == "pytest"
    options = ("-c", os.devnull, "--rootdir", folder, "-p", "no:cacheprovider", "-W", "error")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "--import-mode=importlib", *arguments],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(folder), *sys.path]),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    last = (done.stdout + done.stderr).splitlines()[-1]
    assert done.returncode == 0, done.stdout + done.stderr
    return re.sub(r"(, \d+ deselected)? in [\d.]+s$", "", last)


@pytest.mark.heavy
def test_each_step_works(tmp_path: Path) -> None:
    """The tests that the page runs pass with what it has shown by then."""
    shutil.copytree(MEMBERS / "tests", tmp_path / "tests")
    (tmp_path / "relay_members").mkdir()
    steps = 0
    for language, title, text in BLOCKS:
        if title:
            (tmp_path / title).write_text(text)
        elif language == "console":
            command, expected = text.removeprefix("$ ").splitlines()
            assert printed(tmp_path, command) == expected
            steps += 1
    assert steps == TUTORIAL.count("\n### Step ") - 1  # the last one is installed elsewhere


def test_in_the_end_it_is_the_sample() -> None:
    """File by file; ``py.typed`` is empty."""
    shown = {title: text for _, title, text in BLOCKS if title}
    files = [MEMBERS / "pyproject.toml", *(MEMBERS / "relay_members").glob("*.py")]
    assert shown == {str(file.relative_to(MEMBERS)): file.read_text() for file in files}


def test_both_pages_show_the_same_policy() -> None:
    """Which can be read."""
    (policy,) = (text for language, _, text in BLOCKS if language == "json")
    read_policy(policy.encode())
    assert policy in (MEMBERS / "README.md").read_text()
