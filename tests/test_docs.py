"""The documentation says what the code does."""

import inspect
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from examples import NOW, AnEvent
from live.making import World, admin, foe, owner, signed, withdrawing

from orly_policy_hookspecs import Decision, Gate, GateSettings, Verdict, hooks
from orly_policy_hookspecs.registry import HOOKS
from orly_policy_plugin.authority.contributions import read_contribution
from orly_policy_plugin.policy import read_policy

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
PLUGINS = (ROOT / "docs" / "plugins.md").read_text()
UPDATES = (ROOT / "docs" / "updates.md").read_text()
RELAYS = (ROOT / "docs" / "relays.md").read_text()
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_has_a_heading_with_its_parameters(hook: str) -> None:
    """docs/plugins.md names each hook with the parameters that it has."""
    parameters = ", ".join(inspect.signature(getattr(hooks, hook)).parameters)
    assert f"### {hook}({parameters})\n" in PLUGINS


def test_no_heading_names_a_hook_that_is_not_there() -> None:
    """docs/plugins.md invents no hook."""
    assert set(re.findall(r"^### (\w+)\(", PLUGINS, re.MULTILINE)) == set(HOOKS)


@pytest.mark.parametrize("verdict", list(Verdict))
def test_every_answer_is_in_the_table(verdict: Verdict) -> None:
    """docs/plugins.md says what each kind of answer means."""
    assert f"\n| {verdict.value} |" in PLUGINS


def test_every_folder_is_in_the_architecture() -> None:
    """docs/architecture.md has a line for each folder of code, and for none that is not there."""
    named = set(re.findall(r"^\| `([\w/]+)/` \|", ARCHITECTURE, re.MULTILINE))
    packages = {
        str(init.parent.relative_to(ROOT))
        for top in ("hookspecs", "criteria", "orly_policy_plugin", "example_relay")
        for init in (ROOT / top).rglob("__init__.py")
    }
    assert packages <= named
    assert all((ROOT / folder).is_dir() for folder in named)


@pytest.mark.parametrize(
    ("column", "tests"),
    [(3, "nostr-tools.mjs"), (4, "test_nostr_sdk.py")],
    ids=["nostr-tools", "nostr-sdk"],
)
def test_what_clients_of_others_are_tested_for_is_in_the_table(column: int, tests: str) -> None:
    """docs/relays.md has each NIP that a client's tests are about, and no other."""
    table = RELAYS.partition("| nostr-tools | nostr-sdk |")[2]
    rows = [line.split("|") for line in table.splitlines() if re.match(r"\| \d\d ", line)]
    told = {cells[1].strip() for cells in rows if cells[column].strip() == "yes"}
    source = (ROOT / "tests" / "clients" / tests).read_text()
    assert told == set(
        re.findall(r"""^(?:check(?:Store)?\('| +\"{3})NIP-(\d+)""", source, re.MULTILINE)
    )


def run_shown(command: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run a command as a page shows it: ``$ orly-policy …``."""
    return subprocess.run(
        [sys.executable, "-m", "orly_policy_plugin.cli", *command.split()[2:]],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_the_updates_show_of_contributions_is_what_is_printed(tmp_path: Path) -> None:
    """docs/updates.md has real outputs of `orly-policy history` and `diff`: of a contribution that
    the owner has withdrawn, and another one.
    """
    keys = {"owners": [owner.pubkey], "policy_admins": [admin.pubkey]}
    policy = {**keys, "rules": {"1": {"content_limit": 1000}}}
    (tmp_path / "policy.json").write_text(json.dumps(policy))
    world = World(tmp_path)
    rule = {"content_limit_override": 2000, "write_deny_add": [foe.pubkey]}
    first = {"kind_blacklist_add": [30078], "rules_extend": {"1": rule}}
    second = {"rules_extend": {"1": {"content_limit_override": 1500}}}
    added = signed(admin, first, NOW + 60)
    for event in (
        added,
        withdrawing(owner, added, created_at=NOW + 3600),
        signed(admin, second, NOW + 7200),
    ):
        world.now = event.created_at
        world.applied(event)
    world.gate.blocking.close()
    shown = blocks(UPDATES, "console")
    assert [block.split()[2] for block in shown] == ["history", "diff"]
    for block in shown:
        command, expected = block.split("\n", 1)
        run = run_shown(command, tmp_path)
        assert run.stdout == expected


def test_the_policies_in_the_readme_can_be_read() -> None:
    """Every JSON example in the README is a policy."""
    examples = blocks(README, "json")
    assert examples
    for example in examples:
        read_policy(example.encode())


def test_what_the_readme_shows_of_check_is_what_it_prints(tmp_path: Path) -> None:
    """The README's outputs of `orly-policy check` are real."""
    policy = tmp_path / "policy.json"
    policy.write_text(blocks(README, "json")[0])
    text = policy.read_text().replace("280", '"280", "privliged": true').replace('"4"', '"04"')
    (tmp_path / "wrong.json").write_text(text)
    shown = [
        block for block in blocks(README, "console") if block.startswith("$ orly-policy check")
    ]
    assert len(shown) == 2
    for block in shown:
        command, expected = block.split("\n", 1)
        run = run_shown(command, tmp_path)
        assert (run.stdout or run.stderr).strip() == expected.strip()


def module(source: str) -> ModuleType:
    """The source as a module."""
    made = ModuleType("example")
    exec(compile(source, "example", "exec"), made.__dict__)
    return made


@pytest.mark.parametrize("page", [README, PLUGINS], ids=["README", "plugins"])
def test_the_plugin_examples_work(page: str) -> None:
    """The plugins in the README and in docs/plugins.md refuse an advertisement."""
    from orly_policy_hookspecs import Context

    source = next(block for block in blocks(page, "python") if "def on_write" in block)
    member = "3bf0c63fcb93463407af97a5e5ee64fa883d107ef9e558472c4eb9aaaefa459d"
    gate = Gate(GateSettings(may_vouch_write={"members"}))
    gate.register(module(source), "members")
    context = Context((member,))
    refused = gate.blocking.write(AnEvent(content="buy this"), context)
    assert refused == Decision(Verdict.REJECT, "blocked: no advertisements", "members")
    assert gate.blocking.write(AnEvent(content="hello"), context).accepted


def test_the_policies_in_the_docs_can_be_read() -> None:
    """Every JSON example in docs/policy.md is a policy."""
    examples = blocks((ROOT / "docs" / "policy.md").read_text(), "json")
    assert examples
    for example in examples:
        read_policy(example.encode())


def test_every_attack_names_a_test_that_is_there() -> None:
    """The table in docs/updates.md leads to tests."""
    table = (ROOT / "docs" / "updates.md").read_text().partition("| attack |")[2]
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", table)
    assert len(named) > 15
    for file, test in named:
        assert f"def {test}" in (ROOT / file).read_text(), (file, test)


def test_the_contribution_in_the_docs_can_be_read() -> None:
    """The example in docs/updates.md is a contribution, once its keys are filled in."""
    (example,) = blocks((ROOT / "docs" / "updates.md").read_text(), "json")
    content = json.loads(example.replace("npub1…", "ab" * 32))
    read_contribution(content, admin="cd" * 32, created_at=1, event_id="ef" * 32)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every link to a file of the project leads to one."""
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if not target.startswith("https://"):
            assert (page.parent / target).exists(), target


def test_every_policy_in_the_example_is_valid() -> None:
    """The example relay's sample policy can be read."""
    sample = (ROOT / "example_relay" / "sample-policy.json").read_bytes()
    assert json.loads(sample)
    read_policy(sample)


SPECIFICATION = (ROOT / "docs" / "specification.md").read_text()
PARTS = dict(re.findall(r"(?ms)^## (\d+)\. (.*?)(?=^## |\Z)", SPECIFICATION))
"""Of the specification, by their numbers."""
CITED = re.compile(r"ections? (\d[\d., andto\n#]*) of\s+(?:# )?the\s+(?:# )?spec\b")
CITING = sorted(
    path
    for folder in ("orly_policy_plugin", "hookspecs", "tests", "benchmarks", "example_relay")
    for path in (ROOT / folder).rglob("*.py")
    if CITED.search(path.read_text())
)


@pytest.mark.parametrize("path", CITING, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_is_cited_of_the_specification_is_there(path: Path) -> None:
    """Each section, and each numbered sentence of one."""
    for numbers in CITED.findall(path.read_text()):
        for section, _, sentence in (
            each.partition(".") for each in re.findall(r"[\d.]+", numbers)
        ):
            assert section in PARTS
            assert not sentence or re.search(rf"(?m)^{sentence}\. ", PARTS[section])


def test_the_specification_is_cited() -> None:
    """And its sections are numbered."""
    assert list(map(int, PARTS)) == list(range(1, len(PARTS) + 1))
    assert len(CITING) > 40
