"""docs/lint.md says what the lint does."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from orly_policy_plugin.cli.command import orly_policy
from orly_policy_plugin.lint import CHECKS, Examined, Slip, slips
from orly_policy_plugin.lint.limits import SMALLEST_EVENT_BYTES
from orly_policy_plugin.policy import read_policy

PAGE = (Path(__file__).parents[2] / "docs" / "lint.md").read_text()
SECTIONS = dict(re.findall(r"^### ([\w-]+)\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL))


def said_of(policy: str) -> list[Slip]:
    return slips(Examined(read_policy(policy.encode()), script_failure_read="default"))


def test_every_check_has_a_section() -> None:
    """And no section is about a check that is not there."""
    assert sorted(SECTIONS) == sorted(check.name for check in CHECKS)


@pytest.mark.parametrize("name", SECTIONS)
def test_the_first_policy_has_the_slip_and_the_second_has_none(name: str) -> None:
    bad, good = re.findall(r"```json\n(.*?)```", SECTIONS[name], re.DOTALL)
    assert {slip.name for slip in said_of(bad)} == {name}
    assert said_of(good) == []


def test_the_output_is_what_is_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    [shown] = re.findall(r"```console\n\$ orly-policy lint policy.json\n(.*?)```", PAGE, re.DOTALL)
    policy = {
        "kind": {"whitelist": [1, 30023]},
        "global": {"content_limit": 4096},
        "rules": {"30023": {"content_limit": 100000}},
    }
    Path("policy.json").write_text(json.dumps(policy))
    runner = CliRunner(env={"COLUMNS": "80"})
    assert runner.invoke(orly_policy, ["lint", "policy.json"]).stdout == shown


def test_the_smallest_event_is_as_it_says() -> None:
    assert f"without tags and content has {SMALLEST_EVENT_BYTES} bytes" in PAGE
