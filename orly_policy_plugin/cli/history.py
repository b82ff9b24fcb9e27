"""``orly-policy history``: which policies were in force, since when and by whose hand?"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from orly_policy_plugin.errors import PolicyError
from orly_policy_plugin.policy import Problem
from orly_policy_plugin.state import Entry

from .showing import say_columns, say_json, short, tell
from .target import POLICY, Target, policy_argument, state_option, target_of, trouble

_UNREADABLE = 2


@click.command(epilog=POLICY)
@policy_argument
@state_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array, for programs.")
@click.pass_context
def history(ctx: click.Context, policy: Path | None, state: Path | None, as_json: bool) -> None:
    """List the versions of a policy, newest first; * marks the one that stands.

    A version is put back with `orly-policy rollback`, and two are compared with
    `orly-policy diff`.

    The exit status is 2 where the history or the policy cannot be read. The versions of a policy
    file that is gone are listed all the same: they can be put back.
    """
    target = target_of(policy, state)
    problems: list[Problem] = []
    with trouble():
        entries = list(target.store.history(problems))
    for problem in problems:
        tell(str(problem))
    content = _content(target)
    stands = next((i for i, entry in enumerate(entries) if entry.content == content), None)
    (_print_json if as_json else _print_text)(entries, stands)
    if content is None:
        ctx.exit(_UNREADABLE)
    if not entries:
        tell(f"{target.file}: there is no history yet; a relay that runs the policy keeps it")
    elif stands is None:
        tell(f"{target.file}: what stands there now is in no entry of the history")


def _content(target: Target) -> bytes | None:
    """The policy file's content, or ``None`` where it cannot be read; then that is told."""
    try:
        return target.content()
    except PolicyError as error:
        tell(str(error))
        return None


def _print_text(entries: list[Entry], stands: int | None) -> None:
    rows = [
        (
            "*" if i == stands else "",
            entry.version,
            _when(entry),
            entry.how,
            short(entry.author or "-"),
            short(entry.event_id or "-"),
        )
        for i, entry in enumerate(entries)
    ]
    if rows:
        say_columns([("", "version", "when", "how", "who", "event"), *rows])


def _print_json(entries: list[Entry], stands: int | None) -> None:
    made = [{**_as_json(entry), "stands": i == stands} for i, entry in enumerate(entries)]
    say_json(made)


def _as_json(entry: Entry) -> dict[str, Any]:
    return {
        "version": entry.version,
        "when": _when(entry),
        "recorded_at": entry.recorded_at,
        "how": entry.how,
        "author": entry.author,
        "event_id": entry.event_id,
    }


def _when(entry: Entry) -> str:
    """ISO 8601; a year beyond 9999, which a file can hold, as seconds."""
    try:
        return datetime.fromtimestamp(entry.recorded_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return f"{entry.recorded_at} s"
