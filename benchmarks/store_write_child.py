"""A node that takes as many events as a line on standard input says: ``SETTINGS``, as JSON.

It answers with the seconds that this took, by the clock and of the processor.
"""

import asyncio
import itertools
import json
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

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


async def _main() -> None:
    answers = _Answers()
    async with _clients(json.loads(sys.argv[1]), answers) as clients:
        for turn in itertools.count():
            line = await asyncio.to_thread(sys.stdin.readline)
            if not line:
                return
            notes = signed_notes(int(line), f"turn {turn}", int(time.time()))
            texts = [json.dumps(["EVENT", note]) for note in notes]
            began, began_cpu = time.perf_counter(), time.process_time()
            await _take(clients, texts, answers)
            took = time.perf_counter() - began, time.process_time() - began_cpu
            sys.stdout.write(json.dumps(took) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_main())
