"""nostr-tools under Node, on the relays that tests share; its checks are ``nostr-tools.mjs``."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import attrs
import pytest
from relay.process import Relay

SCRIPT = Path(__file__).with_name("nostr-tools.mjs")
CHECKS = re.findall(r"^check\('(.+)',", SCRIPT.read_text(), re.MULTILINE)
PACKAGES = ("nostr-tools@2.25.2", "ws@8.23.0")
UNCHANGED = ("--no-package-lock", "--no-save", "--ignore-scripts", "--engine-strict")
HASTILY = ("--prefer-offline", "--fetch-retries=0", "--fetch-timeout=20000", "--no-audit")
SECONDS = 180
"""How long an installation or all checks may take; a check of its own ends sooner."""


@attrs.frozen
class Outcome:
    """What came of the checks on one relay."""

    faults: dict[str, str | None]
    """By the check's name; ``None`` where it passed."""
    stderr: str


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which Node finds the script and nostr-tools."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"there is no {program} on the PATH")
    made = tmp_path_factory.mktemp("nostr-tools")
    command = ["npm", "install", "--prefix", str(made), *UNCHANGED, *HASTILY, *PACKAGES]
    installing = subprocess.run(
        command, cwd=made, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    if installing.returncode:
        why = " ".join(installing.stderr.split())
        pytest.skip(f"npm cannot install {' '.join(PACKAGES)}: {why[:300]}")
    shutil.copy(SCRIPT, made)
    return made


@pytest.fixture(scope="module")
def outcome(folder: Path, relay: Relay) -> Outcome:
    """All checks, made on one relay by one Node."""
    checking = subprocess.run(
        ["node", "--no-warnings", SCRIPT.name, relay.url],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    told = [json.loads(line) for line in checking.stdout.split("\n") if line]  # U+2028 ends none
    return Outcome({check["name"]: check["fault"] for check in told}, checking.stderr)


@pytest.mark.parametrize("check", CHECKS)
def test_check_of_the_script(outcome: Outcome, check: str) -> None:
    """Each passes. Of one that was not come to, Node's own words."""
    fault = outcome.faults.get(check, f"not made: {outcome.stderr}")
    assert fault is None, fault


def test_nothing_odd_is_seen(outcome: Outcome) -> None:
    """No NOTICE, no event that was not asked for or is forged, no message that is none."""
    assert outcome.faults.keys() == set(CHECKS)
    assert outcome.stderr == ""
