"""The figures of a row of the table, each with its unit and its goal."""

import operator
from typing import Any, Final, Literal

import attrs

Unit = Literal["V", "s", "ms", "bytes a key", "x", "KB", "events/s"]

_FORMATS: Final[dict[Unit, str]] = {
    "V": "{:.4f} V",
    "s": "{:.3f} s",
    "ms": "{:.1f} ms",
    "events/s": "{:,.0f} events/s",
    "KB": "{:.1f} KB",
    "bytes a key": "{:.0f} bytes a key",
    "x": "{:.3f}",
}


@attrs.frozen(kw_only=True)
class Goal:
    """The value that a figure should have."""

    value: float
    unit: Unit
    sign: Literal["≤", "≥"] = "≤"

    def is_met_by(self, value: float) -> bool:
        """Whether a figure is good enough."""
        compare = operator.le if self.sign == "≤" else operator.ge
        return bool(compare(value, self.value))

    def __str__(self) -> str:
        return f"{self.sign} {_number(self.value)}{'' if self.unit == 'x' else f' {self.unit}'}"


@attrs.frozen(kw_only=True)
class Figure:
    """One measured number."""

    value: float
    goal: Goal
    what: str = ""
    """Which of a row's numbers it is, where there are several."""

    @property
    def is_met(self) -> bool:
        """Whether it reaches its goal."""
        return self.goal.is_met_by(self.value)

    def __str__(self) -> str:
        shown = _FORMATS[self.goal.unit].format(self.value)
        return f"{shown} {self.what}".strip()


@attrs.frozen(kw_only=True)
class Measured:
    """A row's outcome."""

    figures: tuple[Figure, ...] = ()
    notes: dict[str, Any] = attrs.Factory(dict)
    """More of what was seen, for the JSON file."""
    why_not: str = ""
    """Why nothing was measured, if so."""

    @property
    def is_met(self) -> bool | None:
        """Whether every figure reaches its goal; ``None`` where there is none."""
        return all(figure.is_met for figure in self.figures) if self.figures else None


def _number(value: float) -> str:
    return f"{value:g}"
