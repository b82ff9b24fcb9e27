"""How these tests run the command, and what they give it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import forks
import pytest
from click.testing import CliRunner, Result

from orly_policy_plugin.cli.command import orly_policy

ALICE = "a1" * 32
BOB = "b0" * 32
MODULE = "orly_policy_plugin.cli"
COMMAND = [sys.executable, "-m", MODULE]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the current one, so that messages have short file names."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def write(folder: Path) -> Callable[[str, Any], Path]:
    """Write a value as a JSON file, or a text or bytes as they are."""

    def write(name: str, value: Any) -> Path:
        content = value if isinstance(value, (str, bytes)) else json.dumps(value)
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def invoke() -> Callable[..., Result]:
    """Run the command in this process. An exception that it does not handle fails the test."""

    def invoke(*arguments: str, stdin: str | None = None) -> Result:
        runner = CliRunner(env={"COLUMNS": "80", "FORCE_COLOR": None, "NO_COLOR": None})
        return runner.invoke(orly_policy, arguments, input=stdin, catch_exceptions=False)

    return invoke


@pytest.fixture
def run(folder: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command as a process of its own."""

    def run(
        *arguments: str,
        stdin: str | Path = "",
        stdout: forks.Stream = forks.CAPTURED,
        stderr: forks.Stream = forks.CAPTURED,
        preexec_fn: Callable[[], None] | None = None,
        **environment: str,
    ) -> subprocess.CompletedProcess[str]:
        return forks.completed(
            MODULE,
            arguments,
            cwd=folder,
            env={**os.environ, "COLUMNS": "80", **environment},
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            preexec_fn=preexec_fn,
            timeout=60,
        )

    return run


@pytest.fixture
def command() -> list[str]:
    """How the command is started as a process."""
    return COMMAND


@pytest.fixture
def event() -> Callable[..., dict[str, Any]]:
    """An event of NIP-01 with a made up id and signature, some of its fields given."""

    def event(**fields: Any) -> dict[str, Any]:
        made = {
            "id": "e0" * 32,
            "pubkey": ALICE,
            "created_at": 1_700_000_000,
            "kind": 1,
            "tags": [],
            "content": "hello",
            "sig": "50" * 64,
        }
        return made | fields

    return event


@pytest.fixture
def alice() -> str:
    """A pubkey."""
    return ALICE


@pytest.fixture
def bob() -> str:
    """Another pubkey."""
    return BOB
