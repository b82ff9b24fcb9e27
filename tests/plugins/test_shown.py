"""The plugins in docs/plugins/: small ones to start from."""

import ast
import asyncio
import importlib.util
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from orly_policy_hookspecs import Decision, Gate, InvalidSettings, Verdict, hooks
from orly_policy_hookspecs.testing import Key, Running, by
from orly_policy_plugin.plugin import PolicyPlugin

FOLDER = Path(__file__).parents[2] / "docs" / "plugins"
PLUGINS = sorted(FOLDER.glob("*.py"))
ALICE, BOB = Key("alice"), Key("bob")


def plugin(name: str) -> Any:
    """What an entry point of its name leads to: the object of that name, or the module."""
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name, module)


@pytest.mark.parametrize("path", PLUGINS, ids=lambda path: path.stem)
def test_it_is_short_and_needs_the_contract_alone(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) < 40
    imported = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            imported |= {each.name.partition(".")[0] for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(str(node.module).partition(".")[0])
    assert imported - sys.stdlib_module_names == {"orly_policy_hookspecs"}


@pytest.mark.heavy
def test_their_types_are_complete(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    contract = Path(hooks.__file__).parents[1]
    strict = ("--strict", "--config-file", "", "--cache-dir", tmp_path / "cache")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "mypy", *strict, *PLUGINS],
        cwd=tmp_path,
        env={"MYPYPATH": str(contract)} if contract.name == "hookspecs" else None,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.stdout == f"Success: no issues found in {len(PLUGINS)} source files\n"


def mined(target: int, work: int) -> Any:
    """An event that aims at a number of bits, and has exactly this many."""
    for nonce in range(100_000):
        event = ALICE.event(1, tags=[["nonce", str(nonce), str(target)]], created_at=1_700_000_000)
        if 256 - int(event.id, 16).bit_length() == work:
            return event
    raise AssertionError("no nonce was found")


def test_proof_of_work(tmp_path: Path) -> None:
    """In a rule, with the engine; who was lucky has not worked."""
    policy = tmp_path / "policy.json"
    policy.write_text(json.dumps({"rules": {"1": {"x_pow": 5}}}))
    with Running(plugin("pow"), PolicyPlugin.load(policy), name="pow") as gate:
        assert gate.write(mined(5, 5), by()).accepted
        assert gate.write(mined(9, 6), by()).accepted
        assert gate.write(mined(5, 4), by()).message == "pow: 4 bits, 5 are needed"
        assert gate.write(mined(4, 5), by()).message == "pow: the nonce tag has to aim at 5 bits"


@pytest.fixture
def service() -> Iterator[str]:
    """One that knows Alice, and fails where it is asked about Bob."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response({ALICE.pubkey: 204, BOB.pubkey: 503}.get(self.path[1:], 404))
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/{{}}"
        server.shutdown()
        thread.join()


def test_a_look_up(service: str) -> None:
    """A failure refuses, and is told from a no."""
    with Running(plugin("lookup"), settings={"url": service}) as gate:
        assert gate.write(ALICE.event(), by()).accepted
        assert gate.write(Key().event(), by()).message == "restricted: not known here"
        assert gate.write(BOB.event(), by()).message.startswith("error:")


def test_paid_members(tmp_path: Path) -> None:
    """They are vouched for until the time that they paid for."""
    file, now = tmp_path / "paid.json", int(time.time())
    file.write_text(json.dumps({ALICE.pubkey: now + 600, BOB.pubkey: now - 600}))
    with Running(plugin("members"), settings={"file": str(file)}) as gate:
        assert gate.write(ALICE.event(), by(ALICE)).verdict is Verdict.VOUCH
        assert gate.write(BOB.event(), by(BOB)).verdict is Verdict.ACCEPT
        file.write_text("{}")
        assert gate.write(ALICE.event(), by(ALICE)).verdict is Verdict.ACCEPT
        file.unlink()
        assert gate.write(ALICE.event(), by(ALICE)).message.startswith("error:")


class NoAdvertisements:
    """Has an opinion, for the log."""

    @hooks.hookimpl
    def on_write(self, event: Any) -> Any:
        return Decision.reject("blocked: 100 %s off") if event.content == "buy" else None


def test_an_audit_log(tmp_path: Path) -> None:
    """A line each, all of them once the relay has stopped; no thread is left behind."""
    threads = set(threading.enumerate())
    log = tmp_path / "audit.jsonl"
    events = [ALICE.event(1, content) for content in ("hello", "buy")]
    running = Running(plugin("audit"), NoAdvertisements(), settings={"file": str(log)})

    async def asked() -> None:
        async with running as gate:
            for event in events:
                await gate.write(event, by())

    asyncio.run(asked())
    assert threads.issuperset(threading.enumerate())
    hello, buy = map(json.loads, log.read_text().splitlines())
    assert hello == ["write", events[0].id, "accept", "", ""]
    assert buy == ["write", events[1].id, "reject", "blocked: 100 %s off", "NoAdvertisements"]


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        *(("lookup", {}), ("lookup", {"url": "file:///etc/passwd{}"})),
        *(("lookup", {"url": "https://members.example"}), ("audit", {"file": None})),
        *(("members", {}), ("members", {"file": __file__})),
    ],
)
def test_settings_that_cannot_be_used(name: str, settings: dict[str, Any]) -> None:
    gate = Gate()
    gate.register(plugin(name), name)
    with pytest.raises(InvalidSettings):
        gate.configure(name, settings)
