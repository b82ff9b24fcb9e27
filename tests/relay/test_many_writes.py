"""Many writes over many connections while the policy file changes all the time."""

import asyncio
import contextlib
import json
import logging
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from depth import times

from orly_policy_plugin.decisions import compile_policy
from orly_policy_plugin.policy import read_policy

from .client import Client, asynchronous, connected
from .process import Relay
from .signing import Event, Key

WRITES = times(2_000, 20_000)
"""20,000 is what was promised."""
CONNECTIONS = 20
IN_FLIGHT = 25
SECONDS_BETWEEN_CHANGES = 0.1
LARGEST_GROWTH_BYTES = 24 * 2**20

WIDE: dict[str, Any] = {"rules": {"1": {"must_have_tags": ["t"]}}}
NARROW: dict[str, Any] = {"rules": {"1": {"must_have_tags": ["t", "d"]}}}

TAGS: tuple[list[list[str]], ...] = ([["t", "x"], ["d", "x"]], [["t", "x"]], [])
"""Always right, right under WIDE, never right."""


def written(key: Key, i: int) -> Event:
    """One of three events, each its own."""
    return key.event(1, str(i), TAGS[i % 3])


def right_answers() -> list[set[tuple[bool, str]]]:
    """For each of the three events, what the two policies answer."""
    answers = []
    for i in range(3):
        event = SimpleNamespace(**written(Key(), i))
        decisions = [
            compile_policy(read_policy(json.dumps(policy).encode())).write(event, (), 0)
            for policy in (WIDE, NARROW)
        ]
        answers.append({(decision.accepted, decision.message) for decision in decisions})
    assert [len(some) for some in answers] == [1, 2, 1]
    return answers


RIGHT = right_answers()

LEAST_CHANGES = 4

log = logging.getLogger(__name__)


async def write(client: Client, key: Key, numbers: range) -> tuple[set[str], set[str]]:
    """Send events, some in flight at a time; the accepted and the refused ids."""
    accepted: set[str] = set()
    refused: set[str] = set()
    free = asyncio.Semaphore(IN_FLIGHT)

    async def one(i: int) -> None:
        event = written(key, i)
        async with free:
            answer = await client.publish(event)
        assert answer in RIGHT[i % 3]
        (accepted if answer[0] else refused).add(event["id"])

    async with asyncio.TaskGroup() as group:
        for i in numbers:
            group.create_task(one(i))
    return accepted, refused


async def changing(relay: Relay) -> None:
    """Save the one policy, then the other, until cancelled."""
    while True:
        for policy in (NARROW, WIDE):
            relay.save_policy(policy)
            await asyncio.sleep(SECONDS_BETWEEN_CHANGES)


@pytest.mark.parametrize("storage", ["sqlite", "lmdb"])
@asynchronous
@pytest.mark.heavy
async def test_every_answer_is_of_one_policy_and_nothing_is_lost(
    tmp_path: Path, storage: str
) -> None:
    """Each answer is right for the policy before or after a change; every accepted event is
    stored, no refused one is; memory stays flat.
    """
    each = WRITES // CONNECTIONS
    keys = [Key() for _ in range(CONNECTIONS)]
    with Relay(tmp_path, WIDE, storage) as relay:
        async with contextlib.AsyncExitStack() as stack:
            clients = [
                await stack.enter_async_context(connected(relay.url)) for _ in range(CONNECTIONS)
            ]
            saving = asyncio.create_task(changing(relay))
            began = time.monotonic()

            async def part(numbers: range) -> list[tuple[set[str], set[str]]]:
                return await asyncio.gather(
                    *(write(c, k, numbers) for c, k in zip(clients, keys, strict=True))
                )

            first = await part(range(each // 4))
            warm_bytes = relay.memory_bytes
            parts = [first, await part(range(each // 4, each))]
            written_each = each
            while relay.stdout.count(" -> ") <= LEAST_CHANGES:  # on a machine with much to do
                parts.append(await part(range(written_each, written_each + each // 4)))
                written_each += each // 4
            seconds = time.monotonic() - began
            grown_bytes = relay.memory_bytes - warm_bytes
            saving.cancel()
            changes = relay.stdout.count(" -> ")
            middle = 0
            for client, key, *answers in zip(clients, keys, *parts, strict=True):
                accepted = set[str]().union(*(yes for yes, _ in answers))
                refused = set[str]().union(*(no for _, no in answers))
                assert len(accepted) + len(refused) == written_each
                assert await client.stored_ids({"authors": [key.pubkey]}) == accepted
                middle += len(accepted) - len(range(0, written_each, 3))
        log.info(
            "%s",
            f"{storage}: {WRITES} writes in {seconds:.1f} s ({WRITES / seconds:.0f}/s), "
            f"{changes} printed changes, {middle} of {WRITES // 3} decided by the wider policy, "
            f"{warm_bytes / 2**20:.1f} MiB and {grown_bytes / 2**20:+.1f} MiB",
        )
        assert changes > LEAST_CHANGES
        assert 0 < middle < CONNECTIONS * written_each // 3
        assert grown_bytes < LARGEST_GROWTH_BYTES
