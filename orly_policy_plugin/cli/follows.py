"""``orly-policy follows``: the follow lists that are kept for a policy."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from orly_policy_hookspecs import malformed
from orly_policy_hookspecs.nip01 import FrozenEvent, kinds
from orly_policy_plugin.authority import verify
from orly_policy_plugin.authority.policy_events import FURTHEST_AHEAD_SECONDS
from orly_policy_plugin.follows import FollowList, NeededLists, follow_list
from orly_policy_plugin.policy.problems import AND_MORE, MOST_PROBLEMS
from orly_policy_plugin.policy.strict_json import JsonObject
from orly_policy_plugin.state import PolicyState
from orly_policy_plugin.state.store import FollowListsKept

from .inputs import content_of, decode, shown_name
from .showing import DoneUnprinted, UnusableInput, say, short
from .target import (
    Target,
    follow_lists_of,
    load_state,
    named_lists_of,
    policy_option,
    state_option,
    target_of,
    trouble,
)

_MISSING = 1
_NOTHING_IMPORTED = "nothing was imported"


@click.group()
def follows() -> None:
    """List and import the follow lists (kind 3) of a policy.

    The exit status is that of the subcommand.
    """


# --- list


@follows.command("list")
@policy_option
@state_option
@click.pass_context
def list_(ctx: click.Context, policy: Path | None, state: Path | None) -> None:
    """List whose follow lists the policy needs, which are kept, and which are missing.

    The exit status is 1 where one that decides something is missing, 2 where the policy cannot
    be read. With --policy - it is read from standard input.
    """
    target = target_of(policy, state, may_be_standard_input=True)
    current = load_state(target)
    lists = follow_lists_of(current, named_lists_of(target, current.policy))
    for author in sorted(lists.kept | current.follows.keys()):
        say(f"{author}  {_state(author, current)}  ({_why(author, lists)})")
    if not lists.kept and not current.follows:
        say("the policy needs no follow list")
    ctx.exit(_MISSING if lists.needed - current.follows.keys() else 0)


def _state(author: str, current: PolicyState) -> str:
    known = current.follows.get(author)
    return f"of {_date(known)}, follows {len(known.followed)}" if known else "missing"


def _why(author: str, lists: NeededLists) -> str:
    if author in lists.by_policy:
        return "the policy needs it"
    if author in lists.by_contributions:
        return "a contribution needs it"
    return "a policy admin's; not needed" if author in lists.kept else "not needed"


def _date(known: FollowList) -> str:
    try:
        return datetime.fromtimestamp(known.created_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return f"{known.created_at} s"


# --- import


@follows.command("import")
@click.argument("file", nargs=-1, required=True, type=click.Path(readable=False))
@policy_option
@state_option
def import_(file: tuple[str, ...], policy: Path | None, state: Path | None) -> None:
    """Keep signed follow lists (kind 3 events) for the policy, where they are newer.

    A FILE holds one event as JSON, an array of events, or one event a line; - is standard input.
    A running relay takes them up within a second.

    The exit status is 2 where one of the events cannot be used: then none is imported. It is 2,
    too, where what was done with them could not be printed; standard error says so.
    """
    events = _load_all(file)
    target = target_of(policy, state)
    done: list[str] = []
    try:
        _keep_newer(events, target, done)
    finally:
        _say_done(done, len(events))


def _keep_newer(events: list[FrozenEvent], target: Target, done: list[str]) -> None:
    """:param done: takes a line for each event that was dealt with. They are printed later: a
    pipe that nobody reads keeps neither the lock nor the rest from being imported.
    """
    with trouble(), target.store.exclusive() as step:
        current = load_state(target)
        kept = follow_lists_of(current, named_lists_of(target, current.policy)).kept
        known = dict(current.follows)
        for event in events:
            newer = follow_list(event)
            what = f"{short(newer.author)} of {_date(newer)} follows {len(newer.followed)}"
            if not newer.replaces(known.get(newer.author)):
                done.append(f"{what}: not newer than what is kept")
                continue
            step.apply(FollowListsKept({newer.author: (newer, event)}))
            known[newer.author] = newer
            not_needed = "" if newer.author in kept else " (the policy does not ask for it)"
            done.append(f"{what}: imported{not_needed}")


def _say_done(done: list[str], of: int) -> None:
    try:
        for line in done:
            say(line)
    except OSError as error:
        how_far = f"{len(done)} of {of} follow lists are imported, or were so before"
        reason = error.strerror or error
        raise DoneUnprinted([f"{how_far}; that could not be printed: {reason}"]) from error


def _load_all(names: tuple[str, ...]) -> list[FrozenEvent]:
    """:raises UnusableInput: with every problem of every file."""
    problems: list[str] = []
    events: list[FrozenEvent] = []
    for name in names:
        try:
            for where, value in _values(content_of(name)):
                wrong = _wrong(value)
                if wrong:
                    problems.append(f"{shown_name(name)}: {where}{wrong}")
                else:
                    events.append(FrozenEvent.of_json(value))
                if len(problems) == MOST_PROBLEMS:
                    raise UnusableInput([*problems, str(AND_MORE), _NOTHING_IMPORTED])
        except ValueError as error:
            problems.append(f"{shown_name(name)}: {error}")
        except OSError as error:
            problems.append(f"{shown_name(name)}: {error.strerror or error}")
    if problems:
        raise UnusableInput([*problems, _NOTHING_IMPORTED])
    return events


def _values(content: bytes) -> Iterator[tuple[str, Any]]:
    """The JSON values that should be events, each with where it is.

    :raises ValueError: it is not JSON.
    """
    lines = [(n, line) for n, line in enumerate(content.splitlines(), 1) if line.strip()]
    if len(lines) > 1 and all(_is_json_object(line) for _, line in lines):
        yield from ((f"line {n}: ", decode(line, "an event")) for n, line in lines)
        return
    value = decode(content, "a signed kind 3 event")
    if not isinstance(value, list):
        yield "", value
    elif not value:
        raise ValueError("the array is empty; signed kind 3 events are needed")
    else:
        yield from ((f"[{i}]: ", item) for i, item in enumerate(value))


def _is_json_object(line: bytes) -> bool:
    return line.lstrip().startswith(b"{") and line.rstrip().endswith(b"}")


def _wrong(value: Any) -> str | None:
    """Why a value is no follow list to trust."""
    if isinstance(value, JsonObject) and value.duplicates:
        return f"the key {value.duplicates[0]!r} occurs more than once"
    if problem := malformed(value):
        return problem
    event = FrozenEvent.of_json(value)
    if event.kind != kinds.FOLLOW_LIST:
        return f"this is kind {event.kind}, a follow list is kind {kinds.FOLLOW_LIST}"
    if (ahead := event.created_at - int(time.time())) > FURTHEST_AHEAD_SECONDS:
        return f"created_at is {ahead} seconds ahead, at most {FURTHEST_AHEAD_SECONDS} are allowed"
    return None if verify(event) else "the id or the signature is wrong"
