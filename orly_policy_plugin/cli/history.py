"""``orly-policy history``: which policies were in force, since when and by whose hand?"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from orly_policy_plugin.authority import CONTRIBUTION_KEYS, unstructure_contribution
from orly_policy_plugin.errors import PolicyError
from orly_policy_plugin.policy import Problem
from orly_policy_plugin.state import Entry, read_state

from .contribution_changes import admin_of, read_again
from .event_ids import meant_event
from .examples import examples
from .moments import when
from .showing import UnusableInput, say_columns, say_json, short, tell
from .target import POLICY, Target, policy_argument, state_option, store_option, target_of, trouble

_UNREADABLE = 2


@click.command(
    epilog=examples(
        "orly-policy history policy.json",
        "orly-policy history --store postgresql://db/relay --json",
        about=POLICY,
    )
)
@policy_argument
@state_option
@store_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array, for programs.")
@click.option(
    "--contribution",
    metavar="EVENT-ID",
    help="Print instead what this contribution says, as sign-update takes it; the first digits "
    "are enough.",
)
@click.pass_context
def history(
    ctx: click.Context,
    policy: Path | None,
    state: Path | None,
    as_json: bool,
    contribution: str | None,
) -> None:
    """List the versions of a policy, newest first.

    * marks the one in force. A version is a policy file with the contributions that were in force,
    which "with" counts. A contribution that came (+) or went (-) with a version is named below it.
    A version's file is put back with `orly-policy rollback`, and two are compared with
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
    if contribution is not None:
        _print_contribution(contribution, entries)
        return
    content, in_force = _present(target)
    marked = _index(entries, content, in_force)
    (_print_json if as_json else _print_text)(entries, marked)
    if content is None:
        ctx.exit(_UNREADABLE)
    if not entries:
        tell(f"{target.name}: there is no history yet; a relay that runs the policy keeps it")
    elif marked is None:
        tell(f"{target.name}: what is in it now is in no entry of the history")


def _present(target: Target) -> tuple[bytes | None, frozenset[str] | None]:
    """The policy file's content, and the contributions in force; ``None`` where that is not known,
    and why is told.
    """
    try:
        content = target.content()
    except PolicyError as error:
        tell(str(error))
        return None, None
    try:
        current = read_state(target.store, target.owners, policy=content)
    except PolicyError as error:
        tell(f"{target.name}: {error}")
        return content, None
    return content, frozenset(one.event_id for one in current.contributions)


def _index(
    entries: list[Entry], content: bytes | None, in_force: frozenset[str] | None
) -> int | None:
    """The newest entry of what is in force; of its file alone where that is all that is known."""
    for i, entry in enumerate(entries):
        same = in_force is None or entry.contributions.keys() == in_force
        if entry.content == content and same:
            return i
    return None


# --- the versions


_HEAD = ("", "version", "when", "how", "who", "event", "with")


def _print_text(entries: list[Entry], marked: int | None) -> None:
    rows: list[tuple[str, ...]] = []
    for i, entry in enumerate(entries):
        rows.append(_row(entry, "*" if i == marked else ""))
        if i + 1 < len(entries):
            rows += _moves(entries[i + 1], entry)
    if rows:
        say_columns([_HEAD, *rows])


def _row(entry: Entry, mark: str) -> tuple[str, ...]:
    return (
        mark,
        entry.version,
        when(entry.recorded_at),
        entry.how,
        short(entry.author or entry.user or "-"),
        short(entry.event_id or "-"),
        str(len(entry.contributions)),
    )


def _moves(before: Entry, entry: Entry) -> Iterator[tuple[str, ...]]:
    """The contributions that came and went with a version, and whose they are."""
    for sign, version, other in (("+", entry, before), ("-", before, entry)):
        for event_id, canonical in version.contributions.items():
            if event_id not in other.contributions:
                author = admin_of(event_id, canonical) or "somebody"
                yield "", f"{sign} {short(event_id)}", f"of {short(author)}"


def _print_json(entries: list[Entry], marked: int | None) -> None:
    made = [{**_as_json(entry), "stands": i == marked} for i, entry in enumerate(entries)]
    say_json(made)


def _as_json(entry: Entry) -> dict[str, Any]:
    return {
        "version": entry.version,
        "when": when(entry.recorded_at),
        "recorded_at": entry.recorded_at,
        "how": entry.how,
        "author": entry.author,
        "user": entry.user,
        "event_id": entry.event_id,
        "contributions": list(entry.contributions),
    }


# --- a contribution


def _print_contribution(event_id: str, entries: list[Entry]) -> None:
    """:raises UnusableInput: it is in no version, or what it said is no longer kept."""
    kept: dict[str, bytes | None] = {}
    for entry in reversed(entries):
        kept.update(entry.contributions)
    meant = meant_event(event_id, kept)
    canonical = kept[meant]
    made = read_again(meant, canonical)
    if made is None:
        raise UnusableInput([f"what the contribution {meant} said is no longer kept"])
    said = unstructure_contribution(made)
    content = {key: value for key, value in said.items() if key in CONTRIBUTION_KEYS}
    if not content:  # as an event's content it would be a whole policy that says nothing
        raise UnusableInput([f"the contribution {meant} adds nothing; nothing is to be sent"])
    say_json(content)
