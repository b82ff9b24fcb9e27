"""Live events between worker processes: real sockets, whoever comes, goes or is killed."""

import asyncio
import contextlib
import os
import signal
import stat
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from relay.client import asynchronous
from relay.signing import Key

from orly_policy_hookspecs.nip01 import FrozenEvent
from orly_policy_plugin.errors import PolicyError
from orly_policy_plugin.hosts.nostr_relay.workers import Workers

KEY = Key()


def event(content: str = "") -> FrozenEvent:
    return FrozenEvent.of_json(KEY.event(1, content, [["t", "☺"]]))


class Told:
    """One process's part, here several in one."""

    def __init__(self, folder: Path) -> None:
        self.workers = Workers(folder, self.note)
        self.events: list[FrozenEvent] = []
        self._came = asyncio.Condition()

    async def note(self, came: FrozenEvent) -> None:
        async with self._came:
            self.events.append(came)
            self._came.notify_all()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(20), self._came:
            await self._came.wait_for(lambda: len(self.events) >= count)


@contextlib.asynccontextmanager
async def several(folder: Path, count: int) -> AsyncIterator[list[Told]]:
    made = [Told(folder) for _ in range(count)]
    for each in made:
        await each.workers.open()
    try:
        yield made
    finally:
        for each in made:
            await each.workers.close()


@asynchronous
async def test_every_other_process_is_told(tmp_path: Path) -> None:
    """In their order, as they were; never the one that tells."""
    async with several(tmp_path / "w", 3) as (first, *others):
        events = [event(f"{i}" * 1000) for i in range(200)]
        for each in events:
            await first.workers.announce(each)
        for other in others:
            await other.until(200)
            assert other.events == events
        assert first.events == []


@asynchronous
async def test_nobody_else_can_listen(tmp_path: Path) -> None:
    """The sockets are the relay's user's, in a folder of its own; nothing is left of them."""
    folder = tmp_path / "w"
    async with several(folder, 2):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        modes = {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
        assert modes == {0o600}
    assert list(folder.iterdir()) == []


@asynchronous
async def test_processes_come_and_go(tmp_path: Path) -> None:
    """One that comes later is told what comes later; one that goes takes nothing with it."""
    async with several(tmp_path / "w", 2) as (first, second):
        await first.workers.announce(event("before"))
        async with several(tmp_path / "w", 1) as (third,):
            await first.workers.announce(event("both"))
            await third.until(1)
        await first.workers.announce(event("after"))
        await second.until(3)
        assert [each.content for each in second.events] == ["before", "both", "after"]
        assert [each.content for each in third.events] == ["both"]


@asynchronous
async def test_a_killed_process_is_forgotten(tmp_path: Path) -> None:
    """Its socket is removed by who cannot reach it."""
    folder = tmp_path / "w"
    async with several(folder, 2) as (first, second):
        program = textwrap.dedent(f"""
            import asyncio, pathlib
            from orly_policy_plugin.hosts.nostr_relay.workers import Workers
            async def main():
                await Workers(pathlib.Path({str(folder)!r}), None).open()
                print("open", flush=True)
                await asyncio.Event().wait()
            asyncio.run(main())
        """)
        command = [sys.executable, "-c", program]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as killed:  # noqa: ASYNC220
            assert killed.stdout
            await asyncio.to_thread(killed.stdout.readline)
            assert len(list(folder.iterdir())) == 3
            os.kill(killed.pid, signal.SIGKILL)
        await first.workers.announce(event())
        await second.until(1)
        assert len(list(folder.iterdir())) == 2


@asynchronous
async def test_a_long_path_will_do(tmp_path: Path) -> None:
    """A socket's may have 107 characters."""
    async with several(tmp_path / ("x" * 120) / "w", 2) as (first, second):
        await first.workers.announce(event())
        await second.until(1)


@asynchronous
async def test_what_is_no_event_ends_that_connection_alone(tmp_path: Path) -> None:
    """Whoever can write there."""
    async with several(tmp_path / "w", 2) as (first, second):
        path = str(second.workers._own)
        for frame in (b"\0\0\0\2{}", b"\0\0\0\1x", b"\xff\xff\xff\xff"):
            _, writer = await asyncio.open_unix_connection(path)
            writer.write(frame)
            await writer.drain()
            writer.close()
        await first.workers.announce(event())
        await second.until(1)


@asynchronous
async def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """With what would do."""
    (tmp_path / "w").write_text("a file")
    with pytest.raises(PolicyError, match="must be writable"):
        await Workers(tmp_path / "w" / "x", Told(tmp_path).note).open()
