"""docs/recipes.md says what ``orly-policy init`` writes."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from orly_policy_plugin.cli.command import orly_policy
from orly_policy_plugin.recipes import RECIPES

PAGE = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text()
NPUB = "npub180cvv07tjdrrgpa0j7j7tmnyl2yr6yr7l8j4s3evf6u64th6gkwsyjh6w6"


def test_every_recipe_has_a_section() -> None:
    assert re.findall(r"^## ([\w-]+)$", PAGE, re.MULTILINE) == list(RECIPES)


def test_the_outputs_are_what_is_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```console\n\$ orly-policy (.*)\n((?s:.*?))```", PAGE)
    assert len(blocks) == 2
    for command, expected in blocks:
        arguments = command.replace("npub1…", NPUB).split()
        assert CliRunner().invoke(orly_policy, arguments).stdout == expected
