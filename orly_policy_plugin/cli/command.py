"""The group of commands, and what holds for all of them: exit codes, Ctrl-C, a closed pipe."""

import contextlib
import io
import os
import sys
from importlib import import_module
from typing import Final, NoReturn

import click

from .showing import show_error, tell

COMMANDS: Final = (
    "check",
    "diff",
    "explain",
    "follows",
    "history",
    "init",
    "lint",
    "metrics",
    "plugins",
    "promote",
    "proxy",
    "publish",
    "replay",
    "rollback",
    "schema",
    "script-check",
    "set",
    "sign-update",
    "status",
    "store",
    "strfry",
    "tail",
    "test",
    "withdraw",
)
_INTERRUPTED = 130
"""The exit status that a shell reports of a command that Ctrl-C ended."""
_CANNOT = 2
_NOBODY_READS = 1


class _Commands(click.Group):
    """Each is imported when it is asked for: all together would take most of a command's time.

    A command has a module of its name, and is the function of its name in there.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names, as the help has them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command; ``None`` where there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        command: click.Command = getattr(import_module(f".{name}", __package__), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is meant; a mistyped one is told with the nearest."""
        name = args[0]
        if not (name in COMMANDS or name.startswith("-") or ctx.resilient_parsing):
            from orly_policy_plugin.policy.problems import did_you_mean

            ctx.fail(f"{name!r:.60} is no command{did_you_mean(name, COMMANDS)}")
        return super().resolve_command(ctx, args)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="orly-policy-plugin")
def orly_policy() -> None:
    """Check, explain, test and change the policy of a Nostr relay, and ask a running one.

    Exit status: 0 done; 1 the policy cannot be used or is refused, a test failed, two policies
    differ, or the lint has something to say; 2 the command was called wrongly, or something
    cannot be read or written, such as the output. Where nobody reads the output to its end
    (`| head`), it is 1.
    """


def main() -> NoReturn:
    """Run the command with the arguments of the process, and exit."""
    _escape_what_cannot_be_shown()
    try:
        status = _run()
    except OSError as error:
        status = _failed(error)
    except MemoryError:
        _tell_if_possible("there is not enough memory for what was given")
        status = _CANNOT
    _forget_what_could_not_be_written()
    sys.exit(status)


def _run() -> int:
    if sys.stdout is None:  # closed by the caller: refused before anything is changed
        _tell_if_possible("standard output is closed")
        return _CANNOT
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


def _failed(error: OSError) -> int:
    """The exit status: nobody reads on (``| head``), or the disk is full, which is told."""
    if isinstance(error, BrokenPipeError):
        return _NOBODY_READS
    where = f"{error.filename}: " if isinstance(error.filename, str) else ""
    _tell_if_possible(f"{where}{error.strerror or error}")
    return _CANNOT


def _tell_if_possible(problem: str) -> None:
    """The exit status says it as well, where standard error cannot be written either."""
    with contextlib.suppress(OSError):
        tell(f"orly-policy: {problem}")


def _forget_what_could_not_be_written() -> None:
    """Python tries again at its end, and would exit with a status of its own, 120."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
