"""Nodes that each take as many events as a line on standard input says: their names and settings
are the argument, as JSON.

It answers with the processor's seconds that each node took for these in the thread that takes
them, and those of its other threads since its start.
"""

import asyncio
import itertools
import json
import sys
import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import attrs

from orly_policy_hookspecs import Gate
from orly_policy_hookspecs.nip01 import Filter, FrozenEvent, Position
from orly_policy_plugin.plugin import register
from orly_policy_plugin.session import Added, Known, Server
from orly_policy_plugin.session.session import Session
from orly_policy_plugin.settings import Settings

from .real_events import signed_notes

_CLIENTS: Final = 200
"""Each has an address of its own, and so an average."""


class _Nothing:
    """A host that keeps nothing: what it costs to store is not what is measured."""

    async def add(self, event: FrozenEvent) -> Added:
        return Known.STORED

    async def page(
        self, wanted: Filter, before: Position | None, most: int
    ) -> Sequence[FrozenEvent]:
        return ()


class _Answers:
    """Counts the events that were accepted."""

    def __init__(self) -> None:
        self.missing = 0
        self.are_all = asyncio.Event()

    async def take(self, text: str) -> None:
        match json.loads(text):
            case ["OK", _, True, _]:
                self.missing -= 1
                if not self.missing:
                    self.are_all.set()
            case ["OK", *rest]:
                raise RuntimeError(f"an event was not accepted: {rest}")


@asynccontextmanager
async def _clients(settings: dict[str, Any], answers: _Answers) -> AsyncIterator[list[Session]]:
    gate = Gate()
    register(gate, Settings(**{**settings, "path": Path(settings["path"])}))
    async with Server(gate, _Nothing()) as server, AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                server.connect(answers.take, ip=f"192.0.{number // 250}.{number % 250}")
            )
            for number in range(_CLIENTS)
        ]


async def _take(clients: Sequence[Session], texts: Sequence[str], answers: _Answers) -> None:
    """One from each client, and then the next."""
    for begin in range(0, len(texts), len(clients)):
        some = texts[begin : begin + len(clients)]
        answers.missing = len(some)
        answers.are_all.clear()
        for client, text in zip(clients, some, strict=False):
            await client.incoming(text)
        await answers.are_all.wait()


@attrs.frozen
class _Node:
    clients: Sequence[Session]
    threads: frozenset[int]
    """Those that it has started, as the system numbers them."""

    def background(self) -> float:
        """The seconds of the processor that its threads have taken."""
        return sum(map(_cpu_seconds, self.threads))


def _threads() -> frozenset[int]:
    # Not the event loop's, which are everybody's.
    return frozenset(
        each.native_id
        for each in threading.enumerate()
        if each.native_id is not None and not each.name.startswith("asyncio")
    )


def _cpu_seconds(thread: int) -> float:
    text = Path(f"/proc/self/task/{thread}/schedstat").read_text(encoding="ascii")
    return int(text.split()[0]) / 1e9


async def _main() -> None:
    answers = _Answers()
    async with AsyncExitStack() as stack:
        nodes = {}
        for name, settings in json.loads(sys.argv[1]).items():
            before = _threads()
            clients = await stack.enter_async_context(_clients(settings, answers))
            nodes[name] = _Node(clients, _threads() - before)
        for turn in itertools.count():
            line = await asyncio.to_thread(sys.stdin.readline)
            if not line:
                return
            notes = signed_notes(int(line), f"turn {turn}", int(time.time()))
            texts = [json.dumps(["EVENT", note]) for note in notes]
            took = {}
            for name in sorted(nodes, reverse=bool(turn % 2)):
                began = time.thread_time()
                await _take(nodes[name].clients, texts, answers)
                took[name] = time.thread_time() - began, nodes[name].background()
            sys.stdout.write(json.dumps(took) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_main())
