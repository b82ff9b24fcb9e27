"""A relay as a process of its own, and connections to it."""

import asyncio
import contextlib
import functools
import os
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final, Literal

import attrs
import websockets

from . import ROOT

Which = Literal["policy", "gate", "bare"]
"""The example relay with a policy, the same with its policy switched off, and nostr-relay alone
with checks of ids and signatures.
"""
Storage = Literal["sqlite", "lmdb"]
IN_FLIGHT: Final = 16
"""Events of one connection that are not answered yet."""
SECONDS: Final = 60
"""The longest time for a start or one measurement."""
_OPTIONS: Final[dict[str, Any]] = {"max_size": None, "compression": None}


@attrs.frozen
class Relay:
    """A relay that runs."""

    url: str
    pid: int
    said: Path
    """The lines that it prints."""

    def cpu_seconds(self) -> float | None:
        """The processor's time that it has taken; ``None`` where the system does not say."""
        try:
            fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def tasks(self) -> list[int]:
        """The numbers of tasks, one for each time that it was asked by SIGUSR1."""
        return list(map(int, re.findall(r"tasks: (\d+)", self.said.read_text())))

    def memory_kilobytes(self) -> float:
        """The resident memory that is its own, without mapped files."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"RssAnon:\s+(\d+) kB", status)
        if found is None:
            raise RuntimeError("this system does not say how much memory a process has")
        return float(found[1])


@contextlib.contextmanager
def relay(
    which: Which, policy: Path, folder: Path, storage: Storage = "sqlite"
) -> Iterator[Relay]:
    """Start a relay, and end it.

    :raises RuntimeError: it does not start; the message is what it said.
    """
    child = "bare" if which == "bare" else "policy"
    command = ["benchmarks.relay_child", child, "--port", "0", "--policy", str(policy)]
    command += ["--data", str(folder / "data"), "--storage", storage]
    enabled = "false" if which == "gate" else "true"
    with _started(
        command, folder, r"(?s)(ws://\S+).*Ctrl-C stops", ORLY_POLICY_ENABLED=enabled
    ) as relay:
        yield relay


@contextlib.contextmanager
def proxy(upstream: Relay, policy: Path, folder: Path) -> Iterator[Relay]:
    """Start ``orly-policy proxy`` before a relay, and end it.

    :raises RuntimeError: it does not start; the message is what it said.
    """
    command = ["orly_policy_plugin.cli", "proxy", "--listen", "127.0.0.1:0"]
    command += ["--policy", str(policy), "--upstream", upstream.url]
    with _started(command, folder, r"clients connect to (ws://\S+)\n") as relay:
        yield relay


@contextlib.contextmanager
def _started(
    command: Sequence[str], folder: Path, greeting: str, **environment: str
) -> Iterator[Relay]:
    """A module that runs as a process.

    :param greeting: a pattern for its output, of which a group is its URL.
    """
    folder.mkdir()
    said = folder / "output.txt"
    with said.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 -- this Python, a module of ours
            [sys.executable, "-m", *command],
            cwd=ROOT,
            env={**os.environ, "PYTHONWARNINGS": "ignore", **environment},
            stdout=output,
            stderr=output,
        )
    try:
        yield Relay(_url(process, said, greeting), process.pid, said)
    finally:
        process.kill()
        process.wait(SECONDS)


def _url(process: "subprocess.Popen[bytes]", said: Path, greeting: str) -> str:
    deadline = time.monotonic() + SECONDS
    while (found := re.search(greeting, said.read_text())) is None:
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the relay does not start:\n{said.read_text()}")
        time.sleep(0.05)
    return found[1]


_Do = Callable[[websockets.ClientConnection, Sequence[str]], Coroutine[Any, Any, None]]


class Connections:
    """Several clients' connections. Messages are sent as texts that were made beforehand."""

    def __init__(self, sockets: Sequence[websockets.ClientConnection]) -> None:
        self._sockets = sockets

    async def write(self, messages: Sequence[str]) -> float:
        """Send EVENT messages, each connection its share with :data:`IN_FLIGHT` at a time, and
        return the seconds until every one was answered OK.

        :raises ValueError: one was not accepted.
        """
        return await self._all(_write, messages)

    async def read(self, requests: Sequence[str], stored: int) -> float:
        """Send REQ messages, each connection its share, and return the seconds until the last
        stored event has come.

        :raises ValueError: a REQ was not served, or not with so many events.
        """
        return await self._all(functools.partial(_read, stored), requests)

    async def subscribe(self, filter_: str, each: int) -> None:
        """Open subscriptions on every connection, which stay open.

        :param filter_: as JSON.
        :param each: how many on one connection.
        """
        await self._all(functools.partial(_subscribe, filter_, each), ())

    async def publish(self, message: str, each: int) -> float:
        """Send one EVENT and return the seconds until all subscriptions have it.

        :param each: how many there are on one connection.
        """
        await self._sockets[0].send(message)
        return await self._all(functools.partial(_receive, each), ())

    async def _all(self, do: _Do, messages: Sequence[str]) -> float:
        count = len(self._sockets)
        start = time.perf_counter()
        async with asyncio.timeout(SECONDS), asyncio.TaskGroup() as group:
            for number, socket in enumerate(self._sockets):
                group.create_task(do(socket, messages[number::count]))
        return time.perf_counter() - start


async def _write(socket: websockets.ClientConnection, messages: Sequence[str]) -> None:
    waiting = iter(messages)
    for message in islice(waiting, IN_FLIGHT):
        await socket.send(message)
    answered = 0
    while answered < len(messages):
        text = await socket.recv(decode=False)
        if text.startswith(b'["AUTH"'):
            continue
        if not text.startswith(b'["OK"') or b"true" not in text:
            raise ValueError(f"the relay said {text!r}")
        answered += 1
        for message in islice(waiting, 1):
            await socket.send(message)


async def _read(stored: int, socket: websockets.ClientConnection, requests: Sequence[str]) -> None:
    for request in requests:
        await socket.send(request)
        left = stored
        while not (text := await socket.recv(decode=False)).startswith(b'["EOSE"'):
            if text.startswith(b'["EVENT"'):
                left -= 1
            elif not text.startswith(b'["AUTH"'):
                raise ValueError(f"the relay said {text!r}")
        if left:
            raise ValueError(f"a REQ was given {stored - left} events")


async def _subscribe(
    filter_: str, each: int, socket: websockets.ClientConnection, _: Sequence[str]
) -> None:
    for number in range(each):
        await socket.send(f'["REQ","{number}",{filter_}]')
    left = each
    while left:
        left -= (await socket.recv(decode=False)).startswith(b'["EOSE"')


async def _receive(each: int, socket: websockets.ClientConnection, _: Sequence[str]) -> None:
    left = each
    while left:
        left -= (await socket.recv(decode=False)).startswith(b'["EVENT"')


@contextlib.asynccontextmanager
async def connected(url: str, count: int) -> AsyncIterator[Connections]:
    """So many connections, once the relay listens."""
    async with contextlib.AsyncExitStack() as stack:
        sockets = [await _socket(url)]
        sockets += [await websockets.connect(url, **_OPTIONS) for _ in range(count - 1)]
        for socket in sockets:
            stack.push_async_callback(socket.close)
        yield Connections(sockets)


async def _socket(url: str) -> websockets.ClientConnection:
    async with asyncio.timeout(SECONDS):
        while True:
            try:
                return await websockets.connect(url, **_OPTIONS)
            except OSError:
                await asyncio.sleep(0.05)
