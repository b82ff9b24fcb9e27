"""What the proxy costs: stock nostr-relay over a socket, without it and through it.

Both ways lead to the same relay and are taken in turn, each time in the other order; a ratio is of
two times of one turn, and the row's figure is the median of the ratios.
"""

import asyncio
import contextlib
import json
import resource
import statistics
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Final

import attrs

from .relay_process import Connections, Relay, connected, proxy, relay
from .relays import POLICY, STORED, messages
from .timing import Effort

_WRITERS: Final = 20
_WRITES: Final = 1_000
_OLDER: Final = 100
_SETTLES_SECONDS: Final = 1.0
_IDLE_CONNECTIONS: Final = 2_000
_FILES: Final = 3 * _IDLE_CONNECTIONS

_Turn = Callable[[Connections, str], Awaitable[float]]
"""Does something, new for every name of a turn, and returns the seconds that it took."""


@attrs.frozen
class Times:
    """Seconds, turn by turn."""

    direct: list[float]
    proxied: list[float]

    @property
    def ratio(self) -> float:
        """How many times as long it takes through the proxy."""
        pairs = zip(self.proxied, self.direct, strict=True)
        return statistics.median(proxied / direct for proxied, direct in pairs)


def writes(effort: Effort) -> Times:
    """1,000 new events over 20 connections, 16 in flight each."""
    events = 100 if effort.quick else _WRITES

    async def write(side: Connections, turn: str) -> float:
        return await side.write(messages(events, turn))

    return _in_turn(write, 2 if effort.quick else 8, _WRITERS)


def reads(effort: Effort) -> Times:
    """A REQ for the newest 500 of some more stored events: as always but with a new relay, which
    has shown nobody that it answers with more than 500.
    """
    request = json.dumps(["REQ", "stored", {"kinds": [1, 7], "limit": STORED}])

    async def read(side: Connections, turn: str) -> float:
        if turn == "direct 0":
            await side.write(messages(STORED + _OLDER, "stored"))
            await asyncio.sleep(_SETTLES_SECONDS)  # as live events they are nobody's any more
        return await side.read([request], STORED)

    return _in_turn(read, 3 if effort.quick else 40, 1)


def idle(effort: Effort) -> float:
    """Kilobytes of the proxy's own memory for each connection that has subscribed and waits."""
    count = 50 if effort.quick else _IDLE_CONNECTIONS
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(_FILES, most), most))
    wanted = json.dumps({"kinds": [1], "authors": ["ab" * 32]})

    async def grown(one: Relay) -> float:
        async with connected(one.url, 50) as some:  # what is allocated once
            await some.subscribe(wanted, 1)
        before = one.memory_kilobytes()
        async with connected(one.url, count) as some:
            await some.subscribe(wanted, 1)
            return (one.memory_kilobytes() - before) / count

    with _both() as (_, proxied):
        return asyncio.run(grown(proxied))


def _in_turn(do: _Turn, turns: int, connections: int) -> Times:
    """Warm both up in a turn that does not count, then take turns."""
    seconds: dict[str, list[float]] = {"direct": [], "proxied": []}

    async def take_turns(sides: dict[str, Connections]) -> None:
        for turn in range(turns + 1):
            for name in sides if turn % 2 == 0 else reversed(sides):
                taken = await do(sides[name], f"{name} {turn}")
                if turn:
                    seconds[name].append(taken)

    async def run(direct: Relay, proxied: Relay) -> None:
        async with _connected({"direct": direct, "proxied": proxied}, connections) as sides:
            await take_turns(sides)

    with _both() as both:
        asyncio.run(run(*both))
    return Times(**seconds)


@contextlib.contextmanager
def _both() -> Iterator[tuple[Relay, Relay]]:
    """A relay, and a proxy before it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        policy = folder / "policy.json"
        policy.write_text(json.dumps(POLICY))
        with (
            relay("bare", policy, folder / "bare") as direct,
            proxy(direct, policy, folder / "proxy") as proxied,
        ):
            yield direct, proxied


@contextlib.asynccontextmanager
async def _connected(
    relays: dict[str, Relay], count: int
) -> AsyncIterator[dict[str, Connections]]:
    async with contextlib.AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(connected(one.url, count))
            for name, one in relays.items()
        }
