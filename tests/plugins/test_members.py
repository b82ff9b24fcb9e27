"""The sample plugin, installed from its wheel into environments that have nothing else."""

import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from environments import environment, run, wheel_of
from relay.client import asynchronous, connected
from relay.process import Relay
from relay.signing import Key

ROOT = Path(__file__).parents[2]
MEMBERS = ROOT / "example_relay" / "plugins" / "members"
HOST = f"""
import functools
import sys

sys.path.append({str(ROOT)!r})
import example_relay.__main__ as relay
from orly_policy_hookspecs import GateSettings

settings = GateSettings(may_vouch_write={{"members"}})
relay.create_app = functools.partial(relay.create_app, gate_settings=settings)
relay.main()
"""


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheels of the contract, the engine and the plugin."""
    pytest.importorskip("hatchling")
    projects = {"contract": ROOT / "hookspecs", "engine": ROOT, "members": MEMBERS}
    return {
        name: wheel_of(project, tmp_path_factory.mktemp(name))
        for name, project in projects.items()
    }


@pytest.mark.heavy
def test_it_needs_the_contract_alone(tmp_path: Path, wheels: dict[str, Path]) -> None:
    """Its own tests pass without the engine, and its types are complete."""
    needs = "relay-members[tests]"
    python = environment(tmp_path / "env", needs, wheels["contract"], wheels["members"])
    missing = "import importlib.util as util; print(util.find_spec('orly_policy_plugin'))"
    assert run(python, "-I", "-c", missing) == "None\n"

    shutil.copytree(MEMBERS / "tests", tmp_path / "tests")
    printed = run(
        *(python, "-I", "-m", "pytest", "-q", "-W", "error", "--import-mode=importlib"),
        *("-c", os.devnull, "--rootdir", tmp_path, "-p", "no:cacheprovider", tmp_path / "tests"),
    )
    assert " passed in " in printed
    assert "skipped" not in printed

    shutil.copytree(MEMBERS / "relay_members", tmp_path / "relay_members")
    mypy = (sys.executable, "-P", "-m", "mypy", "--config-file", "", "--python-executable", python)
    strict = ("--strict", "--explicit-package-bases", "--cache-dir", tmp_path / "cache")
    assert "no issues found" in run(*mypy, *strict, "relay_members", "tests", cwd=tmp_path)


@asynchronous
@pytest.mark.heavy
async def test_a_relay_asks_it(tmp_path: Path, wheels: dict[str, Path]) -> None:
    """Who pays while the relay runs is let in by a rule, and vouched for; until forgotten."""
    python = environment(tmp_path / "env", "orly-policy-plugin[nostr-relay]", *wheels.values())
    register = tmp_path / "members.sqlite"
    member, friend, stranger = Key(), Key(), Key()

    def cashier(*what: str) -> None:
        run(tmp_path / "env" / "bin" / "relay-members", register, *what)

    cashier("add", friend.pubkey, "1")
    policy = {
        "default_policy": "deny",
        "plugins": {"members": {"file": str(register), "cache_seconds": 0}},
        "rules": {"1": {"x_members": "paid"}},
    }
    host = tmp_path / "host.py"
    host.write_text(HOST)
    with Relay(tmp_path, policy, command=(str(python), "-I", str(host))) as relay:
        command = (python, "-I", "-m", "orly_policy_plugin.cli")
        (shown,) = (
            each
            for each in run(*command, "plugins", relay.policy).splitlines()
            if "members" in each
        )
        assert re.fullmatch(r"members +relay-members 1\.0 +with settings +.*, x_members", shown)
        event = tmp_path / "event.json"
        event.write_text(json.dumps(friend.event(1, "hello")))
        about = ("--access", "write", "--event", event, "--authed", friend.pubkey)
        explained = run(*command, "explain", relay.policy, *about)
        assert explained.startswith("accept\n")
        assert "paid members" in explained
        async with (
            connected(relay.url, member) as paying,
            connected(relay.url, stranger) as other,
        ):

            async def said(kind: int) -> tuple[str, str]:
                content = json.dumps([register.stat().st_mtime_ns, kind])
                first = await paying.publish(member.event(kind, content))
                return first[1], (await other.publish(stranger.event(kind, content)))[1]

            closed = "restricted: not allowed to write events of kind 1"
            denied = "blocked: default_policy denies to write this kind"
            assert await said(1) == (closed, closed)
            assert await said(7) == (denied, denied)
            cashier("add", member.pubkey, "31")
            assert await said(1) == ("", closed)
            assert await said(7) == ("", denied)
            cashier("remove", member.pubkey)
            assert await said(1) == (closed, closed)
        relay.stop()
        assert "Traceback" not in relay.stderr
