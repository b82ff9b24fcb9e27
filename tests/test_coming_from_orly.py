"""docs/coming-from-orly.md: every name of ORLY's Go package has its counterpart, or a reason."""

import importlib
import inspect
import re
from pathlib import Path
from typing import Any

import attrs
import pytest

from orly_policy_plugin.plugin import PolicyPlugin
from orly_policy_plugin.policy import Rule

PAGE = (Path(__file__).parent.parent / "docs" / "coming-from-orly.md").read_text()

ORLYS = """
    New NewWithManager NewComposedPolicy IsPartyInvolved
    ValidateOwnerPolicy ValidatePolicyAdminContribution
    ProtectedFields owners policy_admins
    P
    P.CheckPolicy P.IsEnabled
    P.LoadFromFile P.SaveToFile P.UnmarshalJSON P.ValidateJSON
    P.Reload P.ReloadAsOwner P.ReloadAsPolicyAdmin
    P.ValidateOwnerPolicyUpdate P.ValidatePolicyAdminUpdate
    P.Pause P.Resume
    P.GetOwners P.GetOwnersBin P.GetPolicyAdminsBin
    P.IsOwner P.IsPolicyAdmin P.IsOwnerOrPolicyAdmin
    P.IsPolicyFollow P.IsPolicyFollowWhitelistEnabled
    P.UpdatePolicyFollows P.UpdateGlobalFollowsWhitelist P.UpdateRuleFollowsWhitelist
    P.GetAllFollowsWhitelistAdmins
    P.GetGlobalRule P.GetRuleForKind P.GetRulesKinds
    Kinds
    Rule Rule.HasFollowsWhitelistAdmins Rule.GetFollowsWhitelistAdminsBin
    Rule.IsInFollowsWhitelist
    .AddContribution .RemoveContribution .LoadContributions .GetEffectivePolicy
    PolicyAdminContribution RuleExtension
    PolicyEvent logged_in_pubkey ip_address access_type
    PolicyResponse id action msg
    PolicyManager.IsEnabled PolicyManager.IsRunning PolicyManager.GetScriptPath
    PolicyManager.Shutdown
    ScriptRunner.Start ScriptRunner.Stop ScriptRunner.IsRunning ScriptRunner.ProcessEvent
""".split()  # noqa: SIM905 -- names that belong together on a line
"""What the package offers, by the name under which its documentation has it."""

ROWS = [
    tuple(cell.strip() for cell in row)
    for table in re.findall(r"\| ORLY \| here \| \|\n\|---.*\n((?:\|.*\n)+)", PAGE)
    for row in re.findall(r"^\|(.*?)\|(.*?)\|(.*)\|$", table, re.MULTILINE)
]
IN_BACKTICKS = re.compile(r"`(.+?)`")
OF_OURS = re.compile(
    r"`((?:authority|decisions|errors|follows|plugin|policy|policy_file|scripts|settings|state"
    r"|orly_policy_hookspecs)\.(?!json`|sh`)[\w.]+)`"
)
COUNTERPARTS = sorted({name for _, here, _ in ROWS for name in IN_BACKTICKS.findall(here)})
NAMED = sorted(set(OF_OURS.findall(PAGE)))


def resolve(name: str) -> Any:
    """What a name of the page is: modules as far as there are any, then attributes."""
    whole = name if name.startswith("orly_policy_hookspecs") else f"orly_policy_plugin.{name}"
    parts = whole.split(".")
    found: Any = None
    for i in range(1, len(parts) + 1):
        try:
            found = importlib.import_module(".".join(parts[:i]))
        except ModuleNotFoundError:
            break
    else:
        return found
    for part in parts[i - 1 :]:
        found = getattr(found, part)
    return found


def test_every_name_has_one_row() -> None:
    """And none is there that ORLY does not have."""
    named = [re.sub(r"\(.*", "", name) for row in ROWS for name in IN_BACKTICKS.findall(row[0])]
    assert sorted(named) == sorted(ORLYS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_every_row_has_a_counterpart_or_a_reason(row: tuple[str, str, str]) -> None:
    """A reason begins with ``None``."""
    _, here, note = row
    assert IN_BACKTICKS.findall(here) or note.startswith("None")


@pytest.mark.parametrize("name", COUNTERPARTS)
def test_every_counterpart_is_there_and_says_what_it_does(name: str) -> None:
    """Public, importable as the page says, and with a docstring of its own."""
    assert not any(part.startswith("_") for part in name.split("."))
    found = resolve(name)
    if isinstance(found, property) or inspect.isroutine(found) or inspect.isclass(found):
        assert inspect.getdoc(found)
        owner, _, attribute = name.rpartition(".")
        assert not inspect.isclass(resolve(owner)) or attribute in vars(resolve(owner))
    elif attrs.has(owner := resolve(name.rpartition(".")[0])):
        assert name.rpartition(".")[2] in attrs.fields_dict(owner)


@pytest.mark.parametrize("name", COUNTERPARTS)
def test_what_a_package_offers_is_in_its_list(name: str) -> None:
    """``from package import name`` is meant to work."""
    package, _, rest = name.partition(".")
    top = resolve(package)
    if hasattr(top, "__path__") and not inspect.ismodule(
        resolve(f"{package}.{rest.split('.')[0]}")
    ):
        assert rest.split(".")[0] in top.__all__


@pytest.mark.parametrize("name", NAMED)
def test_every_name_beside_the_tables_is_there(name: str) -> None:
    """In the notes and in the prose."""
    resolve(name)


def test_engine_is_what_the_page_says(tmp_path: Path) -> None:
    """What it does with ``engine`` can be done with one."""
    (tmp_path / "policy.json").write_text('{"owners": ["' + "ab" * 32 + '"]}')
    engine = PolicyPlugin.load(tmp_path / "policy.json")
    expressions = [text for text in IN_BACKTICKS.findall(PAGE) if "engine." in text]
    assert len(expressions) > 5
    for expression in expressions:
        known = {"engine": engine, "key": "cd" * 32, "rule": Rule()}
        assert eval(expression, known) is not True
