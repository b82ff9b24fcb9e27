"""A worker's socket: whoever asks well is answered, whatever others do."""

import contextlib
import gc
import json
import socket
import threading
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any

import pytest
from live.making import eventually

from orly_policy_plugin.desk import server as of_server
from orly_policy_plugin.desk.asking import connected, names_in, remove_stale
from orly_policy_plugin.desk.server import MOST_CONNECTIONS, THREAD_NAME, SocketServer
from orly_policy_plugin.errors import PolicyError
from orly_policy_plugin.socket_paths import short_path


def answer(question: Any) -> AsyncGenerator[object, None]:
    """Counts to what is asked, or without an end."""
    if not isinstance(question, int):
        raise PolicyError("no number")

    async def counting() -> AsyncGenerator[object, None]:
        for number in range(question):
            yield number

    return counting()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Longer than a socket's path may be."""
    return tmp_path / ("long" * 30) / "workers"


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[SocketServer]:
    made = SocketServer(folder, answer)
    made.start()
    try:
        yield made
    finally:
        made.stop()


def ask(folder: Path, question: object) -> list[Any]:
    """All lines of an answer."""
    (name,) = names_in(folder)
    line = connected(folder, name, question)
    assert line is not None
    with line.connection, line.connection.makefile() as lines:
        return [json.loads(each) for each in lines]


def test_a_question_is_answered(folder: Path) -> None:
    """Again and again; nobody but the relay's user can ask."""
    with serving(folder):
        assert ask(folder, 3) == [0, 1, 2]
        assert ask(folder, "3") == [{"error": "no number"}]
        assert ask(folder, 1) == [0]
        assert folder.stat().st_mode & 0o777 == 0o700
    assert names_in(folder) == []
    assert not [each for each in threading.enumerate() if each.name == THREAD_NAME]


def test_a_folder_that_is_open_to_others_is_closed(folder: Path) -> None:
    """Before there is a socket in it."""
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    with serving(folder):
        assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"\n",
        b"{",
        b"no json\n",
        b"\xff\xfe\n",
        b"[" * 60_000 + b"\n",
        b"x" * 1_000_000,
    ],
    ids=["nothing", "empty", "half", "text", "binary", "deep", "endless"],
)
def test_what_is_no_question_ends_itself_alone(
    folder: Path, sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """It is not even worth a line in the log."""
    with serving(folder):
        (name,) = names_in(folder)
        line = connected(folder, name, 0)
        assert line is not None
        line.connection.close()
        with socket.socket(socket.AF_UNIX) as rude, contextlib.suppress(OSError):
            with of_server.short_path(folder, name) as path:
                rude.connect(path)
            rude.sendall(sent)
            rude.shutdown(socket.SHUT_WR)
            rude.settimeout(20)
            rude.recv(1000)
        assert ask(folder, 2) == [0, 1]
    assert caplog.text == ""


def test_those_who_hang_hinder_nobody(folder: Path) -> None:
    """Some ask nothing, some do not read; beyond the most that ask at a time, one is told so."""
    with serving(folder), contextlib.ExitStack() as hanging:
        (name,) = names_in(folder)
        for number in range(MOST_CONNECTIONS - 1):
            client = hanging.enter_context(socket.socket(socket.AF_UNIX))
            with of_server.short_path(folder, name) as path:
                client.connect(path)
            if number % 2:
                client.sendall(b"10000000\n")  # never read
        assert ask(folder, 2) == [0, 1]
        last = hanging.enter_context(socket.socket(socket.AF_UNIX))
        with of_server.short_path(folder, name) as path:
            last.connect(path)
        eventually(lambda: ask(folder, 2) == [{"error": "too many ask already"}])
        last.close()
        eventually(lambda: ask(folder, 2) == [0, 1])


def test_one_who_goes_is_forgotten(folder: Path) -> None:
    """In the middle of an answer."""
    with serving(folder) as server:
        for _ in range(MOST_CONNECTIONS + 1):
            (name,) = names_in(folder)
            line = connected(folder, name, 10_000_000)
            assert line is not None
            line.connection.recv(10)
            line.connection.close()
            eventually(lambda: not server._talking)


def test_one_who_comes_at_the_end_leaves_no_socket_open(folder: Path) -> None:
    """Whether it was heard by then or not."""
    for _ in range(30):
        made = SocketServer(folder, answer)
        made.start()
        (name,) = names_in(folder)
        with socket.socket(socket.AF_UNIX) as client, short_path(folder, name) as path:
            client.connect(path)
            made.stop()
            client.settimeout(10)
            with contextlib.suppress(ConnectionError):
                assert client.recv(1) == b""
    gc.collect()  # what was not closed is a warning, and that an error


def test_sockets_of_the_dead_are_removed(folder: Path) -> None:
    """By the next worker that starts, or whoever asks."""
    folder.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as dead, of_server.short_path(folder, "1-a.sock") as path:
        dead.bind(path)
        dead.listen()
    with socket.socket(socket.AF_UNIX) as dead, of_server.short_path(folder, "2-b.sock") as path:
        dead.bind(path)
        dead.listen()
    assert connected(folder, "1-a.sock", 1) is None
    assert names_in(folder) == ["2-b.sock"]
    with serving(folder):
        remove_stale(folder)
        assert ask(folder, 1) == [0]


def test_a_folder_in_which_there_can_be_no_socket_is_told(folder: Path) -> None:
    """Such as one that is a file."""
    folder.parent.mkdir()
    folder.write_text("")
    with pytest.raises(PolicyError, match="no socket can be made there"):
        SocketServer(folder, answer).start()
