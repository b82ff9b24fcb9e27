"""The group of commands, and what holds for all of them: exit codes, Ctrl-C, a closed pipe."""

import io
import sys
from typing import NoReturn

import click

from .check import check
from .diff import diff
from .explain import explain
from .follows import follows
from .history import history
from .rollback import rollback
from .script_check import script_check
from .showing import show_error, tell
from .sign_update import sign_update
from .test import test

_INTERRUPTED = 130
"""What a shell reports of a command that Ctrl-C ended."""


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="orly-policy-plugin")
def orly_policy() -> None:
    """Check, explain, test and change the policy of a Nostr relay.

    Exit status: 0 done; 1 the policy cannot be used or is refused, a test failed, or two
    policies differ; 2 the command was called wrongly, or something cannot be read or written.
    """


for _command in (
    check,
    diff,
    explain,
    follows,
    history,
    rollback,
    script_check,
    sign_update,
    test,
):
    orly_policy.add_command(_command)


def main() -> NoReturn:
    """Run the command with the arguments of the process, and exit."""
    _escape_what_cannot_be_shown()
    try:
        status = _run()
    except OSError as error:
        status = _output_failed(error)
    sys.exit(status)


def _run() -> int:
    try:
        status = orly_policy.main(prog_name="orly-policy", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        show_error(error)
        return error.exit_code
    except click.Abort:
        return _INTERRUPTED
    return status if isinstance(status, int) else 0


def _escape_what_cannot_be_shown() -> None:
    """Where the terminal is not UTF-8, ``…`` becomes ``\\u2026`` and no traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _output_failed(error: OSError) -> int:
    """Nobody reads any more (``| head``), which is no news, or the disk is full, which is."""
    if not isinstance(error, BrokenPipeError):
        tell(f"orly-policy: {error}")
    return 1
