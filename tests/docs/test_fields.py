"""docs/fields.md: a section a field, which says what is declared, and shows what is decided."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from orly_policy_plugin.cli.command import orly_policy
from orly_policy_plugin.policy.fields import Field

from .reference import NOBODY, PAGE, PEOPLE, Section, declared, facts, sections

ROOT = Path(__file__).parents[2]
SECTIONS = sections()
DECLARED = list(declared())
of_each = pytest.mark.parametrize(
    "section", [pytest.param(s, id=s.name) for s in SECTIONS.values()]
)


def test_each_field_has_a_section_and_each_section_a_field() -> None:
    """In the order in which they are declared."""
    assert list(SECTIONS) == [name for name, _, _ in DECLARED]


@pytest.mark.parametrize(
    ("name", "field", "default"), DECLARED, ids=[name for name, _, _ in DECLARED]
)
def test_its_facts_are_those_of_the_declaration(name: str, field: Field, default: Any) -> None:
    """A section that drifts is told the line to begin with."""
    assert SECTIONS[name].facts == facts(field, default)


def test_the_people_are_those_of_the_page() -> None:
    """Whose keys the examples have."""
    told = PAGE.partition("\n## ")[0]
    assert all(f"{name} is `{key}`" in told for name, key in PEOPLE.items())
    assert NOBODY in told


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the examples name: Alice is a member, the scripts are beside the policy, and the pack
    of criteria is installed.
    """
    monkeypatch.chdir(tmp_path)
    (tmp_path / "members.txt").write_text(PEOPLE["Alice"])
    (tmp_path / "scripts").symlink_to(ROOT / "docs" / "scripts")
    info = tmp_path / "orly_policy_criteria-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: orly-policy-criteria\nVersion: 0.1\n"
    )
    (info / "entry_points.txt").write_text(
        "[orly_policy]\nx_pow = orly_policy_criteria.proof_of_work\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@of_each
def test_its_example_answers_as_the_table_says(section: Section, folder: Path) -> None:
    """By ``orly-policy test``; and without the field, or whatever else the example has, it would
    not.
    """
    assert f'"{section.key}"' in json.dumps(section.policy)
    (folder / "policy.json").write_text(json.dumps(section.policy))
    (folder / "suite.json").write_text(json.dumps(section.suite))
    arguments = ["test", "suite.json", "--policy", "policy.json", "--mutants", "--json"]
    done = CliRunner().invoke(orly_policy, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    unmissed = json.loads(done.stdout).get("missed_by_no_case", {})
    assert not any(unmissed.values())


@of_each
def test_its_table_shows_both_answers(section: Section) -> None:
    """What passes, and what does not."""
    answers = {case["allowed"] for case in section.suite["cases"]}
    assert answers == {True, False}
