"""Plots as SVG: axes, a grid, lines with marks, a legend. Nothing else, and no library."""

import math
from collections.abc import Callable, Iterator, Sequence
from html import escape
from typing import Final

import attrs

_COLOURS: Final = (
    "#0b5fa5",
    "#c2410c",
    "#15803d",
    "#7e22ce",
    "#a16207",
    "#be123c",
    "#0f766e",
    "#334155",
)
_DASHES: Final = ("", "7 3", "2 3")
_LEFT, _RIGHT, _TOP, _BOTTOM = 80, 270, 50, 60
_WIDTH, _HEIGHT = 480, 320
"""Of the area between the axes, in pixels."""


@attrs.frozen
class Axis:
    """From values to their places, 0 to 1, with the values where the grid has lines."""

    title: str
    ticks: tuple[float, ...]
    """In ascending order; the first and the last are the ends."""
    is_logarithmic: bool = True

    def place(self, value: float) -> float:
        """Where a value is."""
        first, last, here = (self._scaled(v) for v in (self.ticks[0], self.ticks[-1], value))
        return (here - first) / (last - first)

    def _scaled(self, value: float) -> float:
        return math.log10(value) if self.is_logarithmic else value


def decades(title: str, values: Sequence[float]) -> Axis:
    """A logarithmic axis with whole decades around the values."""
    first = math.floor(math.log10(min(values)))
    last = max(math.ceil(math.log10(max(values))), first + 1)
    return Axis(title, tuple(10.0**exponent for exponent in range(first, last + 1)))


def steps(title: str, values: Sequence[float]) -> Axis:
    """A linear axis with a line for every value."""
    return Axis(title, tuple(sorted(values)), is_logarithmic=False)


@attrs.frozen
class Series:
    """One line: its points in the order of x."""

    name: str
    points: tuple[tuple[float, float], ...]


@attrs.frozen
class Panel:
    """One plot."""

    title: str
    x: Axis
    y: Axis
    series: tuple[Series, ...]
    level: tuple[float, str] | None = None
    """A y that is marked across the plot, and its name."""


def svg(panels: Sequence[Panel], note: str) -> str:
    """The panels below each other, and a line of text at the end."""
    panel_height = _TOP + _HEIGHT + _BOTTOM
    width, height = _LEFT + _WIDTH + _RIGHT, panel_height * len(panels) + 25
    drawn = "\n".join(
        f'<g transform="translate({_LEFT},{number * panel_height + _TOP})">\n'
        + "\n".join(_panel(panel))
        + "\n</g>"
        for number, panel in enumerate(panels)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="sans-serif" font-size="12" '
        'fill="#111">\n<rect width="100%" height="100%" fill="#fff"/>\n'
        f"{drawn}\n{_text(10, height - 12, note, size=11)}\n</svg>\n"
    )


def _panel(panel: Panel) -> Iterator[str]:
    def at(x: float, y: float) -> tuple[float, float]:
        return panel.x.place(x) * _WIDTH, (1 - panel.y.place(y)) * _HEIGHT

    yield _text(0, -18, panel.title, size=15, weight="bold")
    yield from _grid(panel, at)
    for number, series in enumerate(panel.series):
        yield from _line(series, number, at)
    yield from _legend(panel.series)


_At = Callable[[float, float], tuple[float, float]]


def _grid(panel: Panel, at: _At) -> Iterator[str]:
    for tick in panel.x.ticks:
        x, _ = at(tick, panel.y.ticks[0])
        yield _stroke(x, 0, x, _HEIGHT)
        yield _text(x, _HEIGHT + 18, _short(tick), anchor="middle")
    for tick in panel.y.ticks:
        _, y = at(panel.x.ticks[0], tick)
        yield _stroke(0, y, _WIDTH, y)
        yield _text(-8, y + 4, _short(tick), anchor="end")
    yield f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="none" stroke="#444"/>'
    yield _text(_WIDTH / 2, _HEIGHT + 40, panel.x.title, anchor="middle")
    turned = f'<g transform="translate(-58,{_HEIGHT / 2}) rotate(-90)">'
    yield f"{turned}{_text(0, 0, panel.y.title, anchor='middle')}</g>"
    if panel.level is not None:
        _, y = at(panel.x.ticks[0], panel.level[0])
        yield _stroke(0, y, _WIDTH, y, colour="#444", dash="6 4")
        yield _text(_WIDTH - 6, y - 5, panel.level[1], anchor="end", size=11)


def _line(series: Series, number: int, at: _At) -> Iterator[str]:
    colour, dash = _style(number)
    places = [at(*point) for point in series.points]
    joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    yield (
        f'<polyline points="{joined}" fill="none" stroke="{colour}" stroke-width="2"'
        f' stroke-dasharray="{dash}"/>'
    )
    for x, y in places:
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'


def _legend(series: Sequence[Series]) -> Iterator[str]:
    for number, each in enumerate(series):
        colour, dash = _style(number)
        y = 10 + 20 * number
        yield _stroke(_WIDTH + 16, y, _WIDTH + 44, y, colour=colour, width=2, dash=dash)
        yield _text(_WIDTH + 50, y + 4, each.name)


def _style(number: int) -> tuple[str, str]:
    """A colour and a dash, so that lines differ where colours do not."""
    return _COLOURS[number % len(_COLOURS)], _DASHES[number % len(_DASHES)]


def _stroke(
    x1: float,
    y1: float,
    x2: float,
    y2: float,
    *,
    colour: str = "#ddd",
    width: float = 1,
    dash: str = "",
) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
        f'stroke-width="{width}" stroke-dasharray="{dash}"/>'
    )


def _text(
    x: float, y: float, text: str, *, anchor: str = "start", size: int = 12, weight: str = "normal"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" '
        f'font-weight="{weight}">{escape(text)}</text>'
    )


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 1 or value == 0 else f"{value:g}"
