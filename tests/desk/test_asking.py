"""Asking workers of which some hang, some talk nonsense, and some have another policy."""

import contextlib
import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from orly_policy_hookspecs import Gate
from orly_policy_plugin.cli.command import orly_policy
from orly_policy_plugin.desk import asking
from orly_policy_plugin.desk.asking import folder_of, names_in
from orly_policy_plugin.plugin import register
from orly_policy_plugin.settings import Settings


@contextlib.contextmanager
def worker(path: Path) -> Iterator[None]:
    """One that runs with the policy, in this process."""
    gate = Gate()
    path.write_text("{}")
    register(gate, Settings(path=path))
    gate.check()
    gate.blocking.start()
    gate.open()
    try:
        yield
    finally:
        gate.blocking.stop()
        gate.blocking.close()


@contextlib.contextmanager
def other(path: Path, answer: bytes | None) -> Iterator[None]:
    """A socket at which a question is answered with this, or never."""
    folder = folder_of(path, None)
    folder.mkdir(exist_ok=True)
    name = folder / "99-other.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(name.relative_to(Path.cwd())))
        listening.listen()

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _ = listening.accept()
                    client.recv(1000)
                    if answer is None:
                        client.recv(1)  # until it goes
                    else:
                        client.sendall(answer)
                    client.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()
            name.unlink(missing_ok=True)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(asking, "ANSWER_SECONDS", 0.5)
    return tmp_path / "policy.json"


def status(path: Path) -> Result:
    return CliRunner().invoke(orly_policy, ["status", str(path), "--json"], catch_exceptions=False)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (None, "timed out"),
        (b"", "it ended"),
        (b"no json\n", "Expecting value"),
        (b'{"pid": "x"}\n', "this is no report"),
        (b'{"error": "too many ask already"}\n', "too many ask already"),
    ],
    ids=["never", "nothing", "nonsense", "no report", "refused"],
)
def test_one_that_does_not_answer_is_named_and_the_others_are_told(
    path: Path, answer: bytes | None, why: str
) -> None:
    """In one line of standard error."""
    with worker(path), other(path, answer):
        done = status(path)
    assert done.exit_code == 0
    assert [each["pid"] for each in json.loads(done.stdout)["workers"]] == [os.getpid()]
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"worker 99 does not answer: {why}")


def test_a_relay_with_another_policy_is_not_meant(path: Path) -> None:
    """It is named: the policy may have been called by another name."""
    with worker(path):
        done = status(path.with_name("other.json"))
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == (
        f"{path.with_name('other.json')}: no relay runs with this policy; "
        f"the state folder's runs with {path}\n"
    )


@pytest.mark.parametrize("answer", [b"no json\n", b"[1]\n", b'{"path": "/other/policy.json"}\n'])
def test_tail_lets_go_of_what_it_cannot_follow(path: Path, answer: bytes) -> None:
    """And says so where nobody is left."""
    with other(path, answer):
        done = CliRunner().invoke(orly_policy, ["tail", str(path)], catch_exceptions=False)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "no relay runs with this policy" in done.stderr


def test_nothing_is_left_where_a_worker_has_ended(path: Path) -> None:
    """Neither its socket nor one that a dead one has left."""
    folder = folder_of(path, None)
    folder.mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str((folder / "1-dead.sock").relative_to(Path.cwd())))
    with worker(path):
        assert [name.partition("-")[0] for name in names_in(folder)] == [str(os.getpid())]
    assert names_in(folder) == []
