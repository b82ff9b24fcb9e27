"""What ``orly-policy strfry`` answers: events a second, one in flight, as strfry asks."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from .real_events import signed_notes
from .timing import Effort

_EVENTS: Final = 20_000
_POLICY: Final = {"rules": {"1": {"content_limit": 10_000}}}


def events_a_second(effort: Effort) -> float:
    """Ask a process about each event, and read its answer before the next."""
    count = 500 if effort.quick else _EVENTS
    source = {"type": "new", "receivedAt": 0, "sourceType": "IP4", "sourceInfo": "192.0.2.7"}
    lines = [
        json.dumps({**source, "event": event}).encode() + b"\n"
        for event in signed_notes(count, "strfry", int(time.time()))
    ]
    with tempfile.TemporaryDirectory() as folder:
        policy = Path(folder) / "policy.json"
        policy.write_text(json.dumps(_POLICY))
        command = [sys.executable, "-m", "orly_policy_plugin.cli", "strfry", str(policy)]
        with subprocess.Popen(  # noqa: S603 -- our own command
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as process:
            assert process.stdin
            assert process.stdout
            began = 0.0
            for number, line in enumerate(lines):
                if number == 1:  # the first has waited for the start
                    began = time.perf_counter()
                process.stdin.write(line)
                process.stdin.flush()
                if b'"accept"' not in process.stdout.readline():
                    raise RuntimeError("an event that the policy accepts was not accepted")
            seconds = time.perf_counter() - began
            process.stdin.close()
    return (count - 1) / seconds
