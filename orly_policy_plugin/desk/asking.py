"""Asking the workers of a relay: through the sockets that are in its state folder."""

import contextlib
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import attrs

from ..errors import PolicyError
from ..socket_paths import short_path
from .relay import Relay
from .reports import Report
from .server import ENDING, FOLDER

ANSWER_SECONDS: Final = 5.0
MOST_ANSWER_BYTES: Final = 256 * 1024 * 1024


class NobodyThere(PolicyError):
    """No worker answers."""


@attrs.define(eq=False)
class Line:
    """A connection to one worker."""

    name: str
    """Of its socket."""
    connection: socket.socket
    _received: bytes = b""

    def receive(self) -> Iterator[dict[str, Any]]:
        """The JSON objects that have come.

        :raises ValueError: it is something else.
        :raises EOFError: the worker has closed.
        :raises OSError: the connection is broken, or nothing comes for too long.
        """
        more = self.connection.recv(1 << 16)
        if not more:
            raise EOFError
        *lines, self._received = (self._received + more).split(b"\n")
        for line in lines:
            value = json.loads(line)
            if not isinstance(value, dict):
                raise ValueError("it does not send objects")  # noqa: TRY004 -- as json.loads raises
            yield value

    def answer(self, deadline: float) -> Any:
        """The one JSON value that comes, until a moment of the monotonic clock.

        :raises EOFError, OSError: it did not come.
        """
        parts: list[bytes] = []
        size = 0
        while size < MOST_ANSWER_BYTES:
            self.connection.settimeout(max(deadline - time.monotonic(), 0.001))
            part = self.connection.recv(1 << 16)
            if not part:
                raise EOFError
            parts.append(part)
            size += len(part)
            if part.endswith(b"\n"):
                return json.loads(b"".join(parts))
        raise OSError("its answer is too long")


def folder_of(policy: Path, state: Path | None) -> Path:
    """The folder of the workers' sockets.

    :param state: the state folder; the policy file's own where ``None``.
    """
    return (state or policy.absolute().parent) / FOLDER


def names_in(folder: Path) -> list[str]:
    """The names of the sockets that there are.

    :raises PolicyError: the folder cannot be listed.
    """
    try:
        return sorted(each.name for each in folder.iterdir() if each.name.endswith(ENDING))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise PolicyError(
            f"{folder}: {error.strerror}; ask as the user that the relay runs as"
        ) from error


def connected(folder: Path, name: str, question: object) -> Line | None:
    """Ask one worker; ``None`` where it is gone: then its socket is removed.

    :raises OSError: it is there, and does not take the question.
    """
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(ANSWER_SECONDS)
        with short_path(folder, name) as path:
            connection.connect(path)
        connection.sendall(json.dumps(question).encode() + b"\n")
        return Line(name, connection)
    except (ConnectionRefusedError, FileNotFoundError):
        connection.close()
        with contextlib.suppress(OSError):
            (folder / name).unlink(missing_ok=True)
        return None
    except BaseException:
        connection.close()
        raise


def remove_stale(folder: Path) -> None:
    """Remove the sockets of workers that have ended without a word."""
    for name in names_in(folder):
        with socket.socket(socket.AF_UNIX) as connection, contextlib.suppress(OSError):
            connection.setblocking(False)  # whoever is there is let be
            try:
                with short_path(folder, name) as path:
                    connection.connect(path)
            except ConnectionRefusedError:
                (folder / name).unlink(missing_ok=True)


def ask_relay(policy: Path, state: Path | None, problems: list[str]) -> Relay:
    """Have all workers that have this policy tell of themselves.

    :param problems: gets a line for each that does not answer.
    :raises NobodyThere: there is none.
    :raises PolicyError: the folder of their sockets cannot be read.
    """
    folder, reports = folder_of(policy, state), list[Report]()
    deadline = time.monotonic() + ANSWER_SECONDS
    for name in names_in(folder):
        try:
            line = connected(folder, name, {"ask": "status"})
            if line is not None:
                with line.connection:
                    reports.append(_report(line, deadline))
        except (OSError, EOFError, ValueError) as error:
            worker, why = name.partition("-")[0], str(error) or "it ended"
            problems.append(f"worker {worker} does not answer: {why}")
    absolute = policy.absolute()
    mine = [report for report in reports if Path(report.path) == absolute]
    if mine:
        return Relay(sorted(mine, key=lambda report: report.pid))
    others = ", ".join(sorted({report.path for report in reports}))
    raise NobodyThere(
        f"{policy}: no relay runs with this policy"
        + (f"; the state folder's runs with {others}" if others else "")
    )


def _report(line: Line, deadline: float) -> Report:
    """:raises ValueError: the worker answers otherwise."""
    value = line.answer(deadline)
    if isinstance(value, dict) and "error" in value:
        raise ValueError(value["error"])
    return Report.of_json(value)
