"""A relay of two workers that is asked what it is doing, by the commands."""

import json
import os
import subprocess
from typing import Any

from forks import completed

from .client import connected
from .process import ROOT, SECONDS, Relay
from .signing import Key

CLI = "orly_policy_plugin.cli"
POLICY = {"rules": {"1": {"content_limit": 5}, "7": {"size_limit": 1}}}


class TwoWorkers(Relay):
    """The example relay with two worker processes."""

    def _arguments(self) -> list[str]:
        return [*super()._arguments(), "--workers", "2"]


def command(relay: Relay, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """A command about the relay's policy."""
    first, *others = arguments
    env = {**os.environ, "COLUMNS": "80"}
    called = [first, str(relay.policy), *others]
    return completed(CLI, called, cwd=ROOT, env=env, stdin="", timeout=SECONDS)


def status(relay: Relay) -> Any:
    """The status as JSON."""
    return json.loads(command(relay, "status", "--json").stdout)


def pids(relay: Relay) -> set[int]:
    """The worker processes that answer."""
    return {worker["pid"] for worker in status(relay)["workers"]}


async def write(relay: Relay, key: Key, kind: int, content: str, times: int = 12) -> None:
    """On a connection of its own each, so that every worker has some."""
    for number in range(times):
        async with connected(relay.url) as client:
            await client.publish(key.event(kind, content, [["n", str(number)]]))
