"""nostr-tools under Node, on the relays that tests share; its checks are ``nostr-tools.mjs``."""

import json
import re
import subprocess
from pathlib import Path

import attrs
import nodejs
import pytest
from relay.process import Relay

SCRIPT = Path(__file__).with_name("nostr-tools.mjs")
_DECLARED = re.findall(r"^(check|checkStore)\('(.+)',", SCRIPT.read_text(), re.MULTILINE)
CHECKS = [name for kind, name in _DECLARED if kind == "check"]
CHECKS_OF_STORES = [name for kind, name in _DECLARED if kind == "checkStore"]
PACKAGES = ("nostr-tools@2.25.2", "ws@8.23.0")
SECONDS = 180
"""How long all checks may take; one of its own ends sooner."""


@attrs.frozen
class Outcome:
    """What came of the checks on one relay."""

    faults: dict[str, str | None]
    """By the check's name; ``None`` where it passed."""
    stderr: str


@pytest.fixture(scope="session")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The script, beside nostr-tools."""
    return nodejs.put_into(tmp_path_factory.mktemp("nostr-tools"), SCRIPT, *PACKAGES)


@pytest.fixture(scope="module")
def outcome(script: Path, relay: Relay) -> Outcome:
    """All checks, made on one relay by one Node."""
    checking = subprocess.run(
        ["node", "--no-warnings", script.name, relay.url],
        cwd=script.parent,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    told = [json.loads(line) for line in checking.stdout.split("\n") if line]  # U+2028 ends none
    return Outcome({check["name"]: check["fault"] for check in told}, checking.stderr)


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.heavy
def test_check_of_the_script(outcome: Outcome, check: str) -> None:
    """Each passes. Of one that was not come to, Node's own words."""
    assert_passed(outcome, check)


@pytest.mark.usefixtures("own_store")
@pytest.mark.parametrize("check", CHECKS_OF_STORES)
def test_check_of_the_store(outcome: Outcome, check: str) -> None:
    """Likewise."""
    assert_passed(outcome, check)


def assert_passed(outcome: Outcome, check: str) -> None:
    fault = outcome.faults.get(check, f"not made: {outcome.stderr}")
    assert fault is None, fault


def test_nothing_odd_is_seen(outcome: Outcome) -> None:
    """No NOTICE, no event that was not asked for or is forged, no message that is none."""
    assert outcome.faults.keys() == {*CHECKS, *CHECKS_OF_STORES}
    assert outcome.stderr == ""
