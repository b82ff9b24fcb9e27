"""``python -m benchmarks.soak``: a relay at half its top rate for a while, its policy changing.

Every answer is held against the policy in force: the file is saved with another policy, and a
policy admin's signed updates come and are withdrawn, all the while. It ends with status 1 where an
answer was wrong or late, memory has grown, or the relay keeps tasks, threads or sockets of clients
that have gone.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final

import attrs
import websockets
from coincurve import PrivateKey

from .real_events import signed, signed_notes
from .relay_process import Relay, Storage, connected, relay

ADMIN: Final = PrivateKey(b"\x07" * 32)
STRANGER: Final = PrivateKey(b"\x08" * 32)
DENIED, FLIPPED_BY_FILE, FLIPPED_BY_ADMIN = 20, 30, 40
"""Kinds: never written, and those that are by turns."""

_DENIES: Final = json.dumps({"kind_blacklist_add": [FLIPPED_BY_ADMIN]})
_WRITERS: Final = 8
_STEP_SECONDS: Final = 0.25
_CHANGES_EVERY_SECONDS: Final = 5.0
_OBEYS_WITHIN_SECONDS: Final = 1.0
_MOST_MORE_KILOBYTES: Final = 20_000
_MORE_OF: Final = {"threads": 8}
"""Threads that read the store, each made when it is first needed."""
_ANSWER_SECONDS: Final = 20.0


@attrs.define
class Seen:
    """The counts of a soak so far."""

    sent: int = 0
    live: int = 0
    changes: int = 0
    obeyed_seconds: list[float] = attrs.Factory(list)
    kilobytes: list[float] = attrs.Factory(list)
    wrong: list[str] = attrs.Factory(list)


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser("python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--storage", choices=("sqlite", "lmdb"), default="sqlite")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        wrong = _soak(Path(folder), arguments.storage, arguments.minutes * 60)
    for line in wrong:
        _say(f"WRONG: {line}")
    sys.exit(bool(wrong))


def _soak(folder: Path, storage: Storage, seconds: float) -> list[str]:
    policy = folder / "policy.json"
    policy.write_text(_policy(flipped=False))
    with relay("policy", policy, folder / "relay", storage) as running:
        return asyncio.run(_run(running, policy, seconds))


def _policy(*, flipped: bool) -> str:
    denied = [DENIED, FLIPPED_BY_FILE] if flipped else [DENIED]
    return json.dumps(
        {
            "policy_admins": [ADMIN.public_key_xonly.format().hex()],
            "kind": {"blacklist": denied},
            "rules": {"1": {"content_limit": 10_000}},
        }
    )


async def _run(running: Relay, policy: Path, seconds: float) -> list[str]:
    rate = await _top_rate(running) / 2
    _say(f"half the top rate: {rate:.0f} events a second")
    seen, before = Seen(), await _held(running)
    is_over = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(_write(running, seen, rate, is_over))
        group.create_task(_change(running, policy, seen, is_over))
        group.create_task(_watch(running, seen, is_over))
        await asyncio.sleep(seconds)
        is_over.set()
    await asyncio.sleep(2 * _STEP_SECONDS)
    seen.wrong += _grown(seen, before, await _held(running))
    _say(
        f"{seen.sent} events, {seen.live} of them live, {seen.changes} changes of the policy, "
        f"obeyed after {max(seen.obeyed_seconds):.2f} s at the latest; memory "
        f"{seen.kilobytes[0] / 1000:.0f} to {seen.kilobytes[-1] / 1000:.0f} MB"
    )
    return seen.wrong


async def _top_rate(running: Relay) -> float:
    messages = [_message(event) for event in signed_notes(4_000, "top", int(time.time()))]
    async with connected(running.url, _WRITERS) as connections:
        return len(messages) / await connections.write(messages)


def _message(event: dict[str, Any]) -> str:
    return json.dumps(["EVENT", event], separators=(",", ":"))


class _Client:
    """A connection that knows what was answered to what."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self._socket = socket
        self._answers: dict[str, asyncio.Future[tuple[bool, str]]] = {}
        self.live = 0

    async def read(self) -> None:
        async for text in self._socket:
            message = json.loads(text)
            if message[0] == "OK":
                self._answers.pop(message[1]).set_result((message[2], message[3]))
            self.live += message[0] == "EVENT"

    async def publish(self, event: dict[str, Any]) -> tuple[bool, str]:
        answer: asyncio.Future[tuple[bool, str]] = asyncio.get_running_loop().create_future()
        self._answers[event["id"]] = answer
        await self._socket.send(_message(event))
        async with asyncio.timeout(_ANSWER_SECONDS):
            return await answer

    async def subscribe(self, filter_: dict[str, Any]) -> None:
        await self._socket.send(json.dumps(["REQ", "live", filter_]))


@contextlib.asynccontextmanager
async def _client(running: Relay) -> AsyncIterator[_Client]:
    async with websockets.connect(running.url, compression=None, max_size=None) as socket:
        made = _Client(socket)
        reading = asyncio.create_task(made.read())
        yield made
    await reading


async def _write(running: Relay, seen: Seen, rate: float, is_over: asyncio.Event) -> None:
    """Some are written, some are denied, all are answered; what is written is live elsewhere."""
    each = max(round(rate * _STEP_SECONDS), 10)
    step, written = 0, 0
    async with _client(running) as writer, _client(running) as reader:
        await reader.subscribe({"kinds": [1, 7, DENIED], "limit": 0})
        while not is_over.is_set():
            began, step = time.monotonic(), step + 1
            notes = signed_notes(each, f"soak {step}", int(time.time()))
            denied = _of(STRANGER, DENIED, f"{step}")
            answers = await asyncio.gather(*map(writer.publish, (*notes, denied)))
            seen.wrong += [f"a note: {message}" for ok, message in answers[:-1] if not ok]
            if answers[-1][0]:
                seen.wrong.append("what is never written was")
            written += len(notes)
            seen.sent += len(answers)
            await asyncio.sleep(max(_STEP_SECONDS - (time.monotonic() - began), 0))
        await _until(lambda: reader.live >= written)
        seen.live = reader.live
        if reader.live != written:
            seen.wrong.append(f"{written} were written, {reader.live} came live")


async def _change(running: Relay, policy: Path, seen: Seen, is_over: asyncio.Event) -> None:
    number = 0
    async with _client(running) as client:
        while not is_over.is_set():
            number += 1
            for is_denied in (True, False):
                new = policy.with_suffix(".new")
                new.write_text(_policy(flipped=is_denied))
                new.replace(policy)
                await _obeyed(client, FLIPPED_BY_FILE, seen, is_denied=is_denied)
            update = _of(ADMIN, 12345, _DENIES, ["i", f"{number}"])
            withdrawal = _of(ADMIN, 5, "", ["e", update["id"]])
            for change, is_denied in (update, True), (withdrawal, False):
                ok, message = await client.publish(change)
                if not ok:
                    seen.wrong.append(f"a change of the policy: {message}")
                await _obeyed(client, FLIPPED_BY_ADMIN, seen, is_denied=is_denied)
            seen.changes += 4
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CHANGES_EVERY_SECONDS):
                    await is_over.wait()


def _of(key: PrivateKey, kind: int, content: str, *tags: list[str]) -> dict[str, Any]:
    return signed(key, created_at=int(time.time()), kind=kind, tags=list(tags), content=content)


async def _obeyed(client: _Client, kind: int, seen: Seen, *, is_denied: bool) -> None:
    """Write events of a kind until the answer is as the policy has it, and then for a while."""
    began = time.monotonic()
    is_right, rights = False, 0
    while rights < 5:
        event = _of(STRANGER, kind, f"{time.monotonic_ns()}")
        ok, message = await client.publish(event)
        is_right, was_right = ok is not is_denied, is_right
        if is_right and not was_right:
            seen.obeyed_seconds.append(time.monotonic() - began)
        rights += is_right
        if was_right and not is_right:
            seen.wrong.append(f"kind {kind} again otherwise: {message}")
        if not is_right and time.monotonic() - began > _ANSWER_SECONDS:
            seen.wrong.append(f"kind {kind} is not as the policy has it: {message}")
            return
        await asyncio.sleep(0.02)


async def _watch(running: Relay, seen: Seen, is_over: asyncio.Event) -> None:
    while not is_over.is_set():
        await asyncio.sleep(1)
        seen.kilobytes.append(running.memory_kilobytes())


@attrs.frozen
class Held:
    """The resources that a relay has open without clients."""

    threads: int
    sockets: int
    tasks: int


async def _held(running: Relay) -> Held:
    """Once its clients are gone."""
    await asyncio.sleep(1)
    told = len(running.tasks())
    os.kill(running.pid, signal.SIGUSR1)
    await _until(lambda: len(running.tasks()) > told)
    process = Path(f"/proc/{running.pid}")
    files = [str(each.readlink()) for each in (process / "fd").iterdir()]
    return Held(
        len(list((process / "task").iterdir())),
        sum(each.startswith("socket:") for each in files),
        running.tasks()[-1],
    )


async def _until(condition: Callable[[], bool]) -> None:
    """Wait for it, but not for ever: what has not come is told as wrong."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_ANSWER_SECONDS):
            while not condition():  # noqa: ASYNC110 -- nobody tells of it
                await asyncio.sleep(0.05)


def _grown(seen: Seen, before: Held, after: Held) -> list[str]:
    quarter = max(len(seen.kilobytes) // 4, 1)
    early = statistics.median(seen.kilobytes[quarter : 2 * quarter] or seen.kilobytes)
    late = statistics.median(seen.kilobytes[-quarter:])
    found = []
    if late - early > _MOST_MORE_KILOBYTES:
        found.append(f"memory has grown from {early:.0f} to {late:.0f} kB")
    found += [
        f"{name}: {getattr(before, name)} before, {getattr(after, name)} after"
        for name in ("threads", "sockets", "tasks")
        if getattr(after, name) > getattr(before, name) + _MORE_OF.get(name, 0)
    ]
    late_changes = [each for each in seen.obeyed_seconds if each > _OBEYS_WITHIN_SECONDS]
    if late_changes:
        found.append(f"{len(late_changes)} changes took up to {max(late_changes):.1f} s")
    return found


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
