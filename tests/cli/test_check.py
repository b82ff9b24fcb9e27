"""``orly-policy check``."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from orly_policy_plugin.policy import policy_version, read_policy

Write = Callable[[str, Any], Path]
Invoke = Callable[..., Result]
Run = Callable[..., subprocess.CompletedProcess[str]]


def test_a_right_policy_is_summed_up(write: Write, run: Run, alice: str, bob: str) -> None:
    """A policy that can be used: exit 0, its version and a line for each of its parts."""
    path = write(
        "policy.json",
        {
            "default_policy": "deny",
            "owners": [alice],
            "kind": {"blacklist": [5, 6]},
            "global": {"size_limit": 65536, "write_deny": ["c0" * 32]},
            "rules": {
                "30023": {"must_have_tags": ["d"], "max_expiry_duration": "P7D"},
                "1": {"description": "Notes", "content_limit": 9, "write_allow": [alice, bob]},
                "4": {"privileged": True},
                "7": {},
            },
        },
    )
    done = run("check", "policy.json")
    version = policy_version(read_policy(path.read_bytes()))
    assert done.stdout.splitlines() == [
        f"policy.json: version {version}",
        "  default        deny: refused unless a rule says yes",
        "  kinds          all but 5, 6",
        "  global         Events up to 65536 bytes. Write: never 1 key.",
        "  kind 1         “Notes”. Content up to 9 bytes. Write: only 2 keys.",
        "  kind 4         Read: only the author and whom p tags name.",
        "  kind 7         Nothing of its own.",
        "  kind 30023     Write: with the tags d; expires within P7D.",
        "  owners         1",
        "  policy admins  0",
    ]
    assert (done.returncode, done.stderr) == (0, "")


def test_all_problems_are_told_with_their_places(write: Write, run: Run) -> None:
    """A wrong policy: exit 1, a line for each problem on standard error, nothing else."""
    write("policy.json", {"rules": {"1": {"size_limit": -1}, "x": {}}, "ownrs": []})
    done = run("check", "policy.json")
    assert done.returncode == 1
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("policy.json: ") for line in lines)
    places = {line.split(": ")[1] for line in lines}
    assert places == {"rules.1.size_limit", "rules.x", "ownrs"}


def test_a_script_that_cannot_be_run_is_refused(write: Write, invoke: Invoke) -> None:
    """A policy that a relay would refuse at start is refused here, with the field's place."""
    write("policy.json", {"rules": {"1": {"script": "a.sh"}}})
    result = invoke("check", "policy.json")
    assert result.exit_code == 1
    assert result.stderr == "policy.json: rules.1.script: 'a.sh' is not there\n"


def _missing(path: Path) -> None:
    """Nothing there."""


def _directory(path: Path) -> None:
    path.mkdir()


def _symlink_loop(path: Path) -> None:
    path.symlink_to(path)


def _symlink_to_nothing(path: Path) -> None:
    path.symlink_to("elsewhere.json")


def _binary(path: Path) -> None:
    path.write_bytes(b"\x7fELF\x02\x01\x01\0\0\xff\xfe")


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _half_written(path: Path) -> None:
    path.write_text('{"rules": {"1": {"content')


def _latin_1(path: Path) -> None:
    path.write_bytes('{"rules": {"1": {"description": "Grüße"}}}'.encode("latin-1"))


def _no_ordinary_file(path: Path) -> None:
    os.mkfifo(path)


def _deep(path: Path) -> None:
    path.write_text("[" * 100_000)


@pytest.mark.parametrize(
    ("make", "status", "says"),
    [
        (_missing, 2, "is not there"),
        (_directory, 2, "directory"),
        (_symlink_loop, 2, "leads back to itself"),
        (_symlink_to_nothing, 2, "elsewhere.json, which is not there"),
        (_binary, 1, "binary file"),
        (_empty, 1, "empty"),
        (_half_written, 1, "this is not JSON"),
        (_latin_1, 1, "not UTF-8"),
        (_no_ordinary_file, 2, "no ordinary file"),
        (_deep, 1, "nested too deeply"),
    ],
)
def test_a_file_that_is_no_policy_gets_one_clear_line(
    make: Callable[[Path], None], status: int, says: str, folder: Path, run: Run
) -> None:
    """Exit 2 where it cannot be read, else 1; one line with its name, never a traceback."""
    make(folder / "policy.json")
    done = run("check", "policy.json")
    assert (done.returncode, done.stdout) == (status, "")
    [line] = done.stderr.splitlines()
    assert line.startswith("policy.json")
    assert says in line


@pytest.fixture
def not_root(folder: Path) -> Iterator[None]:
    """Run as a user who may not read everything."""
    if os.geteuid() != 0:
        yield
        return
    folder.chmod(0o755)
    os.setresuid(65534, 65534, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


def test_a_file_without_permission_gets_one_clear_line(
    write: Write, invoke: Invoke, request: pytest.FixtureRequest
) -> None:
    """A file that this user may not read says so."""
    write("policy.json", {}).chmod(0)
    request.getfixturevalue("not_root")
    result = invoke("check", "policy.json")
    assert (result.exit_code, result.stdout) == (2, "")
    [line] = result.stderr.splitlines()
    assert line.startswith("policy.json may not be read by this user")


def test_a_path_that_goes_through_a_file_gets_one_clear_line(write: Write, run: Run) -> None:
    """``policy.json/policy.json``, where the first is a file, is told as such."""
    write("policy.json", {})
    done = run("check", "policy.json/policy.json")
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert "no folder" in line


def test_nothing_in_a_policy_reaches_the_terminal_raw(write: Write, invoke: Invoke) -> None:
    """Escape sequences in names and descriptions are shown, not obeyed; a line stays one."""
    policy = {"rules": {"1": {"description": "a\x1b[2J\nb\u202e", "must_have_tags": ["\x07"]}}}
    write("\x1b[31m.json", policy)
    result = invoke("check", "\x1b[31m.json")
    assert result.exit_code == 0
    assert not {"\x1b", "\x07", "\u202e"} & set(result.stdout)
    assert "“a\\x1b[2J\\nb\\u202e”. Write: with the tags \\x07." in result.stdout


def test_nothing_in_a_problem_reaches_the_terminal_raw(write: Write, invoke: Invoke) -> None:
    """A wrong key that holds an escape sequence is told without it."""
    write("policy.json", {"\x1b[2J": 1, "b\nc": 2})
    result = invoke("check", "policy.json")
    assert result.exit_code == 1
    assert "\x1b" not in result.stderr
    assert len(result.stderr.splitlines()) == 2
