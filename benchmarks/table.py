"""The table as text and as JSON."""

import os
import platform
from collections.abc import Mapping
from typing import Any, Final

import attrs

from .figures import Measured
from .rows import Row
from .verification import seconds_now

_COLUMNS: Final = "{:<12} {:>11}  {:<17} {:<43} {:<5} {}"

HEADING: Final = _COLUMNS.format("", "ORLY 0.31.7", "goal", "measured", "met", "workload")


def lines_of(row: Row, measured: Measured) -> list[str]:
    """A row of the table; a line for each figure, where there are several."""
    reference = "-" if row.reference is None else f"{row.reference:g} V"
    if not measured.figures:
        goal = ", ".join(map(str, row.goals))
        why_not = f"not measured: {measured.why_not}"
        return [_COLUMNS.format(row.name, reference, goal, why_not, "", "").rstrip()]
    first = row.name, reference, row.workload
    return [
        _COLUMNS.format(
            name, reference, str(figure.goal), str(figure), _yes(figure.is_met), workload
        ).rstrip()
        for figure, (name, reference, workload) in zip(
            measured.figures, [first, *[("", "", "")] * len(measured.figures)], strict=False
        )
    ]


def _yes(is_met: bool) -> str:
    return "yes" if is_met else "NO"


def as_json(results: Mapping[str, tuple[Row, Measured]]) -> dict[str, Any]:
    """All that was measured, and on what."""
    return {
        "machine": machine(),
        "rows": {name: _row_as_json(*result) for name, result in results.items()},
    }


def _row_as_json(row: Row, measured: Measured) -> dict[str, Any]:
    return {
        "workload": row.workload,
        "reference_v": row.reference,
        "goals": [attrs.asdict(goal) for goal in row.goals],
        "figures": [
            {**attrs.asdict(figure), "is_met": figure.is_met} for figure in measured.figures
        ],
        "is_met": measured.is_met,
        "why_not": measured.why_not,
        "notes": measured.notes,
    }


def machine() -> dict[str, Any]:
    """The machine and the Python; V is a rough one, each row has its own."""
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "v_microseconds": round(min(seconds_now() for _ in range(10)) * 1e6, 1),
    }
