"""The most that policy admins can have standing: what one change, and a start, cost then.

Section 9 of the spec bounds what one admin may have standing; each shape fills these
bounds in another way, and is measured in a process of its own (:mod:`.admins_child`).
"""

import json
import subprocess
import sys
from typing import Any, Final

import attrs

from . import ROOT

SHAPES: Final = (
    "kinds",
    "rules",
    "extensions",
    "keys",
    "authors",
    "regexes",
    "withdrawals",
)
_SECONDS: Final = 300


@attrs.frozen
class Worst:
    """The worst of all shapes, each figure with its shape."""

    to_apply_seconds: tuple[float, str]
    to_start_seconds: tuple[float, str]
    latest_decision_ms: tuple[float, str]
    kept_megabytes: tuple[float, str] | None
    """``None`` where the system does not say."""
    shapes: dict[str, dict[str, Any]]
    """The figures of each shape."""


def worst(admins: int, shapes: tuple[str, ...] = SHAPES) -> Worst:
    """Measure the worst state that so many admins can have standing.

    :raises subprocess.CalledProcessError: a process failed; its output has been shown.
    """
    measured = {shape: _in_child(shape, admins) for shape in shapes}
    kept = _largest(measured, "kept_bytes", 1e-6)
    return Worst(
        _largest(measured, "seconds_to_apply"),
        _largest(measured, "seconds_to_start"),
        _largest(measured, "longest_delay_ms"),
        kept if all(each["kept_bytes"] is not None for each in measured.values()) else None,
        measured,
    )


def _largest(
    measured: dict[str, dict[str, Any]], figure: str, scale: float = 1.0
) -> tuple[float, str]:
    shape = max(measured, key=lambda shape: measured[shape][figure] or 0)
    return (measured[shape][figure] or 0) * scale, shape


def _in_child(shape: str, admins: int) -> Any:
    command = [sys.executable, "-m", "benchmarks.admins_child", shape, str(admins)]
    done = subprocess.run(  # noqa: S603 -- this Python, a module of ours
        command, cwd=ROOT, stdout=subprocess.PIPE, check=True, timeout=_SECONDS
    )
    return json.loads(done.stdout)
