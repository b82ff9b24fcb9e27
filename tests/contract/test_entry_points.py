"""Installed plugins, found by their entry point in the group ``orly_policy``."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from examples import NOBODY, AnEvent, Answering

from orly_policy_hookspecs import Gate, PluginError

PLUGIN = """
from orly_policy_hookspecs import Decision, hookimpl

@hookimpl
def on_write(event, context):
    return Decision.reject("blocked: by {name}")
"""

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Write a distribution with plugins where Python finds it."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)

    def write(
        name: str,
        source: str = PLUGIN,
        group: str = "orly_policy",
        point: str | None = None,
        attribute: str = "",
        needs: str = "",
    ) -> None:
        (tmp_path / f"{name}_module.py").write_text(source.format(name=name))
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
        (info / "METADATA").write_text(metadata + (f"Requires-Dist: {needs}\n" if needs else ""))
        (info / "entry_points.txt").write_text(
            f"[{group}]\n{point or name} = {name}_module{attribute}\n"
        )

    yield write
    for module in set(sys.modules) - before:
        del sys.modules[module]


def test_every_installed_plugin_is_loaded(install: Install) -> None:
    """Under its entry point's name; those of other groups are not ours."""
    install("orlytest_members")
    install("orlytest_other", group="another_project")
    gate = Gate()
    assert gate.load_entry_points() >= 1
    assert "orlytest_members" in gate.plugins
    assert "orlytest_other" not in gate.plugins
    decision = asyncio.run(gate.write(AnEvent(), NOBODY))
    assert (decision.source, decision.message) == (
        "orlytest_members",
        "blocked: by orlytest_members",
    )


MADE = """
from orly_policy_hookspecs import Decision, hookimpl

class Plugin:
    @hookimpl
    def on_write(self, event):
        return Decision.reject("by an instance")

def make():
    return Plugin()

def fail():
    raise OSError("no file")
"""


@pytest.mark.parametrize("attribute", [":Plugin", ":make"])
def test_a_class_or_a_function_makes_the_plugin(install: Install, attribute: str) -> None:
    """Once, when it is loaded."""
    install("orlytest_made", MADE, attribute=attribute)
    gate = Gate()
    gate.load_entry_points(["orlytest_made"])
    decision = asyncio.run(gate.write(AnEvent(), NOBODY))
    assert decision.message == "blocked: by an instance"


def test_one_that_cannot_be_made_is_named(install: Install) -> None:
    install("orlytest_made", MADE, attribute=":fail")
    with pytest.raises(PluginError, match=r"orlytest_made \(.*:fail\) cannot be loaded: no file"):
        Gate().load_entry_points(["orlytest_made"])


def test_one_that_takes_the_name_of_an_installed_one_is_not_called_it(install: Install) -> None:
    """Operators read of which distribution a plugin is."""
    install("orlytest_members")
    gate = Gate()
    gate.load_entry_points(["orlytest_members"])
    assert [each.distribution for each in gate.described()] == ["orlytest_members 1.0"]
    gate.unregister("orlytest_members")
    gate.register(Answering(), "orlytest_members")
    assert [each.distribution for each in gate.described()] == [""]


def test_only_the_named_ones_are_loaded(install: Install) -> None:
    """Where the host names some."""
    install("orlytest_members")
    install("orlytest_spam")
    gate = Gate()
    assert gate.load_entry_points(["orlytest_spam"]) == 1
    assert gate.plugins == ("orlytest_spam",)


def test_a_named_one_that_is_not_installed_is_an_error() -> None:
    """A relay does not start without a plugin that it was told to have."""
    with pytest.raises(PluginError, match=r"no plugin 'orlytest_gone' is installed"):
        Gate().load_entry_points(["orlytest_gone"])


def test_a_broken_one_stops_the_start(install: Install) -> None:
    """A misspelt hook in an installed plugin is as much an error as in one given by hand."""
    install("orlytest_members", PLUGIN.replace("on_write", "on_wirte"))
    with pytest.raises(PluginError, match=r"did you mean 'on_write'"):
        Gate().load_entry_points(["orlytest_members"])


def test_one_that_cannot_be_imported_stops_the_start(install: Install) -> None:
    """And the error says which one."""
    install("orlytest_members", "import a_module_that_is_not_there")
    with pytest.raises(PluginError, match=r"orlytest_members.*a_module_that_is_not_there"):
        Gate().load_entry_points(["orlytest_members"])


def test_one_that_wants_another_contract_is_not_loaded(install: Install) -> None:
    """Not even imported."""
    install("orlytest_members", "raise SystemExit(7)", needs="orly-policy-hookspecs>=9")
    with pytest.raises(PluginError) as caught:
        Gate().load_entry_points(["orlytest_members"])
    assert str(caught.value).startswith(
        "plugin orlytest_members (orlytest_members 1.0) wants orly-policy-hookspecs>=9, and "
    )


def test_one_that_uses_what_the_contract_has_not_is_told_so(install: Install) -> None:
    """Where its distribution does not say that it wants a newer one."""
    needs = "orly-policy-hookspecs>=0.1"
    install("orlytest_members", "from orly_policy_hookspecs import of_tomorrow", needs=needs)
    with pytest.raises(PluginError) as caught:
        Gate().load_entry_points(["orlytest_members"])
    assert str(caught.value).startswith("plugin orlytest_members (orlytest_members 1.0) wants som")
    assert str(caught.value).endswith("its distribution asks for orly-policy-hookspecs>=0.1")


def test_loading_twice_adds_nothing(install: Install) -> None:
    """What is registered already, by hand or by an earlier call, stays as it is."""
    install("orlytest_members")
    gate = Gate()
    gate.register(Answering(), "orlytest_members")
    gate.load_entry_points(["orlytest_members"])
    assert gate.plugins == ("orlytest_members",)
    assert asyncio.run(gate.write(AnEvent(), NOBODY)).accepted


def test_two_of_one_name_are_an_error(install: Install) -> None:
    """None of them is taken for the other."""
    for name in ("orlytest_members", "orlytest_others"):
        install(name, point="orlytest_shared")
    gate = Gate()
    with pytest.raises(
        PluginError, match=r"^two installed plugins have the name 'orlytest_shared'$"
    ):
        gate.load_entry_points(["orlytest_shared"])
    assert gate.plugins == ()
