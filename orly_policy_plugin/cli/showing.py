"""Showing things: problems as lines, explanations as tables, and nothing that a terminal
obeys. The commands print with these functions alone.
"""

import itertools
import json
import re
import shutil
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from orly_policy_hookspecs import Decision
from orly_policy_hookspecs.printing import in_a_line, printable
from orly_policy_plugin.decisions import Explanation, Step

_KEY = re.compile(r"\b([0-9a-f]{8})[0-9a-f]{56}\b")
_CONTRIBUTION = re.compile(r"contributions\.([0-9a-f]{64})\.")
_REPEAT_NOTHING = (click.MissingParameter, click.exceptions.NoArgsIsHelpError)
"""Errors with nothing in them that was typed."""
_NARROW = 60
_STYLES = {"deny": "bold red", "grant": "bold green", "pass": ""}
"""Of the outcomes that decide; others are dim."""


class UnusableInput(click.ClickException):
    """Ends the command with lines on standard error, one problem each."""

    exit_code = 2

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines = tuple(map(in_a_line, lines))
        super().__init__("\n".join(self.lines))

    def show(self, file: Any = None) -> None:
        """Print the lines."""
        for line in self.lines:
            click.echo(in_a_line(line), file=file, err=True)


class DoneUnprinted(UnusableInput):
    """Ends a command that has done its work and could not print that."""


class UnusablePolicy(UnusableInput):
    """Ends the command because the policy cannot be used."""

    exit_code = 1


def say(text: str = "") -> None:
    """A line on standard output."""
    click.echo(in_a_line(text))


def tell(text: str) -> None:
    """A line on standard error, for people."""
    click.echo(in_a_line(text), err=True)


def say_columns(rows: Sequence[Sequence[str]], indent: str = "") -> None:
    """A line a row on standard output, for people and for ``grep``: each column is as wide as its
    widest cell, the last as long as it is.

    :param rows: may have fewer cells than the widest row has.
    """
    shown = [[in_a_line(cell) for cell in row] for row in rows]
    columns = itertools.zip_longest(*shown, fillvalue="")
    widths = [max(map(len, column)) for column in columns]
    for row in shown:
        cells = (f"{cell:{width}}" for cell, width in zip(row, widths, strict=False))
        say((indent + "  ".join(cells)).rstrip())


def say_labelled(rows: Iterable[tuple[str, str]], indent: str = "  ") -> None:
    """Labels and texts on standard output, the texts side by side and broken into lines as wide as
    the terminal (80 columns where there is none).
    """
    shown = [(label, in_a_line(text)) for label, text in rows]
    width = max(len(label) for label, _ in shown)
    columns = shutil.get_terminal_size().columns
    for label, text in shown:
        first = f"{indent}{label:{width}}  "
        lines = textwrap.wrap(
            text,
            columns,
            initial_indent=first,
            subsequent_indent=" " * len(first),
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in lines:
            say(line)


def say_json(value: object, indent: int | None = 2) -> None:
    """A JSON value on standard output, in ASCII: what is escaped is the same value to a program.

    :param indent: ``None`` for one line.
    """
    separators = None if indent else (",", ":")
    text = json.dumps(value, indent=indent, separators=separators)
    click.echo(text.replace("\x7f", "\\u007f"))  # DEL, the one control that JSON leaves


def show_error(error: click.ClickException) -> None:
    """Show what ended a command, as click does, with the typed text escaped."""
    if not isinstance(error, (UnusableInput, *_REPEAT_NOTHING)):
        context = getattr(error, "ctx", None)
        error = click.UsageError(in_a_line(error.format_message()), context)
    error.show()


def short(text: str) -> str:
    """The text with keys and ids cut to their first eight digits."""
    return _KEY.sub(r"\1…", printable(text))


def verdict(decision: Decision) -> str:
    """``accept``, or ``reject:`` with the message that the client gets."""
    word = "accept" if decision.accepted else "reject"
    return printable(f"{word}: {decision.message}" if decision.message else word)


def show_steps(explanation: Explanation) -> None:
    """Print the steps as a table, as wide as the terminal (80 columns where there is none)."""
    console = Console(highlight=False, markup=False, emoji=False)
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("place", no_wrap=console.width >= _NARROW, overflow="fold")
    table.add_column("seen", overflow="fold")
    table.add_column("limit", overflow="fold")
    table.add_column("outcome", no_wrap=True)
    for step in explanation.steps:
        table.add_row(*_cells(step))
    console.print(table)
    for event_id in dict.fromkeys(_ids_in(step.place for step in explanation.steps)):
        say()
        say(f"contributions.{event_id[:8]}… is the event")
        say(event_id)


def _ids_in(places: Iterable[str]) -> Iterator[str]:
    """The contributions that places are in: each is named by its event's id."""
    for place in places:
        yield from _CONTRIBUTION.findall(place)


def _cells(step: Step) -> Iterable[Text]:
    place = _CONTRIBUTION.sub(r"contributions.\1.\n  ", printable(step.place))
    yield Text("\n".join(in_a_line(short(line)) for line in place.split("\n")))
    for text in (step.seen, step.limit):
        yield Text(in_a_line(short(text)))
    yield Text(step.outcome, style=_STYLES.get(step.outcome, "dim"))
