"""A relay that asks ``orly-policy strfry`` about each write, by the line protocol.

``python -m hosts.kit.like_strfry`` is the relay that forgets, with this instead of the engine.
"""

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from example_relay import forgetting
from example_relay.showing import run
from orly_policy_hookspecs import Context, Decision, Event, Gate, hookimpl
from orly_policy_hookspecs.nip01 import event_json, kinds

PLUGINS = "plugins"
"""The folder beside the policy where the program finds more plugins."""
COMMAND = (sys.executable, "-m", "orly_policy_plugin.cli", "strfry")


class ByLines:
    """What strfry makes of answers. One line is asked at a time."""

    def __init__(self, policy: Path) -> None:
        self._policy = policy
        self._asking = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None

    @hookimpl
    async def on_write(self, event: Event, context: Context) -> Decision:
        """Decide, as strfry does before it stores an event."""
        answer = await self._ask(event, context)
        if answer["action"] == "reject":
            return Decision.reject(answer["msg"])
        is_shadowed = answer["action"] == "shadowReject"
        return Decision.shadow_reject() if is_shadowed else Decision.accept()

    @hookimpl
    async def on_policy_event(self, event: Event, context: Context) -> Decision | None:
        """Have a policy event applied, which is not stored: strfry says no more than OK."""
        if event.kind == kinds.DELETION:
            return None
        answer = await self._ask(event, context)
        is_refused = answer["action"] == "reject"
        return Decision.reject(answer["msg"]) if is_refused else Decision.accept("applied")

    async def _ask(self, event: Event, context: Context) -> dict[str, Any]:
        asked = {
            "type": "new",
            "event": event_json(event),
            "receivedAt": int(time.time()),
            "sourceType": "IP4",
            "sourceInfo": context.ip,
            **({"authed": context.authenticated[-1]} if context.authenticated else {}),
        }
        async with self._asking:
            process = self._process = self._process or await self._start()
            assert process.stdin
            assert process.stdout
            process.stdin.write(json.dumps(asked).encode() + b"\n")
            answer: dict[str, Any] = json.loads(await process.stdout.readline())
        assert answer["id"] == event.id
        return answer

    async def _start(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *COMMAND,
            str(self._policy),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([self._plugins, *sys.path])},
        )

    @property
    def _plugins(self) -> str:
        return str(self._policy.with_name(PLUGINS))


def register(gate: Gate, settings: Any) -> None:
    """Put it where the engine would be."""
    gate.register(ByLines(settings.path), "strfry")


if __name__ == "__main__":
    vars(forgetting)["register"] = register
    run(forgetting.main)
