"""From saving a policy file to its being in force."""

import json
import tempfile
import threading
import time
from pathlib import Path

from orly_policy_plugin.plugin import PolicyPlugin

from .workloads import key

_RULES = 100
_SECONDS = 30


def reloads(count: int) -> list[float]:
    """The seconds of so many saves (write and rename) of a file of 100 rules.

    :raises TimeoutError: one is not in force for long.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "policy.json")
        path.write_text(_policy(0))
        plugin = PolicyPlugin.load(path)
        in_force = threading.Event()
        plugin.listen(lambda _old, _new: in_force.set())
        plugin.start()
        try:
            return [_reload(path, number + 1, in_force) for number in range(count)]
        finally:
            plugin.stop()


def _reload(path: Path, number: int, in_force: threading.Event) -> float:
    beside = path.with_suffix(".new")
    beside.write_text(_policy(number))
    in_force.clear()
    start = time.perf_counter()
    beside.replace(path)
    if not in_force.wait(_SECONDS):
        raise TimeoutError(f"a saved policy is not in force in {_SECONDS} s")
    return time.perf_counter() - start


def _policy(number: int) -> str:
    rules = {
        str(kind): {"size_limit": 10_000 + number, "write_allow": [key(kind)]}
        for kind in range(_RULES)
    }
    return json.dumps({"rules": rules})
