"""Printing for the example relay and its client. They print with these functions alone."""

import sys
from pathlib import Path
from typing import NoReturn

import click

from orly_policy_hookspecs.printing import in_a_line

PYTHON = Path(sys.executable).name


def say(text: str) -> None:
    """A line on standard output, with nothing in it that a terminal obeys."""
    click.echo(in_a_line(text))


def tell(text: str) -> None:
    """A line on standard error."""
    click.echo(in_a_line(text), err=True)


def run(command: click.Command) -> NoReturn:
    """Run a command with the arguments of the process, and exit."""
    try:
        command.main(standalone_mode=False)
    except click.ClickException as error:
        tell(f"Error: {error.format_message()}")
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)  # what a shell reports of a command that Ctrl-C ended
    sys.exit(0)


def program(name: str) -> str:
    """A program of this Python's folder, from the current folder where it is below that."""
    path = Path(sys.executable).with_name(name)
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
