"""Installed plugins, as the commands show and ask them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from relay.test_plugins import install

Run = Callable[..., subprocess.CompletedProcess[str]]
Write = Callable[[str, Any], Path]
MakeEvent = Callable[..., dict[str, Any]]

PLUGINS = '''
    from orly_policy_hookspecs import Criterion, Decision, hookimpl

    def number(value):
        if type(value) is not int:
            raise ValueError(f"expected a number of characters, found {value!r}")
        return value

    async def too_short(event, context, least):
        return f"invalid: under {least}" if len(event.content) < least else None

    class Shortest:
        @hookimpl
        def criteria(self):
            says = "at least {} characters"
            return [Criterion(
                name="x_shortest", unit="characters", says=says, read=number, refuses=too_short
            )]

        @hookimpl
        def on_write(self, event):
            if "vip" in event.content:
                return Decision.vouch()
            if "buy" in event.content:
                return Decision.reject("no advertisements")

    class Log:
        @hookimpl
        def on_open(self):
            """Opens its file."""

        @hookimpl
        def on_write(self):
            raise OSError("it is not open")

    shortest, log = Shortest(), Log()
'''
WRITE = ("--access", "write", "--event", "event.json")


@pytest.fixture
def installed(folder: Path, run: Run) -> Run:
    """A run where two plugins are installed."""
    install(folder, "shortest = third_party:shortest", "log = third_party:log", code=PLUGINS)
    path = os.pathsep.join([str(folder), *sys.path])

    def run_with_them(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return run(*arguments, **{"PYTHONPATH": path, **environment})

    return run_with_them


def test_they_are_listed(installed: Run, write: Write) -> None:
    """With what the policy says of them."""
    write("policy.json", {"plugins": {"log": False}})
    assert installed("plugins", "policy.json").stdout.splitlines() == [
        "log       third-party 1.0  switched off  on_write, on_open",
        "shortest  third-party 1.0  asked         on_write, criteria, x_shortest",
    ]
    listed = json.loads(installed("plugins", "policy.json", "--json").stdout)
    assert [(each["name"], each["state"]) for each in listed] == [
        ("log", "switched off"),
        ("shortest", "asked"),
    ]


def test_they_are_listed_without_a_policy(installed: Run, folder: Path) -> None:
    """Where there is no file of it."""
    done = installed("plugins", ORLY_POLICY_PATH=str(folder / "absent.json"))
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 2)


def test_no_plugin_is_said_to_be_none(run: Run, folder: Path) -> None:
    done = run("plugins", ORLY_POLICY_PATH=str(folder / "absent.json"))
    assert "no plugin is installed" in done.stdout


def test_check_has_their_words(installed: Run, write: Write) -> None:
    """And their problems, with their places."""
    write("policy.json", {"rules": {"1": {"x_shortest": 3}}})
    assert "x_shortest: at least 3 characters." in installed("check", "policy.json").stdout
    write("policy.json", {"rules": {"1": {"x_shortest": "3", "x_other": 1}}, "plugins": {"x": {}}})
    done = installed("check", "policy.json")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "policy.json: plugins.x: no plugin 'x' is installed; install the distribution that brings "
        "it, or remove this section",
        "policy.json: rules.1.x_shortest: expected a number of characters, found '3'",
        "policy.json: rules.1.x_other: no plugin has this criterion",
    ]


def test_a_missing_one_may_be_a_warning(installed: Run, write: Write) -> None:
    """As for the relay, by the environment."""
    write("policy.json", {"plugins": {"x": {}}})
    done = installed("check", "policy.json", ORLY_POLICY_MISSING_PLUGINS="warn")
    assert done.returncode == 0
    assert "plugins.x: no plugin 'x' is installed" in done.stderr


def test_explain_asks_them(installed: Run, write: Write, event: MakeEvent) -> None:
    """Each in a row; what only a relay knows is not asked."""
    write("policy.json", {"rules": {"1": {"x_shortest": 3, "write_allow": []}}})
    write("event.json", event(content="buy this"))
    done = installed("explain", "policy.json", *WRITE)
    assert done.stdout.startswith("reject: blocked: no advertisements\n")
    rows = {line.split("  ")[0]: line.split() for line in done.stdout.splitlines()}
    assert rows["rules.1.x_shortest"][-1] == "pass"
    assert rows["plugin log"][2:] == ["it", "needs", "the", "relay", "not", "asked"]
    assert rows["plugin shortest"][-1] == "deny"


def test_explain_counts_who_may_vouch(installed: Run, write: Write, event: MakeEvent) -> None:
    """As the relay has it."""
    write("policy.json", {"default_policy": "deny", "plugins": {"log": False}})
    write("event.json", event(content="vip"))
    done = installed("explain", "policy.json", *WRITE)
    assert done.stdout.startswith("reject: blocked: default_policy denies")
    done = installed("explain", "policy.json", *WRITE, "--may-vouch", "shortest")
    assert done.stdout.startswith("accept")


def test_a_test_counts_who_may_vouch(installed: Run, write: Write) -> None:
    """As explain does."""
    write("policy.json", {"default_policy": "deny", "plugins": {"log": False}})
    case = {"access": "write", "event": {"content": "vip"}, "allowed": True}
    write("suite.json", {"cases": [case]})
    asked = ("test", "suite.json", "--policy", "policy.json")
    assert installed(*asked).returncode == 1
    assert installed(*asked, "--may-vouch", "shortest").returncode == 0


def test_one_that_cannot_be_imported_is_named(installed: Run, folder: Path) -> None:
    (folder / "third_party.py").write_text("import nothing_of_this_name")
    done = installed("plugins", ORLY_POLICY_PATH=str(folder / "absent.json"))
    assert done.returncode == 2
    assert done.stderr.startswith("plugin log (third_party:log) cannot be loaded: No module named")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["plugins", "check", "explain"])
def test_one_that_wants_another_contract_is_named(
    run: Run, folder: Path, write: Write, event: MakeEvent, command: str
) -> None:
    """By every command that asks the plugins; with what is wanted, and what is there."""
    install(folder, "log = third_party:log", code=PLUGINS, needs="orly-policy-hookspecs>=9,<10")
    write("policy.json", {})
    write("event.json", event())
    path = os.pathsep.join([str(folder), *sys.path])
    more = WRITE if command == "explain" else ()
    done = run(command, "policy.json", *more, PYTHONPATH=path)
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line == (
        "plugin log (third-party 1.0) wants orly-policy-hookspecs>=9,<10, and "
        f"{version('orly-policy-hookspecs')} is installed; pip install "
        f'"orly-policy-hookspecs>=9,<10", or a version of the plugin for '
        f"{version('orly-policy-hookspecs')}"
    )
