"""A relay of two workers, asked what it is doing: by the commands, through real sockets."""

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from .asked import CLI, POLICY, command, pids, status, write
from .client import asynchronous, connected
from .process import ROOT, Relay
from .signing import Key


@asynchronous
async def test_it_says_what_was_decided_and_what_is_in_force(two_workers: Relay) -> None:
    """All workers together, in words and as JSON."""
    key = Key()
    await write(two_workers, key, 1, "short")
    await write(two_workers, key, 1, "too long")
    await write(two_workers, key, 7, "", 3)
    told = await asyncio.to_thread(status, two_workers)
    found = {(each["outcome"], each["place"]): each["count"] for each in told["decisions"]}
    assert found == {
        ("accept", ""): 12,
        ("reject", "rules.1.content_limit"): 12,
        ("reject", "rules.7.size_limit"): 3,
    }
    assert (told["path"], told["agrees"], told["problems"]) == (str(two_workers.policy), True, [])
    assert len(told["workers"]) == 2
    words = await asyncio.to_thread(command, two_workers, "status")
    assert words.returncode == 0
    assert f"version {told['version']} in force since" in words.stdout
    assert re.search(r"12  write  reject  rules\.1\.content_limit", words.stdout)
    logged = (two_workers.folder / "decisions.jsonl").read_text().splitlines()
    await asyncio.to_thread(
        two_workers.wait_for,
        lambda: len((two_workers.folder / "decisions.jsonl").read_text().splitlines()) == 15,
    )
    assert {json.loads(line)["result"]["accepted"] for line in logged} <= {False}


@asynchronous
async def test_a_file_that_cannot_be_used_is_told_with_exit_status_1(two_workers: Relay) -> None:
    """And that it can be again."""
    two_workers.save_policy({"rulez": {}})
    await asyncio.to_thread(
        two_workers.wait_for, lambda: two_workers.stderr.count("cannot be used") == 2
    )
    done = await asyncio.to_thread(command, two_workers, "status")
    assert done.returncode == 1, done
    told = done.stdout
    assert "the file cannot be used: rulez: " in told
    two_workers.save_policy(POLICY)
    await asyncio.to_thread(
        two_workers.wait_for, lambda: command(two_workers, "status").returncode == 0
    )
    assert status(two_workers)["reload_failures"] == 2  # each worker has found it


@asynchronous
@pytest.mark.heavy
async def test_a_worker_that_is_killed_is_missed_by_nobody(two_workers: Relay) -> None:
    """Its socket is removed, and the one that takes its place is asked."""
    before = pids(two_workers)
    os.kill(min(before), signal.SIGKILL)
    await asyncio.to_thread(
        two_workers.wait_for,
        lambda: len(now := pids(two_workers)) == 2 and now != before,
    )
    sockets = two_workers.policy.parent / "policy-workers"
    assert len(list(sockets.iterdir())) == 2


@contextlib.asynccontextmanager
async def tailing(
    relay: Relay, *options: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, asyncio.StreamReader]]:
    """``orly-policy tail``, which follows both workers by now."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", CLI, "tail", str(relay.policy), *options),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        yield process, process.stdout
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def first_line(relay: Relay, key: Key, out: asyncio.StreamReader) -> str:
    """Write until one is told: it follows from some moment on."""
    reading = asyncio.ensure_future(out.readline())
    while not reading.done():
        await write(relay, key, 1, "too long", 2)
        await asyncio.wait([reading], timeout=0.1)
    return (await reading).decode()


@asynchronous
async def test_tail_follows_what_is_wanted(two_workers: Relay) -> None:
    """Keys shortened, contents left out; Ctrl-C ends it."""
    key, other = Key(), Key()
    options = ("--outcome", "refused", "--place", "rules.1", "--key", key.pubkey)
    async with tailing(two_workers, *options) as (process, out):
        async with connected(two_workers.url) as client:
            await client.publish(other.event(1, "too long"))
        line = await first_line(two_workers, key, out)
        assert re.search(rf"write  reject  kind 1  {key.pubkey[:8]}… [0-9a-f]{{8}}…  ", line)
        assert "rules.1.content_limit  blocked: content is 8 bytes" in line
        assert "too long" not in line
        process.send_signal(signal.SIGINT)
        rest = (await out.read()).decode()
        assert other.pubkey[:8] not in rest
        assert await process.wait() == 130


@asynchronous
@pytest.mark.heavy
async def test_tail_prints_lines_of_json_and_contents_if_asked(two_workers: Relay) -> None:
    """The entries of the decision log."""
    key = Key()
    async with tailing(two_workers, "--json", "--full", "--kind", "1") as (_, out):
        entry = json.loads(await first_line(two_workers, key, out))
    event = entry["input"]["event"]
    assert (event["pubkey"], event["content"]) == (key.pubkey, "too long")
    assert (entry["path"], entry["result"]["outcome"]) == ("rules.1.content_limit", "reject")


@pytest.mark.parametrize("name", ["status", "tail"])
def test_where_nothing_runs_one_line_says_so(tmp_path: Path, name: str) -> None:
    """Exit status 2; a socket of one that died makes no difference, and is removed."""
    relay = Relay(tmp_path, POLICY)
    done = command(relay, name)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"{relay.policy}: no relay runs with this policy\n"
