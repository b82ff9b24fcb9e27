"""The process in which :mod:`.loading` measures: ``compiling FILE`` or ``replacing FILE``."""

import gc
import json
import os
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Final

from orly_policy_hookspecs import Context, Decision
from orly_policy_plugin.decisions import compile_policy
from orly_policy_plugin.plugin import PolicyPlugin
from orly_policy_plugin.policy import read_policy

from .workloads import SUBMITTER, AnEvent

_EVERY_SECONDS: Final = 0.001
_BASELINE_SECONDS: Final = 1.0
_AFTERWARDS_SECONDS: Final = 0.5
_LOAD_SECONDS: Final = 120
_LARGEST_BYTES: Final = 256 * 1024 * 1024


def compiling(path: Path) -> dict[str, Any]:
    """The seconds it takes to read, check and compile a file, and the bytes that it keeps."""
    compile_policy(read_policy(b'{"rules": {"1": {"size_limit": 1}}}'))  # as warm as a relay is
    before = resident_bytes()
    start = time.perf_counter()
    snapshot = compile_policy(read_policy(path.read_bytes()))
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "kept_bytes": kept_since(before), "version": snapshot.version}


def replacing(path: Path) -> dict[str, Any]:
    """The longest delay of a decision while a plugin's small policy is replaced by a file, the
    longest without that, and the seconds from saving to force.
    """
    with tempfile.TemporaryDirectory() as folder:
        policy = Path(folder, "policy.json")
        policy.write_text('{"rules": {"1": {"size_limit": 100000}}}')
        new = Path(folder, "policy.json.new")
        shutil.copyfile(path, new)
        plugin = PolicyPlugin.load(policy, largest_policy_bytes=_LARGEST_BYTES)
        plugin.start()
        try:
            return _decided_meanwhile(plugin, policy, new)
        finally:
            plugin.stop()


def _decided_meanwhile(plugin: PolicyPlugin, policy: Path, new: Path) -> dict[str, Any]:
    in_force = threading.Event()
    swapped_at = []

    def note(*_: object) -> None:
        swapped_at.append(time.perf_counter())
        in_force.set()

    plugin.listen(note)
    delays = Delays(plugin)
    without = delays.longest_for(_BASELINE_SECONDS)
    before = resident_bytes()
    saved_at = time.perf_counter()
    new.replace(policy)
    longest = delays.longest_until(in_force)
    if not in_force.is_set():
        raise TimeoutError(f"not in force in {_LOAD_SECONDS} s: {plugin.status}")
    longest = max(longest, delays.longest_for(_AFTERWARDS_SECONDS))
    return {
        "longest_delay_ms": longest * 1000,
        "longest_delay_without_ms": without * 1000,
        "saved_to_force_seconds": swapped_at[0] - saved_at,
        "kept_bytes": kept_since(before),
    }


class Delays:
    """Decisions on this thread, one every millisecond, as a relay's event loop makes them."""

    def __init__(self, plugin: PolicyPlugin) -> None:
        self._plugin = plugin

    def longest_for(self, seconds: float) -> float:
        """The seconds by which the latest decision of a time was late."""
        return self._longest(threading.Event(), seconds)

    def longest_until(self, end: threading.Event) -> float:
        """The same until something has happened, or has taken too long."""
        return self._longest(end, _LOAD_SECONDS)

    def _longest(self, end: threading.Event, seconds: float) -> float:
        event, context = AnEvent(), Context(authenticated=(SUBMITTER,))
        longest = 0.0
        until = time.perf_counter() + seconds
        while not end.is_set() and time.perf_counter() < until:
            due = time.perf_counter() + _EVERY_SECONDS
            time.sleep(_EVERY_SECONDS)
            decision = self._plugin.on_write(event, context)
            longest = max(longest, time.perf_counter() - due)
            if not isinstance(decision, Decision) or not decision.accepted:
                raise ValueError(f"the decision is {decision}")
        return longest


def kept_since(before: int | None) -> int | None:
    """The bytes that are kept since :func:`resident_bytes` said ``before``."""
    gc.collect()
    now = resident_bytes()
    return None if before is None or now is None else now - before


def resident_bytes() -> int | None:
    """The process's memory that is there; ``None`` where the system does not say (no /proc)."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    """Measure, and print the figures as JSON."""
    what, path = sys.argv[1:]
    measure = {"compiling": compiling, "replacing": replacing}[what]
    sys.stdout.write(json.dumps(measure(Path(path))))


if __name__ == "__main__":
    main()
