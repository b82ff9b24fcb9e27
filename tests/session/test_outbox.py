"""What a client has not read yet is sent in its order: one by one, or several at once."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

import pytest
from relay.client import asynchronous

from orly_policy_plugin.session.messages import Message, notice
from orly_policy_plugin.session.outbox import Outbox

MOST_BYTES = 400_000


async def _one_by_one(text: str) -> None:
    raise AssertionError(text)


@contextlib.asynccontextmanager
async def running(outbox: Outbox) -> AsyncIterator[asyncio.Task[None]]:
    """A task that sends what is put into an outbox."""
    task = asyncio.create_task(outbox.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def messages(count: int, size_bytes: int) -> list[Message]:
    """Each another."""
    return [notice(f"{number:04}é".ljust(size_bytes, "x")) for number in range(count)]


@asynchronous
async def test_many_go_at_once() -> None:
    """In their order, and not more at once than a server writes."""
    sent = list[Sequence[bytes]]()

    async def send(texts: Sequence[bytes]) -> None:
        sent.append(texts)

    outbox = Outbox(_one_by_one, MOST_BYTES, 10, send)
    put = messages(100, 1_000)
    for message in put:
        outbox.put(message)
    async with running(outbox):
        await outbox.drained(10)
    assert [text for texts in sent for text in texts] == [bytes(message) for message in put]
    assert len(sent) == 2
    assert 65_536 <= sum(map(len, sent[0])) < 67_000


@asynchronous
async def test_what_is_larger_goes_alone() -> None:
    """It is not cut."""
    sent = list[Sequence[bytes]]()

    async def send(texts: Sequence[bytes]) -> None:
        sent.append(texts)

    outbox = Outbox(_one_by_one, MOST_BYTES, 10, send)
    for message in messages(2, 100_000):
        outbox.put(message)
    async with running(outbox):
        await outbox.drained(10)
    assert [len(texts) for texts in sent] == [1, 1]


@asynchronous
async def test_there_is_room_once_many_are_sent() -> None:
    """Not while they are being sent."""
    begun, may_go_on = asyncio.Event(), asyncio.Event()

    async def send(texts: Sequence[bytes]) -> None:
        begun.set()
        await may_go_on.wait()

    outbox = Outbox(_one_by_one, 40_000, 10, send)
    put = messages(38, 1_000)
    for message in put:
        outbox.put(message)
    async with running(outbox):
        await begun.wait()
        assert outbox.is_full
        assert not outbox.has_room_for(messages(1, 4_000)[0])
        may_go_on.set()
        await asyncio.wait_for(outbox.room(), 10)
        assert not outbox.is_full
        assert outbox.has_room_for(messages(1, 39_000)[0])


@asynchronous
async def test_many_that_are_not_taken_in_time() -> None:
    """The client is given up."""

    async def send(texts: Sequence[bytes]) -> None:
        await asyncio.Event().wait()

    outbox = Outbox(_one_by_one, MOST_BYTES, 0.05, send)
    outbox.put(notice("hello"))
    async with running(outbox) as task:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(task), 10)
        assert task.done()
