"""Big policy files: how long they take to load, what they keep, and who waits meanwhile.

Each is measured in a process of its own (:mod:`.loading_child`), whose memory is clean.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import attrs

from . import ROOT
from .workloads import allow_file

_SECONDS = 180


@attrs.frozen
class Loaded:
    """The time and memory that loading a file took."""

    seconds: float
    """To read, check and compile it."""
    bytes_per_key: float | None
    """The memory of the compiled policy; ``None`` where the system does not say."""
    replaced: tuple[dict[str, Any], ...]
    """The results of :func:`.loading_child.replacing`, one each time."""

    @property
    def longest_delays_ms(self) -> list[float]:
        """By how much a decision was late meanwhile at most, each time."""
        return [times["longest_delay_ms"] for times in self.replaced]

    @property
    def longest_delay_without_ms(self) -> float:
        """The same while nothing is loaded, of all times."""
        return max(float(times["longest_delay_without_ms"]) for times in self.replaced)


def load(others: int, repeats: int) -> Loaded:
    """Load a file with a ``write_allow`` of one more than so many keys.

    :raises subprocess.CalledProcessError: a process failed; its output has been shown.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "big.json")
        path.write_bytes(allow_file(others))
        compiled = [_in_child("compiling", path) for _ in range(repeats)]
        replaced = [_in_child("replacing", path) for _ in range(repeats)]
    kept = [times["kept_bytes"] for times in compiled]
    return Loaded(
        min(times["seconds"] for times in compiled),
        None if None in kept else min(kept) / (others + 1),
        tuple(replaced),
    )


def _in_child(what: str, path: Path) -> Any:
    command = [sys.executable, "-m", "benchmarks.loading_child", what, str(path)]
    done = subprocess.run(  # noqa: S603 -- this Python, a module of ours
        command, cwd=ROOT, stdout=subprocess.PIPE, check=True, timeout=_SECONDS
    )
    return json.loads(done.stdout)
