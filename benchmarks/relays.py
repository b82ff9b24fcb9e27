"""The cost of the policy for a whole relay: the example relay over a socket, with and without it.

All run side by side and are asked in turn, each time in the other order; a ratio is of two rates
of one turn, and the row's figure is the median of the ratios.
"""

import asyncio
import contextlib
import json
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

import attrs

from .real_events import signed_notes
from .relay_process import Connections, Relay, Storage, Which, connected, relay
from .timing import Effort

STORED: Final = 500
_WRITERS: Final = 8
_READERS: Final = 4
_SUBSCRIBERS: Final = 200
_SUBSCRIPTIONS_EACH: Final = 10
_IDLE_CONNECTIONS: Final = 90
_STOCK_STORES_SECONDS: Final = 3.0
"""On LMDB stock nostr-relay stores after it has answered."""
_SIDES: Final[tuple[Which, ...]] = ("policy", "bare", "gate")

_Turn = Callable[[Connections, int], Awaitable[float]]
"""Does something to a relay, in the turn of this number, and returns the events a second."""

POLICY: Final = {
    "global": {"size_limit": 100_000, "max_age_event_in_future": 900},
    "kind": {"blacklist": [5000, 5001]},
    "rules": {
        "0": {"content_limit": 10_000},
        "1": {"content_limit": 10_000, "size_limit": 60_000, "max_age_of_event": 31_536_000},
        "3": {"size_limit": 90_000},
        "4": {"privileged": True},
        "6": {"must_have_tags": ["e"]},
        "7": {"must_have_tags": ["e"], "content_limit": 100},
        "1059": {"privileged": True},
        "10002": {"allowed_tags": ["r"]},
        "30023": {"identifier_regex": "^[a-z0-9-]{1,64}$"},
        "30078": {"write_allow": ["ab" * 32]},
    },
}
"""Ten rules."""


@attrs.frozen
class Compared:
    """The events a second of the relays, turn by turn."""

    rates: dict[Which, list[float]]
    cpu_seconds: dict[Which, float]
    """The processor time of the relays' processes for all turns, where the system says it."""

    def kept(self, side: Which) -> float:
        """The part of its speed that a relay keeps: the median of all turns."""
        pairs = zip(self.rates[side], self.rates["bare"], strict=True)
        return statistics.median(rate / bare for rate, bare in pairs)

    def kept_by_cpu(self, side: Which) -> float | None:
        """The same by processor time, which other processes disturb less."""
        taken, bare = self.cpu_seconds.get(side), self.cpu_seconds.get("bare")
        return bare / taken if taken and bare else None


def writes(storage: Storage, effort: Effort) -> Compared:
    """New events, several connections with 16 in flight each."""
    turns, events = (2, 16 * _WRITERS) if effort.quick else (12, 100 * _WRITERS)

    async def write(side: Connections, number: int) -> float:
        return events / await side.write(messages(events, f"turn {number}"))

    return _compared(write, turns, storage, _WRITERS)


def reads(storage: Storage, effort: Effort) -> Compared:
    """REQs that find 500 stored events, several connections."""
    turns, each = (2, 1) if effort.quick else (24, 2)
    request = json.dumps(["REQ", "stored", {"kinds": [1, 7], "limit": STORED}])
    requests = [request] * (each * _READERS)

    async def read(side: Connections, number: int) -> float:
        if number == 0:
            await side.write(messages(STORED, "stored"))
            await asyncio.sleep(_STOCK_STORES_SECONDS)
        return len(requests) * STORED / await side.read(requests, STORED)

    return _compared(read, turns, storage, _READERS)


def live(effort: Effort) -> Compared:
    """One event to 2,000 readers, ten on each connection: how often a second."""
    turns = 2 if effort.quick else 20
    request = json.dumps({"kinds": [1, 7], "since": int(time.time()) - 60})

    async def publish(side: Connections, number: int) -> float:
        if number == 0:
            await side.subscribe(request, _SUBSCRIPTIONS_EACH)
        (message,) = messages(1, f"live {number}")
        return 1 / await side.publish(message, _SUBSCRIPTIONS_EACH)

    return _compared(publish, turns, "sqlite", _SUBSCRIBERS)


def idle(effort: Effort) -> float:
    """Kilobytes of the relay's own memory for each connection that has subscribed and waits."""
    count = 50 if effort.quick else _IDLE_CONNECTIONS
    request = json.dumps({"kinds": [1], "authors": ["ab" * 32]})

    async def grown(one: Relay) -> float:
        async with connected(one.url, count) as some:  # what is allocated once
            await some.subscribe(request, 1)
        before = one.memory_kilobytes()
        async with connected(one.url, 2 * count) as some:
            await some.subscribe(request, 1)
            return (one.memory_kilobytes() - before) / count

    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (one,) = _relays(stack, folder, ("policy",), "sqlite").values()
        return asyncio.run(grown(one))


def messages(count: int, series: str) -> list[str]:
    """EVENT messages, other ones for every series."""
    events = signed_notes(count, series, int(time.time()))
    return [json.dumps(["EVENT", event], separators=(",", ":")) for event in events]


def _compared(turn: _Turn, turns: int, storage: Storage, connections: int) -> Compared:
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        relays = _relays(stack, folder, _SIDES, storage)
        return asyncio.run(_in_turn(turn, turns, relays, connections))


def _relays(
    stack: contextlib.ExitStack, folder: Path, sides: Sequence[Which], storage: Storage
) -> dict[Which, Relay]:
    policy = folder / "policy.json"
    policy.write_text(json.dumps(POLICY))
    return {
        side: stack.enter_context(relay(side, policy, folder / side, storage)) for side in sides
    }


async def _in_turn(turn: _Turn, turns: int, relays: dict[Which, Relay], count: int) -> Compared:
    """Warm all up in a turn that does not count, then take turns."""
    rates: dict[Which, list[float]] = {side: [] for side in _SIDES}
    async with contextlib.AsyncExitStack() as stack:
        connections = {
            side: await stack.enter_async_context(connected(relays[side].url, count))
            for side in _SIDES
        }
        for side in _SIDES:
            await turn(connections[side], 0)
        before = _cpu_seconds(relays)
        for number in range(1, turns + 1):
            for side in _SIDES if number % 2 else reversed(_SIDES):
                rates[side].append(await turn(connections[side], number))
    after = _cpu_seconds(relays)
    return Compared(rates, {side: after[side] - before[side] for side in before})


def _cpu_seconds(relays: dict[Which, Relay]) -> dict[Which, float]:
    """The processor time of the relays' processes, as far as the system says it."""
    taken = {side: relays[side].cpu_seconds() for side in _SIDES}
    return {side: seconds for side, seconds in taken.items() if seconds is not None}
