"""docs/host-kit.md: its example is run as it stands, on the relay that forgets."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from orly_policy_plugin.hosts.kit import Ability, suite

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "host-kit.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
EXAMPLE, CANNOT, OF_ONES_OWN = (text for language, text in BLOCKS if language == "python")
(SHOWN,) = (text for language, text in BLOCKS if language == "console")


def run(folder: Path, text: str, *options: str) -> str:
    """What pytest prints of a file."""
    (folder / "test_my_relay.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
    done = subprocess.run(
        [*command, "test_my_relay.py"],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([*sys.path, str(ROOT)]),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return done.stdout + done.stderr


@pytest.mark.heavy
def test_the_example_passes(tmp_path: Path) -> None:
    """All that is said of a host is so, and what is printed is what the page shows."""
    printed = run(tmp_path, EXAMPLE)
    _, *expected = SHOWN.splitlines()
    assert re.sub(r" in [\d.]+s$", "", printed.strip()).splitlines() == expected


@pytest.mark.heavy
def test_what_a_relay_cannot_do_is_skipped_with_its_reason(tmp_path: Path) -> None:
    """By the page's second example; and by its third there is a test of one's own."""
    (cannot,) = re.findall(r"cannot=\{.*\}", CANNOT)
    told = EXAMPLE.replace("[0], policy)", f"[0], policy, {cannot})").split("class TestMyRelay")[0]
    text = told.replace("RunningHost, write", "Ability, RunningHost, write") + OF_ONES_OWN
    printed = run(tmp_path, text, "-rs", "-k", "count or stored or my_own")
    assert f"{Ability.COUNTING.value}: my relay does not count" in printed
    assert "3 passed, 1 skipped" in printed


def test_every_ability_and_every_part_is_in_its_table() -> None:
    """And none that is not there."""
    named = set(re.findall(r"(?m)^\| `(\w+)` \|", PAGE))
    parts = set(suite.__all__) - {"HostSuite"}
    assert named == {ability.name for ability in Ability} | parts
