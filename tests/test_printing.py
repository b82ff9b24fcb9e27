"""Nothing prints what a stranger wrote as it was written: not the commands, not the logs."""

import ast
import functools
import hashlib
import importlib
import io
import json
import logging
import os
import pkgutil
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import forks
import pytest
from coincurve import PrivateKey
from hostile import FORGED, HOSTILE, assert_harmless, obeyed
from relay.signing import Key
from websockets.sync.server import ServerConnection, serve

import orly_policy_hookspecs
import orly_policy_plugin
from orly_policy_hookspecs import Decision
from orly_policy_hookspecs.logs import Harmless
from orly_policy_hookspecs.printing import printable
from orly_policy_plugin.authority import read_contribution
from orly_policy_plugin.cli.showing import say_json, show_steps
from orly_policy_plugin.decisions import Explanation, Step
from orly_policy_plugin.policy import policy_version, read_policy

ROOT = Path(__file__).parent.parent
CLI = "orly_policy_plugin.cli"
SECONDS = 60
FILES = sorted(
    path
    for folder in ("hookspecs", "orly_policy_plugin", "example_relay")
    for path in (ROOT / folder).rglob("*.py")
    if "tests" not in path.relative_to(ROOT).parts
)

# --- every print and every log call


PRINTERS = {
    "click": {"echo", "secho", "echo_via_pager", "prompt", "confirm", "get_text_stream"},
    "sys": {"stdout", "stderr", "__stdout__", "__stderr__"},
    "warnings": {"warn", "warn_explicit"},
    "traceback": {"print_exc", "print_exception", "print_stack"},
    "logging": {
        "getLogger", "basicConfig", "debug", "info", "warning", "error", "exception", "critical",
        "log",
    },
    "console": {"print", "log", "print_exception", "out", "rule"},
}  # fmt: skip
"""Names of modules or objects, and what of them shows something."""
BARE = {"print", "pprint"}
SHOWN_BY_ERRORS = {"show"}
LOG_METHODS = {"debug", "info", "warning", "error", "exception", "critical", "log"}

NOT_LOGS = {"math", "task", "future", "self.db"}
"""What has a method of such a name and logs nothing: ``math.log``, a task's ``exception``,
LMDB's ``info``."""
ALLOWED = {
    "orly_policy_plugin/cli/showing.py": {"click.echo", "console.print", ".show"},
    "orly_policy_plugin/cli/command.py": {"sys.stdout", "sys.stderr"},  # flushed, set up
    "example_relay/showing.py": {"click.echo"},
    "example_relay/plugins/members/relay_members/command.py": {"sys.exit of a text"},  # its own
    "orly_policy_plugin/cli/strfry.py": {"sys.stdout", "sys.stderr", "logging.basicConfig"},
    "hookspecs/orly_policy_hookspecs/logs.py": {"logging.getLogger"},
    "orly_policy_plugin/hosts/kit/answering.py": {"sys.stdout"},  # a script's answers
    "orly_policy_plugin/hosts/upstream/running.py": {"logging.basicConfig"},  # its log
    "orly_policy_plugin/hosts/nostr_relay/sql/databases.py": {"logging.getLogger"},  # SQLAlchemy's
}
"""The files that show something themselves, and with what."""


BOUNDED = ("in_a_line(", "_in_a_line(")
"""The functions that make a text `printable` and bound it; what they do has tests below."""


def printers(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Everything that shows something other than a log of :func:`get_log`, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in BARE:
            yield node.lineno, node.id
        if isinstance(node, ast.Attribute):
            base = ast.unparse(node.value)
            if node.attr in PRINTERS.get(base, ()):
                yield node.lineno, f"{base}.{node.attr}"
            elif node.attr in SHOWN_BY_ERRORS:
                yield node.lineno, f".{node.attr}"
        if isinstance(node, ast.ImportFrom):
            taken = {alias.name for alias in node.names} & PRINTERS.get(node.module or "", set())
            yield from ((node.lineno, f"from {node.module} import {name}") for name in taken)
        if isinstance(node, ast.Call) and _exits_with_a_text(node):
            yield node.lineno, "sys.exit of a text"
        if isinstance(node, ast.Call) and ast.unparse(node).startswith(
            ("os.write(1", "os.write(2")
        ):
            yield node.lineno, "os.write"


def _exits_with_a_text(call: ast.Call) -> bool:
    return ast.unparse(call.func) in ("sys.exit", "SystemExit") and any(
        isinstance(given, ast.JoinedStr)
        or (isinstance(given, ast.Constant) and isinstance(given.value, str))
        for given in call.args
    )


def strange_logs(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Calls that log by anything but the module's own ``log = get_log(__name__)``."""
    ours = any(
        isinstance(node, ast.Assign) and ast.unparse(node) == "log = get_log(__name__)"
        for node in tree.body
    )
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            base = ast.unparse(node.func.value)
            is_log = node.func.attr in LOG_METHODS and base not in NOT_LOGS
            if is_log and not (base == "log" and ours):
                yield node.lineno, f"{base}.{node.func.attr}"


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_only_the_few_functions_print() -> None:
    """Whatever prints goes through `say` and its neighbours, whatever logs through `get_log`."""
    for path in FILES:
        tree = ast.parse(path.read_text())
        name = name_of(path)
        allowed = ALLOWED.get(name, set())
        assert [(name, line, what) for line, what in printers(tree) if what not in allowed] == []
        assert [(name, *each) for each in strange_logs(tree)] == []


@pytest.mark.parametrize(
    "source",
    [
        "print('x')",
        "say = print",
        "click.echo(x)",
        "say = click.echo",
        "from click import echo",
        "sys.stderr.write(x)",
        "from sys import stdout",
        "console.print(x)",
        "error.show()",
        "sys.exit(f'{x}')",
        "raise SystemExit('x')",
        "os.write(2, x)",
        "warnings.warn(x)",
        "logging.getLogger('x')",
        "logging.info(x)",
        "traceback.print_exc()",
        "from logging import getLogger",
    ],
)
def test_what_would_be_found(source: str) -> None:
    """The walk sees what it is there to see."""
    assert list(printers(ast.parse(source)))


@pytest.mark.parametrize("source", ["log.info(x)", "log = getLogger()\nlog.info(x)", "a.error(x)"])
def test_which_logs_would_be_found(source: str) -> None:
    """A logger that is not from `get_log`, by whatever name."""
    assert list(strange_logs(ast.parse(source)))
    assert not list(strange_logs(ast.parse("log = get_log(__name__)\nlog.info(x)")))


def test_what_is_printed_has_been_escaped() -> None:
    """Where something is printed, it is `printable` and not too long, JSON in ASCII, or cells made
    of `short`.
    """
    for file in ("orly_policy_plugin/cli/showing.py", "example_relay/showing.py"):
        for node in ast.walk(ast.parse((ROOT / file).read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "click.echo":
                shown = ast.unparse(node.args[0])
                assert shown.startswith(BOUNDED) or "\\\\u007f" in shown, shown


# --- logs


class Unshowable:
    """An object that cannot be made a text."""

    def __str__(self) -> str:
        raise RuntimeError(HOSTILE)

    __repr__ = __str__


class Faulty(Exception):
    """An exception that cannot be made a text."""

    def __str__(self) -> str:
        raise RuntimeError(HOSTILE)


def modules() -> Iterator[ModuleType]:
    """All of the contract and the engine; the example relay has no logger."""
    for package in (orly_policy_hookspecs, orly_policy_plugin):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.endswith("__main__"):
                yield importlib.import_module(found.name)


@functools.cache
def logs() -> list[logging.Logger]:
    """Theirs, by name."""
    found = {getattr(module, "log", None) for module in modules()}
    return sorted(
        (log for log in found if isinstance(log, logging.Logger)), key=lambda log: log.name
    )


def chained() -> Exception:
    """An exception with causes, a note, and a name of its own making."""
    cause = ValueError(HOSTILE)
    error = type(f"Bad\n{FORGED}", (Exception,), {})(HOSTILE)
    error.__cause__ = ExceptionGroup(HOSTILE, [cause, KeyError(HOSTILE)])
    error.add_note(HOSTILE)
    return error


LOGGED: dict[str, Callable[[logging.Logger], None]] = {
    "argument": lambda log: log.error("said %s", HOSTILE),
    "repr": lambda log: log.error("said %r and %s", [HOSTILE], {HOSTILE: HOSTILE}),
    "message": lambda log: log.error(HOSTILE),
    "mapping": lambda log: log.error("said %(what)s", {"what": HOSTILE}),
    "exception": lambda log: log.error("failed", exc_info=chained()),
    "exception as argument": lambda log: log.error("failed: %s", chained()),
    "raising object": lambda log: log.error("said %s", Unshowable()),
    "raising exception": lambda log: log.error("failed", exc_info=Faulty()),
    "too few arguments": lambda log: log.error(f"{HOSTILE} %s %s", HOSTILE),  # noqa: G004
    "bytes": lambda log: log.error("said %s", HOSTILE.encode()),
}


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What a host's handler writes, one at the root."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    logging.getLogger().addHandler(handler)
    yield stream
    logging.getLogger().removeHandler(handler)


def test_uvicorns_log_of_requests_is_as_uvicorn_has_it() -> None:
    """Its formatter reads the arguments themselves: they stay, and are harmless."""
    from uvicorn.logging import AccessFormatter

    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(AccessFormatter("%(client_addr)s %(request_line)s %(status_code)s"))
    handler.addFilter(Harmless())
    arguments = ("192.0.2.1:5", "GET", "/" + HOSTILE, "1.1", 200)
    handler.handle(
        logging.LogRecord("uvicorn.access", logging.INFO, "", 1, "%s %s %s %s %d", arguments, None)
    )
    assert_harmless(stream.getvalue())
    assert stream.getvalue().startswith("192.0.2.1:5 GET /")
    assert "200 OK" in stream.getvalue()


@pytest.mark.parametrize("what", LOGGED)
def test_no_log_forges_a_line(what: str, written: io.StringIO) -> None:
    """Every logger of ours, by a real handler: one line a record, but for a traceback, whose
    lines are indented.
    """
    assert len(logs()) > 15
    for log in logs():
        before = len(written.getvalue())
        LOGGED[what](log)
        shown = written.getvalue()[before:]
        assert_harmless(shown)
        first, *rest = shown.removesuffix("\n").split("\n")
        assert first.startswith("ERROR ")
        assert all(line.startswith("  | ") for line in rest)
        assert bool(rest) == ("exception" in what and "argument" not in what)


# --- the commands

NAME = HOSTILE.replace("\x00", "") + ".json"
"""A file may be called so."""


def _found_from(module: str) -> dict[str, str]:
    """The example relay is in no wheel."""
    return {"PYTHONPATH": str(ROOT)} if module.startswith(("example_relay", "shows")) else {}


class Commands:
    """The commands in a folder of files that strangers wrote."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, value: Any) -> str:
        """Write a file; returns its name."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(value if isinstance(value, str) else json.dumps(value))
        return name

    def run(self, *arguments: str, module: str = CLI) -> str:
        """Run one as a process; returns all that it printed, which is harmless."""
        env = os.environ | {"COLUMNS": "300", "PYTHONUTF8": "1"} | _found_from(module)
        done = forks.completed(module, arguments, cwd=self.folder, env=env, timeout=SECONDS)
        assert "Traceback" not in done.stderr
        assert_harmless(done.stdout)
        assert_harmless(done.stderr)
        return done.stdout + done.stderr


@pytest.fixture
def commands(tmp_path: Path) -> Commands:
    return Commands(tmp_path)


ESCAPED = r"\x1b[2J"
"""By which what a stranger wrote is known in what is printed."""

RULES: dict[str, Any] = {
    "1": {
        "description": HOSTILE,
        "must_have_tags": [HOSTILE],
        "allowed_tags": [HOSTILE],
        "tag_validation": {HOSTILE: "^a"},
    }
}
EVENT: dict[str, Any] = {
    "id": "e0" * 32,
    "pubkey": "a1" * 32,
    "created_at": 1_700_000_000,
    "kind": 1,
    "tags": [[HOSTILE, HOSTILE], ["t", HOSTILE]],
    "content": HOSTILE,
    "sig": "50" * 64,
}
WRONG_POLICIES: dict[str, Any] = {
    "keys": {HOSTILE: 1, "rules": {HOSTILE: {}, "1": {HOSTILE: 2}}},
    "values": {"default_policy": HOSTILE, "owners": [HOSTILE], "kind": {"whitelist": [HOSTILE]}},
    "regex": {"rules": {"1": {"identifier_regex": f"({HOSTILE}"}}},
    "script": {"rules": {"1": {"script": HOSTILE.replace("\x00", "")}}},
    "duration": {"rules": {"1": {"max_expiry_duration": HOSTILE}}},
}


def test_check_of_a_hostile_policy(commands: Commands) -> None:
    """Its description, its tags and its file's name."""
    commands.write(NAME, {"rules": RULES})
    shown = commands.run("check", NAME)
    assert shown.startswith(printable(NAME) + ": version ")
    assert shown.count(ESCAPED) > 2
    assert ESCAPED in commands.run("check", HOSTILE)


@pytest.mark.parametrize("wrong", WRONG_POLICIES)
def test_check_of_a_wrong_policy(commands: Commands, wrong: str) -> None:
    """A problem is a line, whatever the keys and values are."""
    shown = commands.run("check", commands.write("policy.json", WRONG_POLICIES[wrong]))
    assert r"x1b" in shown or r"u001b" in shown
    assert all(line.startswith("policy.json: ") for line in shown.splitlines())


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_explain_of_a_hostile_event(commands: Commands, options: tuple[str, ...]) -> None:
    """Its tags and content, and the policy's names of tags; as JSON, the same to a program."""
    policy = {"rules": {"1": {"tag_validation": {"t": "^a$", HOSTILE: "^b$"}}}}
    commands.write("policy.json", policy)
    commands.write(NAME, EVENT)
    asked = ("explain", "policy.json", "--access", "write", "--event", NAME)
    shown = commands.run(*asked, *options)
    assert "x1b" in shown or "u001b" in shown


@pytest.mark.parametrize("field", ["id", "pubkey", "sig"])
def test_explain_of_what_is_no_event(commands: Commands, field: str) -> None:
    """What is wrong with it is told."""
    commands.write("policy.json", {})
    commands.write(NAME, EVENT | {field: HOSTILE})
    shown = commands.run("explain", "policy.json", "--access", "write", "--event", NAME)
    assert shown.startswith(printable(NAME))


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_diff_of_hostile_policies(commands: Commands, options: tuple[str, ...]) -> None:
    """Names, tags and patterns; files that are none."""
    commands.write("a.json", {"rules": {"1": {"tag_validation": {"t": "^a"}}}})
    commands.write(NAME, {"rules": RULES})
    assert "1b" in commands.run("diff", "a.json", NAME, *options)
    assert ESCAPED in commands.run("diff", HOSTILE, NAME, *options)


def test_a_hostile_suite(commands: Commands) -> None:
    """Its name, its cases, and what is wrong with it."""
    case = {"access": "write", "event": EVENT, "allowed": True}
    suite = {"name": HOSTILE, "now": 0, "policy": {"rules": RULES}, "cases": [case]}
    commands.write(NAME, suite)
    assert commands.run("test", NAME).count(ESCAPED) > 2
    commands.write(NAME, suite | {HOSTILE: 1, "cases": [case | {"access": HOSTILE}]})
    assert ESCAPED in commands.run("test", NAME)
    assert ESCAPED in commands.run("test", commands.write("none", HOSTILE), HOSTILE)


def test_a_hostile_history(commands: Commands) -> None:
    """Entries that cannot be used, versions that are none, and a policy that stood before."""
    content = json.dumps({"rules": RULES})
    version = policy_version(read_policy(content.encode()))
    entry = {"version": version, "recorded_at": 1, "how": "start", "content": content}
    commands.write("policy.json", {})
    folder = "policy-history/000000000001-0000000"
    commands.write(f"{folder}1-{version}.policy.json", entry)
    for number, wrong in enumerate(({"how": HOSTILE}, {"author": HOSTILE}, {HOSTILE: 1}), 2):
        commands.write(f"{folder}{number}-{version}.policy.json", entry | wrong)
    assert "1b" in commands.run("history", "policy.json")
    assert version in commands.run("history", "policy.json", "--json")
    assert ESCAPED in commands.run("rollback", HOSTILE, "policy.json")
    for number in (2, 3, 4):
        (commands.folder / f"{folder}{number}-{version}.policy.json").unlink()
    assert ESCAPED in commands.run("rollback", version[:6], "policy.json")


def test_hostile_contributions(commands: Commands) -> None:
    """What an admin has signed: names of tags and patterns; and ids that are typed."""
    admin = Key("an admin")
    rule = {"must_have_tags": [HOSTILE], "tag_validation": {HOSTILE: "^a"}}
    content = {"rules_add": {"1984": rule | {"description": HOSTILE}}}
    event = admin.event(12345, json.dumps(content), created_at=1_700_000_000)
    policy = {"policy_admins": [admin.pubkey]}
    commands.write("policy.json", policy)
    commands.write(f"policy-contributions/{event['id']}.json", event)
    assert ESCAPED in commands.run("check", "policy.json")
    entries = {
        "1": {"how": "start", "contributions": []},
        "2": {"how": "contribution", "contributions": [event["id"], "ab" * 32]},
    }
    made = read_contribution(
        content, admin=admin.pubkey, created_at=1_700_000_000, event_id=event["id"]
    )
    commands.write(f"policy-history/{event['id']}.contribution", made.canonical.decode())
    commands.write(f"policy-history/{'ab' * 32}.contribution", HOSTILE)
    for number, fields in entries.items():
        version = number * 12
        entry = {"version": version, "recorded_at": 1, "content": json.dumps(policy), **fields}
        name = f"000000000001-0000000{number}-{version}.policy.json"
        commands.write(f"policy-history/{name}", entry)
    assert event["id"][:8] in commands.run("history", "policy.json")
    assert r"u001b" in commands.run("history", "policy.json", "--contribution", event["id"])
    assert ESCAPED in commands.run("history", "policy.json", "--contribution", HOSTILE)
    for options in ((), ("--json",)):
        asked = ("diff", "1" * 12, "2" * 12, "--policy", "policy.json", *options)
        assert "1b" in commands.run(*asked)
    assert ESCAPED in commands.run("rollback", "1" * 12, "policy.json")
    key = commands.folder / "key"
    key.write_text(hashlib.sha256(b"an admin").hexdigest())
    key.chmod(0o600)
    withdraw = ("withdraw", HOSTILE, "--key-file", "key")
    assert ESCAPED in commands.run(*withdraw, "--policy", "policy.json")
    assert ESCAPED in commands.run(*withdraw, "--policy", HOSTILE)


def test_hostile_state(commands: Commands) -> None:
    """Contributions and follow lists that cannot be used, in files of any name."""
    commands.write("policy.json", {})
    commands.write("event.json", EVENT)
    for folder in ("policy-contributions", "policy-follows"):
        commands.write(f"{folder}/{NAME}", HOSTILE)
        commands.write(f"{folder}/{'ab' * 32}.json", EVENT | {"kind": 12345, HOSTILE: 1})
    asked = ("explain", "policy.json", "--access", "write", "--event", "event.json")
    assert "1b" in commands.run(*asked)
    commands.run("follows", "list", "--policy", "policy.json")


def test_hostile_follow_lists(commands: Commands) -> None:
    """Events that are none, in files of any name."""
    commands.write("policy.json", {})
    commands.write(
        NAME, [EVENT | {"kind": 3}, EVENT | {"id": HOSTILE}, {HOSTILE: HOSTILE}, HOSTILE]
    )
    shown = commands.run("follows", "import", NAME, "--policy", "policy.json")
    assert len(shown.splitlines()) == 5
    assert all(ESCAPED in line for line in shown.splitlines()[:-1])


def test_a_hostile_script(commands: Commands) -> None:
    """What it answers, what it says on standard error, and its file's name."""
    script = commands.folder / HOSTILE
    script.write_text(
        f"#!{sys.executable} -IS\n"
        "import json, sys\n"
        f"hostile = {HOSTILE!a}\n"
        "sys.stderr.write(hostile)\n"
        "for line in sys.stdin:\n"
        "    answer = {'id': json.loads(line)['id'], 'action': 'reject', 'msg': hostile}\n"
        "    print(json.dumps(answer), flush=True)\n"
        "    print(hostile, flush=True)\n"
        "sys.exit(3)\n"
    )
    script.chmod(0o755)
    shown = commands.run("script-check", f"./{HOSTILE}", "--timeout", "5")
    assert shown.count(ESCAPED) > 3


@pytest.fixture
def hostile_relay() -> Iterator[str]:
    """A relay that answers everything with what misleads; its URL."""

    def answer(socket: ServerConnection) -> None:
        for text in socket:
            event = json.loads(text)[1]
            socket.send(json.dumps(["NOTICE", HOSTILE]))
            socket.send(json.dumps(["OK", event["id"], False, f"blocked: {HOSTILE}"]))

    with serve(answer, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        server.shutdown()
        thread.join()


def test_a_relays_hostile_answer(commands: Commands, hostile_relay: str) -> None:
    """As ``sign-update``, ``withdraw`` and the example relay's client show it."""
    key = commands.folder / "key"
    key.write_text(hashlib.sha256(b"an owner").hexdigest())
    key.chmod(0o600)
    owner = PrivateKey(hashlib.sha256(b"an owner").digest()).public_key_xonly.format().hex()
    policy = commands.write("new.json", {"rules": RULES, "owners": [owner]})
    signed = commands.run("sign-update", policy, "--key-file", "key")
    event = json.loads(signed.split("\n")[0])
    assert json.loads(event["content"])["rules"]["1"]["description"] == HOSTILE
    relay = ("--key-file", "key", "--relay", hostile_relay)
    assert ESCAPED in commands.run("sign-update", policy, *relay)
    assert ESCAPED in commands.run("withdraw", "ab" * 32, *relay)
    said = commands.run(HOSTILE, "--relay", hostile_relay, module="example_relay.say")
    assert said.count("\n") == 3
    assert "x1b" in said or "u001b" in said


@pytest.mark.parametrize(
    "arguments",
    [
        (HOSTILE,),
        ("check", "policy.json", HOSTILE),
        ("check", f"--{HOSTILE}"),
        ("explain", "policy.json", "--access", HOSTILE, "--event", "-"),
        ("explain", "policy.json", "--access", "write", "--event", "-", "--ip", HOSTILE),
        ("explain", "policy.json", "--access", "write", "--event", "-", "--authed", HOSTILE),
        ("sign-update", "policy.json", "--key-file", HOSTILE),
        ("sign-update", "policy.json", "--key-file", "key", "--relay", HOSTILE),
        ("script-check", "./x", "--folder", HOSTILE),
    ],
)
def test_a_hostile_command_line(commands: Commands, arguments: tuple[str, ...]) -> None:
    """What was typed, or what a shell's ``*`` stood for, is repeated escaped."""
    commands.write("policy.json", {})
    commands.run(*arguments)


def test_a_missing_option_is_told_as_click_tells_it(commands: Commands) -> None:
    """The choices are lines of their own."""
    commands.write("policy.json", {})
    asked = ("explain", "policy.json", "--event", "-")
    done = forks.completed(CLI, asked, cwd=commands.folder, env=os.environ, timeout=SECONDS)
    assert "Usage: orly-policy explain" in done.stderr
    assert "Missing option '--access'. Choose from:\n\twrite,\n\tread\n" in done.stderr


@pytest.mark.parametrize(
    "arguments", [(HOSTILE,), (f"--{HOSTILE}",), ("--port", HOSTILE), ("--policy", HOSTILE)]
)
def test_the_example_relay_repeats_nothing_raw(
    commands: Commands, arguments: tuple[str, ...]
) -> None:
    """Its command line, and a policy that is not there."""
    assert "1b" in commands.run("--port", "0", *arguments, module="example_relay")


def test_a_wrong_policy_does_not_start_the_example_relay(commands: Commands) -> None:
    """A line a problem."""
    commands.write("policy.json", WRONG_POLICIES["keys"])
    shown = commands.run("--port", "0", "--policy", "policy.json", module="example_relay")
    assert shown.startswith("the relay does not start:\n")
    assert len(shown.splitlines()) == 4


def test_every_cell_of_a_table_is_escaped(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A place of a contribution, whose id is a line of its own, forges none."""
    monkeypatch.setenv("COLUMNS", "1000")
    step = Step(f"contributions.{'ab' * 32}.{HOSTILE}", HOSTILE, HOSTILE, "deny")
    show_steps(Explanation(Decision.reject("blocked: no"), (step,), "0" * 12))
    shown = capsys.readouterr().out
    assert shown.count(ESCAPED) == 3
    assert_harmless(shown)


def test_json_is_the_same_to_a_program(capsys: pytest.CaptureFixture[str]) -> None:
    """What JSON leaves as it is, too, and halves of surrogate pairs."""
    value = {HOSTILE: [HOSTILE, "\ud800", "é"]}
    for indent in (2, None):
        say_json(value, indent)
        shown = capsys.readouterr().out
        assert json.loads(shown) == value
        assert shown.isascii()
        assert_harmless(shown)
        assert (shown.count("\n") == 1) == (indent is None)


def test_what_is_looked_for_would_be_found() -> None:
    """The hostile text has all that it is there to have."""
    assert len(obeyed(HOSTILE)) == 20
    with pytest.raises(AssertionError):
        assert_harmless(f"fine\n   {FORGED}")


@pytest.mark.parametrize("module", ["orly_policy_plugin.cli.showing", "example_relay.showing"])
def test_a_line_is_harmless_and_bounded(commands: Commands, module: str) -> None:
    """Escaped first, then cut; on standard output and on standard error."""
    code = (
        f"from {module} import say, tell\n"
        f"for text in {HOSTILE!a}, {HOSTILE!a} * 1000:\n    say(text), tell(text)\n"
    )
    commands.write("shows.py", code)
    short, long = commands.run(module="shows").split("\n", 3)[:2]
    assert short == printable(HOSTILE)
    assert 1900 < len(long) <= 2000
    assert long.endswith(" more characters)")
