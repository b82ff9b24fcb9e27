"""What holds for all commands: exit codes, help, Ctrl-C, closed pipes, poor terminals."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import Any

import click
import forks
import pytest
from click.testing import Result

from orly_policy_plugin.cli import main
from orly_policy_plugin.cli.command import COMMANDS, orly_policy
from orly_policy_plugin.cli.target import POLICY_FILE

Write = Callable[[str, Any], Path]
Invoke = Callable[..., Result]
Run = Callable[..., subprocess.CompletedProcess[str]]

LONG = "a" * 300
MEBIBYTE = 1024 * 1024
FULL = Path("/dev/full")


def test_it_is_installed_as_a_command() -> None:
    """``orly-policy`` starts the same function as ``python -m orly_policy_plugin.cli``."""
    [entry] = entry_points(group="console_scripts", name="orly-policy")
    assert entry.load() is main


def test_version(run: Run) -> None:
    """``--version`` is the distribution's."""
    done = run("--version")
    assert done.stdout == f"orly-policy, version {version('orly-policy-plugin')}\n"
    assert done.returncode == 0


def _commands(group: click.Group, *names: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from _commands(command, *names, name)
        else:
            yield " ".join((*names, name)), command


ALL = dict(_commands(orly_policy))


@pytest.mark.parametrize("name", ["", *ALL])
def test_help(name: str, invoke: Invoke) -> None:
    """Every command has help, which fits 80 columns and mentions the exit status; and an example
    that calls it with options that it has.
    """
    result = invoke(*name.split(), "--help")
    assert result.exit_code == 0
    assert result.stdout == invoke(*name.split(), "-h").stdout
    assert "exit status" in " ".join(result.stdout.split()).lower()
    assert max(map(len, result.stdout.splitlines())) <= 80
    if name:
        shown = re.findall(rf"(?m)^  (?:.* )?orly-policy {name} ?(.*)$", result.stdout)
        assert [line for line in shown if not line.startswith("[OPTIONS]")]
        known = {option for param in ALL[name].params for option in param.opts}
        for line in shown:
            assert set(re.findall(r"(?<= )--[a-z-]+", f" {line.partition('|')[0]}")) <= known


def test_each_commands_line_in_the_help_is_whole(invoke: Invoke) -> None:
    """A newcomer reads what it does, and no ellipsis."""
    told = invoke("--help").stdout.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in told] == list(COMMANDS)
    assert [line for line in told if line.endswith("...")] == []


@pytest.mark.parametrize("group", [(), ("follows",)])
def test_without_a_command_there_is_the_help(group: tuple[str, ...], run: Run) -> None:
    """Of all of them, and of a group."""
    assert run(*group).stderr == run(*group, "--help").stdout


@pytest.mark.parametrize("arguments", [(), ("chekc",), ("--bogus",), ("rollback",)])
def test_a_wrong_call_exits_with_2(arguments: tuple[str, ...], run: Run) -> None:
    """Usage goes to standard error."""
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Usage: orly-policy" in done.stderr


def test_a_mistyped_command_is_told_with_the_nearest(invoke: Invoke) -> None:
    assert "'chekc' is no command; did you mean 'check'?" in invoke("chekc").stderr


WITHOUT_EXTRAS = """
import sys
from orly_policy_plugin.cli.command import COMMANDS, main, orly_policy

for extra in (
    "asyncpg", "lmdb", "monstr", "nostr_relay", "picows", "prometheus_client",
    "psycopg", "sqlalchemy", "uvicorn", "uvloop",
):
    sys.modules[extra] = None
for name in COMMANDS:
    orly_policy.get_command(None, name)
main()
"""


@pytest.mark.parametrize("needs", [("proxy", "--upstream", "ws://127.0.0.1:1"), ("metrics",)])
@pytest.mark.heavy
def test_only_what_needs_an_extra_asks_for_it(needs: tuple[str, ...]) -> None:
    """In a line; all other commands, and every command's help, are there without."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_EXTRAS, *needs], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert f"'.[{needs[0]}]', in a clone" in done.stderr
    assert done.stderr.count("\n") <= 2


def test_the_policy_file_is_named_one_way(invoke: Invoke) -> None:
    """An argument, or an option where the arguments are other files; the same words in each help,
    and the same default.
    """
    named = {
        name: parameter
        for name, command in _commands(orly_policy)
        for parameter in command.params
        if parameter.name == "policy"
    }
    arguments = {name for name, found in named.items() if isinstance(found, click.Argument)}
    assert arguments == {
        *(
            "check",
            "explain",
            "history",
            "lint",
            "metrics",
            "plugins",
            "promote",
            "rollback",
            "status",
        ),
        *("strfry", "tail"),
    }
    options = {"diff", "follows import", "follows list", "proxy", "set", "sign-update", "withdraw"}
    assert named.keys() - arguments == options
    for name in named:
        told = " ".join(invoke(*name.split(), "--help").stdout.split())
        assert f"{'POLICY:' if name in arguments else '--policy POLICY'} {POLICY_FILE}" in told


@pytest.mark.parametrize("name", ["check", "history"])
def test_the_environments_policy_is_the_default(name: str, write: Write, run: Run) -> None:
    """``ORLY_POLICY_PATH``, or the configuration folder's."""
    path = write("else.json", {})
    done = run(name, ORLY_POLICY_PATH=str(path))
    assert (done.returncode, str(path) in done.stdout + done.stderr) == (0, True)
    nowhere = {"ORLY_POLICY_PATH": "", "XDG_CONFIG_HOME": str(path.parent)}
    missing = run(name, **nowhere)
    assert missing.returncode == 2
    assert missing.stderr.startswith(str(path.parent / "ORLY" / "policy.json"))


def test_ctrl_c_ends_it_quietly(write: Write, folder: Path, command: list[str]) -> None:
    """Interrupted while it waits for an event: exit 130, as a shell has it, and no traceback."""
    write("policy.json", {})
    os.mkfifo(folder / "event")
    with (
        subprocess.Popen(
            [*command, "explain", "policy.json", "--access", "write", "--event", "event"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process,
        (folder / "event").open("wb"),
    ):  # returns once the command has opened it to read
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert (out, err.strip()) == (b"", b"")


TALKATIVE = [
    *(
        "check",
        "diff",
        "explain",
        "history",
        "init",
        "lint",
        "plugins",
        "replay",
        "schema",
        "test",
    ),
    "--help",
]


@pytest.fixture(params=TALKATIVE)
def talkative(
    request: pytest.FixtureRequest, write: Write, event: Callable[..., dict[str, Any]]
) -> list[str]:
    """Arguments of a command that has something to print."""
    write("policy.json", {"kind": {"whitelist": [1]}})
    write("event.json", event())
    case = {"access": "write", "event": event(), "allowed": False}
    write("suite.jsonl", {"name": "many", "now": 0, "policy": {}, "cases": [case] * 500})
    arguments = {
        "check": ["policy.json"],
        "lint": ["policy.json"],
        "diff": ["policy.json", "policy.json"],
        "replay": ["policy.json", "event.json"],
        "explain": ["policy.json", "--access", "read", "--event", "event.json"],
        "test": ["suite.jsonl"],
        "history": ["policy.json", "--json"],
        "init": ["--list"],
        "plugins": ["policy.json", "--json"],
    }
    return [request.param, *arguments.get(request.param, [])]


def test_a_closed_pipe_ends_it_quietly(talkative: list[str], run: Run) -> None:
    """``| head`` leaves no traceback behind."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = run(*talkative, stdout=write_end)
    os.close(write_end)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_told(talkative: list[str], run: Run) -> None:
    """Output that could not be written is no success."""
    done = run(*talkative, stdout=FULL)
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert line.startswith("orly-policy: ")


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
def test_a_problem_that_cannot_be_told_is_in_the_exit_status(run: Run) -> None:
    """Where standard error is on the full disk."""
    assert run("--bogus", stderr=FULL).returncode == 2


def test_a_closed_output_is_told(talkative: list[str], run: Run) -> None:
    """``>&-``: what cannot be printed is no success, and no traceback."""
    done = run(*talkative, stdout=None)
    assert (done.returncode, done.stderr) == (2, "orly-policy: standard output is closed\n")


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize(("redirected", "status"), [("> /dev/full", 2), (">&-", 2)])
@pytest.mark.heavy
def test_python_as_it_starts_says_the_same(
    redirected: str, status: int, command: list[str]
) -> None:
    """Not only a process that was forked."""
    line = f"{shlex.join(command)} schema {redirected}"
    done = subprocess.run(["sh", "-c", line], capture_output=True, timeout=30, check=False)
    assert done.returncode == status
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("arguments", [("diff", LONG, "policy.json"), ("history", LONG)])
def test_a_name_that_no_file_can_have_is_told(
    arguments: tuple[str, ...], write: Write, run: Run
) -> None:
    """Exit 2 where 1 would say that two policies differ."""
    write("policy.json", {})
    done = run(*arguments)
    assert "Traceback" not in done.stderr
    assert LONG in done.stderr
    assert done.returncode == 2


MISSING = [
    ("check", "missing"),
    ("diff", "missing", "policy.json"),
    ("diff", "policy.json", "missing"),
    ("explain", "missing", "--access", "read", "--event", "event.json"),
    ("explain", "policy.json", "--access", "read", "--event", "missing"),
    (
        "explain",
        "policy.json",
        "--access",
        "read",
        "--event",
        "event.json",
        "--follows",
        "missing",
    ),
    ("follows", "import", "missing", "--policy", "policy.json"),
    ("follows", "list", "--policy", "missing"),
    ("history", "missing"),
    ("lint", "missing"),
    ("history", "--json", "missing"),
    ("replay", "missing", "event.json"),
    ("replay", "policy.json", "event.json", "--against", "missing"),
    ("replay", "policy.json", "--relay-config", "missing"),
    ("rollback", "0123456789ab", "missing"),
    ("script-check", "missing"),
    ("script-check", "script", "--event", "missing"),
    ("script-check", "script", "--folder", "missing"),
    ("sign-update", "missing", "--key-file", "key"),
    ("sign-update", "policy.json", "--key-file", "missing"),
    ("sign-update", "policy.json", "--key-file", "key", "--policy", "missing"),
    ("test", "missing"),
    ("test", "event.json", "--policy", "missing"),
    ("plugins", "missing"),
    ("promote", "missing"),
    ("proxy", "--upstream", "ws://127.0.0.1:1", "--policy", "missing"),
    ("set", "kind.blacklist+=4", "--policy", "missing"),
    ("status", "missing"),
    ("strfry", "missing"),
    ("tail", "missing"),
    ("withdraw", "ab" * 32, "--key-file", "missing"),
    ("withdraw", "ab", "--key-file", "key", "--policy", "missing"),
]


@pytest.fixture
def all_but_one(write: Write, event: Callable[..., dict[str, Any]]) -> None:
    """The files that these name beside the missing one."""
    write("policy.json", {})
    write("event.json", event())
    write("key", "ab" * 32).chmod(0o600)
    write("script", "#!/bin/sh\n").chmod(0o700)


@pytest.mark.usefixtures("all_but_one")
@pytest.mark.parametrize("arguments", MISSING, ids=" ".join)
def test_a_named_file_that_is_missing_is_exit_2(
    arguments: tuple[str, ...], folder: Path, invoke: Invoke
) -> None:
    """Standard error says so, and nothing is written."""
    before = sorted(path.name for path in folder.iterdir())
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert result.stdout in ("", "[]\n") or "nothing was tested" in result.stdout
    assert ("no version" if "rollback" in arguments else "missing") in result.stderr
    assert sorted(path.name for path in folder.iterdir()) == before


NO_FILES: dict[str, bytes | None] = {
    "binary": bytes([0xFF, 0x00, 0x80, 0xFE]) * 10,
    "empty": b"",
    "a folder": None,
    "nested deeply": b"[" * 100_000,
    "a lone surrogate": rb'"\ud800"',
}
GOES_ON = {("history", "missing"), ("history", "--json", "missing")}
"""It tells of the file, and goes on: the history is the way back."""


@pytest.mark.usefixtures("all_but_one")
@pytest.mark.parametrize("content", NO_FILES.values(), ids=NO_FILES)
@pytest.mark.heavy
def test_a_named_file_that_cannot_be_used_is_told(
    content: bytes | None, write: Write, folder: Path, invoke: Invoke
) -> None:
    """By all commands, in a line or two; what is there stays as it is."""
    if content is None:
        (folder / "missing").mkdir()
    else:
        write("missing", content).chmod(0o600)
    before = contents(folder)
    for arguments in MISSING:
        result = invoke(*arguments)
        assert result.exit_code in (1, 2) or arguments in GOES_ON, arguments
        assert 0 < len(result.stderr) < 400 or arguments[:2] == ("script-check", "script")
        assert contents(folder).items() >= before.items(), arguments


def contents(folder: Path) -> dict[str, bytes | None]:
    return {path.name: path.read_bytes() if path.is_file() else None for path in folder.iterdir()}


UNREADABLE = {
    "check": ("check", "secret"),
    "explain": ("explain", "policy.json", "--access", "read", "--event", "secret"),
    "follows": ("follows", "import", "secret", "--policy", "policy.json"),
    "key": ("sign-update", "policy.json", "--key-file", "secret"),
    "replay": ("replay", "policy.json", "secret"),
    "set": ("set", "kind.blacklist+=4", "--policy", "secret"),
    "strfry": ("strfry", "secret"),
    "test": ("test", "secret"),
}


@pytest.mark.parametrize("arguments", UNREADABLE.values(), ids=UNREADABLE)
def test_a_named_file_that_may_not_be_read_is_exit_2(
    arguments: tuple[str, ...], write: Write, run: Run
) -> None:
    """Standard error names it, and says why."""
    write("policy.json", {})
    write("secret", {}).chmod(0)
    done = run(*arguments, preexec_fn=forks.without_override)
    assert done.returncode == 2
    assert done.stderr.count("\n") <= 2
    assert "secret" in done.stderr
    assert re.search("[Pp]ermission denied|may not be read", done.stderr)


@pytest.mark.heavy
def test_a_poor_terminal_gets_escapes(
    write: Write, event: Callable[..., dict[str, Any]], folder: Path, command: list[str]
) -> None:
    """Where the output is Latin-1, what that lacks is escaped, and no encoding error ends it."""
    write("policy.json", {"rules": {"1": {"description": "Grüße", "read_allow": ["a1" * 32]}}})
    write("event.json", event())

    def output(*arguments: str) -> str:
        latin = {**os.environ, "PYTHONIOENCODING": "latin-1"}
        done = subprocess.run([*command, *arguments], capture_output=True, env=latin, check=True)
        return done.stdout.decode("latin-1")

    assert "\\u201cGrüße\\u201d. Read: only 1 key." in output("check", "policy.json")
    asked = ("--access", "read", "--event", "event.json", "--authed", "a1" * 32)
    assert "submitter a1a1a1a1\\u2026" in output("explain", "policy.json", *asked)


def test_a_file_name_that_is_no_text_is_shown_escaped(folder: Path, run: Run) -> None:
    """A name in another encoding than the system's does not end in a traceback."""
    name = os.fsdecode(b"gr\xfc\xdfe.json")
    Path(name).write_text(json.dumps({"rulse": {}}))
    done = run("check", name)
    assert done.returncode == 1
    assert done.stderr.startswith("gr\\udcfc\\udcdfe.json: rulse: ")


ENDLESS = {
    "event": ("explain", "policy.json", "--access", "write", "--event", "endless"),
    "follows": (
        "explain",
        "policy.json",
        "--access",
        "read",
        "--event",
        "e",
        "--follows",
        "endless",
    ),
    "import": ("follows", "import", "endless", "--policy", "policy.json"),
    "replay": ("replay", "policy.json", "endless"),
    "sign-update": ("sign-update", "endless", "--key-file", "key"),
    "test": ("test", "endless"),
    "check": ("check", "endless"),
    "diff": ("diff", "endless", "policy.json"),
    "lint": ("lint", "endless"),
    "set": ("set", "kind.blacklist+=4", "--policy", "endless"),
    "standard input": ("explain", "policy.json", "--access", "write", "--event", "-"),
}


@pytest.mark.parametrize("what", ENDLESS)
def test_what_has_no_end_is_not_read_to_it(
    what: str,
    write: Write,
    folder: Path,
    run: Run,
    event: Callable[..., dict[str, Any]],
) -> None:
    """16 MiB are the most, of a policy 8; the file is named. This one would be a gigabyte."""
    write("policy.json", {})
    write("e", event())
    write("key", "ab" * 32).chmod(0o600)
    with (folder / "endless").open("wb") as endless:
        endless.truncate(1024 * MEBIBYTE)  # a hole, on most disks without a block
    done = run(*ENDLESS[what], stdin=folder / "endless", preexec_fn=forks.little_memory)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    name = "standard input" if what == "standard input" else "endless"
    assert done.stderr.startswith(name)
    assert re.search("is over (16 MiB|8388608 bytes)", done.stderr)


def test_no_line_is_longer_than_can_be_read(
    write: Write, event: Callable[..., dict[str, Any]], run: Run
) -> None:
    """Nor a cell of a table; only JSON is whole."""
    tag = "x" * 100_000
    write(
        "policy.json", {"rules": {"1": {"must_have_tags": [tag], "tag_validation": {tag: "^a"}}}}
    )
    write("event.json", event(tags=[[tag, tag]]))
    write("wrong.json", {tag: 1})
    asked = ("explain", "policy.json", "--access", "write", "--event", "event.json")
    for arguments in (
        ("check", "policy.json"),
        asked,
        ("explain", "policy.json", "--access", "write", "--event", "wrong.json"),
        ("check", tag),
        ("check", f"--{tag}"),
    ):
        done = run(*arguments)
        assert len(done.stdout + done.stderr) < 20_000, arguments
    assert "more characters)" in run("check", "policy.json").stdout
    assert tag in run(*asked, "--json").stdout


@pytest.mark.parametrize("digits", [18, 30, 5000])
def test_a_number_of_bytes_of_any_length_is_no_traceback(
    digits: int, write: Write, run: Run
) -> None:
    """As large as it may be, it is obeyed; larger, it is told."""
    write("policy.json", {})
    done = run("check", "policy.json", ORLY_POLICY_MAX_BYTES="9" * digits)
    assert "Traceback" not in done.stderr
    if digits == 18:
        assert done.returncode == 0
    else:
        assert done.stderr.startswith("ORLY_POLICY_MAX_BYTES: '999")
