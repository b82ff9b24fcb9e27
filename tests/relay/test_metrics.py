"""Prometheus scrapes a relay of two workers."""

import asyncio
import contextlib
import os
import re
import signal
import socket
import sys
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from .asked import CLI, POLICY, command, pids, status, write
from .client import asynchronous
from .process import ROOT, Relay
from .signing import Key

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(text: str) -> Samples:
    """The values by name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def named(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return f"orly_policy_{name}", frozenset(labels.items())


REFUSED = named("decisions_total", access="write", outcome="reject", reason="content_limit")


@contextlib.asynccontextmanager
async def exporter(relay: Relay, *options: str) -> AsyncIterator[str]:
    """The URL of ``orly-policy metrics``."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", CLI, "metrics", str(relay.policy), *options),
        cwd=ROOT,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        line = (await process.stderr.readline()).decode()
        found = re.fullmatch(r"metrics: (http://127\.0\.0\.1:\d+/metrics)\n", line)
        assert found, line
        yield found[1]
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 130
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def scrape(url: str) -> Samples:
    def read() -> str:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return str(answer.read().decode())

    return samples(await asyncio.to_thread(read))


@asynchronous
@pytest.mark.heavy
async def test_the_workers_are_summed_and_none_takes_its_counts_away(two_workers: Relay) -> None:
    """Where one is killed, no sum falls; its successor's are added."""
    key = Key()
    async with exporter(two_workers, "--listen", "127.0.0.1:0") as url:
        await write(two_workers, key, 1, "too long")
        await write(two_workers, key, 1, "short", 4)
        found = await scrape(url)
        assert found[REFUSED] == 12
        accepted = named("decisions_total", access="write", outcome="accept", reason="")
        assert found[accepted] == 4
        assert found[named("decision_seconds_count")] == 16
        assert found[named("decision_seconds_bucket", le="+Inf")] == 16
        assert found[named("workers")] == 2
        version = status(two_workers)["version"]
        assert found[named("info", version=version)] == 1
        assert found[named("reload_failures_total")] == 0
        assert found[named("script_failures_total")] == 0
        assert found[named("follow_lists_missing")] == 0
        assert found[named("last_reload_success_timestamp_seconds")] > 1e9
        before = pids(two_workers)
        os.kill(min(before), signal.SIGKILL)
        await asyncio.to_thread(
            two_workers.wait_for, lambda: len(now := pids(two_workers)) == 2 and now != before
        )
        assert (await scrape(url))[REFUSED] == 12
        await write(two_workers, key, 1, "too long", 6)
        assert (await scrape(url))[REFUSED] == 18
        assert (await asyncio.to_thread(two_workers.stop)) == 0
        gone = await scrape(url)
        assert (gone[REFUSED], gone[named("workers")]) == (18, 0)


@asynchronous
async def test_they_can_be_printed(two_workers: Relay) -> None:
    """No key is in them, nor an address."""
    key = Key()
    await write(two_workers, key, 1, "too long", 3)
    done = await asyncio.to_thread(command, two_workers, "metrics")
    assert done.returncode == 0
    assert samples(done.stdout)[REFUSED] == 3
    assert not re.search(r"[0-9a-f]{64}|127\.0\.0", done.stdout)
    assert key.pubkey[:8] not in done.stdout
    dashboard = (ROOT / "docs" / "grafana-dashboard.json").read_text()
    shown = set(re.findall(r"orly_policy_[a-z_]+", dashboard)) - {"orly_policy_info"}
    assert shown <= {name for name, _ in samples(done.stdout)}


def test_a_port_that_is_taken_is_told_in_one_line(tmp_path: Path) -> None:
    """And what cannot be one. Exit status 2; so it is where no relay answers."""
    relay = Relay(tmp_path, POLICY)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = command(relay, "metrics", "--listen", address)
    assert done.returncode == 2
    assert done.stderr == f"{address}: Address already in use; --listen names another\n"
    wrong = command(relay, "metrics", "--listen", "9464")
    assert (wrong.returncode, "such as 127.0.0.1:9464" in wrong.stderr) == (2, True)
    nobody = command(relay, "metrics")
    assert (nobody.returncode, nobody.stdout) == (2, "")
    assert nobody.stderr == f"{relay.policy}: no relay runs with this policy\n"
