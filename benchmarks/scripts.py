"""Round trips through a script: a policy that names one which accepts everything."""

import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from orly_policy_hookspecs import Context, Gate
from orly_policy_plugin.plugin import PolicyPlugin

from .timing import Effort, Timed, timed
from .workloads import SUBMITTER, AnEvent, gate_with

IN_FLIGHT: Final = 64

_SCRIPT: Final = """\
import json, sys

for line in sys.stdin:
    print(json.dumps({"id": json.loads(line)["id"], "action": "accept"}), flush=True)
"""


def script(effort: Effort) -> Timed:
    """One event of 64 that are asked about together.

    :raises PolicyError: the policy is refused.
    :raises ValueError: an event was not accepted.
    """
    with tempfile.TemporaryDirectory() as folder:
        plugin = PolicyPlugin.load(_policy_with_script(Path(folder)))
        plugin.start()
        try:
            with asyncio.Runner() as runner:
                asking = Asking(gate_with(plugin))
                return timed(lambda times: runner.run(asking.ask(times)), effort, IN_FLIGHT)
        finally:
            plugin.stop()


def _policy_with_script(folder: Path) -> Path:
    program = folder / "accept.py"
    program.write_text(f"#!{sys.executable} -S\n{_SCRIPT}")
    program.chmod(0o755)
    policy = folder / "policy.json"
    # Denied by default: then an answer that is an accept came from the script.
    rules = {"1": {"script": program.name}}
    policy.write_text(json.dumps({"default_policy": "deny", "rules": rules}))
    return policy


class Asking:
    """Asks about other events each time, so that no two questions are one."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._context = Context(authenticated=(SUBMITTER,), ip="127.0.0.1")
        self._asked = 0

    async def ask(self, times: int) -> None:
        """So many times 64 events, always 64 in flight."""
        left = iter(range(times * IN_FLIGHT))
        async with asyncio.TaskGroup() as group:
            for _ in range(IN_FLIGHT):
                group.create_task(self._one_after_the_other(left))

    async def _one_after_the_other(self, left: Iterator[int]) -> None:
        for _ in left:
            self._asked += 1
            event = AnEvent(id=f"{self._asked:064x}", content=_CONTENT)
            decision = await self._gate.write(event, self._context)
            if not decision.accepted:
                raise ValueError(f"the script's policy said {decision}")


_CONTENT: Final = "What a fine day it is. " * 10
