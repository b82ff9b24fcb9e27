"""What holds for all commands: exit codes, help, Ctrl-C, closed pipes, poor terminals."""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from orly_policy_plugin.cli import main

Write = Callable[[str, Any], Path]
Invoke = Callable[..., Result]
Run = Callable[..., subprocess.CompletedProcess[str]]


def test_it_is_installed_as_a_command() -> None:
    """``orly-policy`` starts the same function as ``python -m orly_policy_plugin.cli``."""
    [entry] = entry_points(group="console_scripts", name="orly-policy")
    assert entry.load() is main


def test_version(run: Run) -> None:
    """``--version`` is the distribution's."""
    done = run("--version")
    assert done.stdout == f"orly-policy, version {version('orly-policy-plugin')}\n"
    assert done.returncode == 0


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        *(
            (name,)
            for name in (
                "check",
                "diff",
                "explain",
                "follows",
                "history",
                "rollback",
                "sign-update",
                "test",
            )
        ),
        ("follows", "list"),
        ("follows", "import"),
    ],
)
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help(arguments: tuple[str, ...], option: str, invoke: Invoke) -> None:
    """Every command has help, which fits 80 columns and mentions the exit status."""
    result = invoke(*arguments, option)
    assert result.exit_code == 0
    assert "exit status" in " ".join(result.stdout.split()).lower()
    assert max(map(len, result.stdout.splitlines())) <= 80


@pytest.mark.parametrize("arguments", [(), ("chekc",), ("--bogus",), ("check",)])
def test_a_wrong_call_exits_with_2(arguments: tuple[str, ...], run: Run) -> None:
    """Usage goes to standard error."""
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Usage: orly-policy" in done.stderr


def test_ctrl_c_ends_it_quietly(write: Write, folder: Path, command: list[str]) -> None:
    """Interrupted while it waits for an event: exit 130, as a shell has it, and no traceback."""
    write("policy.json", {})
    os.mkfifo(folder / "event")
    with (
        subprocess.Popen(
            [*command, "explain", "policy.json", "--access", "write", "--event", "event"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=_obey_ctrl_c,
        ) as process,
        (folder / "event").open("wb"),
    ):  # returns once the command has opened it to read
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert (out, err.strip()) == (b"", b"")


def _obey_ctrl_c() -> None:
    """A test run in the background may have been told to ignore it, and children inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(params=["check", "explain", "test", "--help"])
def talkative(
    request: pytest.FixtureRequest,
    write: Write,
    event: Callable[..., dict[str, Any]],
    command: list[str],
) -> list[str]:
    """A command line that has something to print."""
    write("policy.json", {})
    write("event.json", event())
    case = {"access": "write", "event": event(), "allowed": False}
    write("suite.jsonl", {"name": "many", "now": 0, "policy": {}, "cases": [case] * 500})
    arguments = {
        "check": ["policy.json"],
        "explain": ["policy.json", "--access", "read", "--event", "event.json"],
        "test": ["suite.jsonl"],
    }
    return [*command, request.param, *arguments.get(request.param, [])]


def test_a_closed_pipe_ends_it_quietly(talkative: list[str]) -> None:
    """``| head`` leaves no traceback behind."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "wb") as pipe:
        done = subprocess.run(
            talkative, stdout=pipe, stderr=subprocess.PIPE, timeout=30, check=False
        )
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_told(talkative: list[str]) -> None:
    """Output that could not be written is no success."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            talkative, stdout=full, stderr=subprocess.PIPE, timeout=30, check=False
        )
    assert done.returncode == 1
    [line] = done.stderr.decode().splitlines()
    assert line.startswith("orly-policy: ")


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
