"""``orly-policy follows``: the lists of people that are kept for a policy."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from orly_policy_hookspecs import malformed
from orly_policy_hookspecs.nip01 import FrozenEvent, kinds
from orly_policy_plugin.authority import verify
from orly_policy_plugin.authority.policy_events import FURTHEST_AHEAD_SECONDS
from orly_policy_plugin.follows import (
    FollowList,
    NeededLists,
    follow_list,
    kept_as,
    name_of,
)
from orly_policy_plugin.lists import made_of, too_few
from orly_policy_plugin.policy import Policy, Problem
from orly_policy_plugin.policy.named_lists import SIGN, counted_keys
from orly_policy_plugin.policy.problems import AND_MORE, MOST_PROBLEMS
from orly_policy_plugin.policy.strict_json import JsonObject
from orly_policy_plugin.state import PolicyState
from orly_policy_plugin.state.store import FollowListsKept

from .examples import examples
from .inputs import content_of, decode, shown_name
from .moments import when
from .showing import DoneUnprinted, UnusableInput, say, short
from .target import (
    Target,
    follow_lists_of,
    load_state,
    named_lists_of,
    policy_option,
    state_option,
    store_option,
    target_of,
    trouble,
)

_MISSING = 1
_NOTHING_IMPORTED = "nothing was imported"
_KINDS = "3, 10000 or 30000"


@click.group()
def follows() -> None:
    """List and import the lists of people of a policy.

    These are follow lists (kind 3), and the mute lists and follow sets (kind 10000, 30000) that it
    names.

    The exit status is that of the subcommand.
    """


# --- list


@follows.command(
    "list",
    epilog=examples("orly-policy follows list --policy policy.json"),
)
@policy_option
@state_option
@store_option
@click.pass_context
def list_(ctx: click.Context, policy: Path | None, state: Path | None) -> None:
    """List the lists of people that the policy needs.

    It says which are kept, and which are missing.

    The exit status is 1 where one that decides something is missing, 2 where the policy cannot
    be read. With --policy - it is read from standard input.
    """
    target = target_of(policy, state, may_be_standard_input=True)
    current = load_state(target)
    named = named_lists_of(target, current)
    lists = follow_lists_of(current, named)
    for name in sorted(lists.names | current.follows.keys()):
        say(f"{name}  {_state(name, current)}  ({_why(name, lists, current.policy)})")
    if not lists.names and not current.follows:
        say("the policy needs no follow list")
    is_missing = lists.needed - current.follows.keys() or current.policy.lists.keys() - named
    ctx.exit(_MISSING if is_missing else 0)


def _state(name: str, current: PolicyState) -> str:
    known = current.follows.get(name)
    if known is None:
        return "missing"
    is_follow_list = name == known.author
    count = len(known.followed)
    what = f"follows {count}" if is_follow_list else f"has {counted_keys(count)}"
    return f"of {when(known.created_at)}, {what}"


def _why(name: str, lists: NeededLists, policy: Policy) -> str:
    listed = [f"{SIGN}{each}" for each in made_of(name, policy)]
    if name in lists.by_policy:
        return "the policy needs it"
    if name in lists.by_contributions:
        return "a contribution needs it"
    if listed:
        return f"the list {' and '.join(listed)}"
    return "a policy admin's; not needed" if name in lists.kept else "not needed"


# --- import


@follows.command(
    "import",
    epilog=examples("orly-policy follows import lists.jsonl --policy policy.json"),
)
@click.argument("file", nargs=-1, required=True, type=click.Path(readable=False))
@policy_option
@state_option
@store_option
def import_(file: tuple[str, ...], policy: Path | None, state: Path | None) -> None:
    """Keep signed lists of people for the policy.

    They are of kind 3, 10000 and 30000, and are kept where they are newer.

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
        needed = follow_lists_of(current, named_lists_of(target, current)).names
        needed |= _of_second_hops(current)
        known = dict(current.follows)
        for event in events:
            newer, names = follow_list(event), list(kept_as(event))
            what = f"{short(newer.author)} of {when(newer.created_at)} {_has(event, newer)}"
            # What nobody needs now is kept as what it would be needed for first.
            for name in [each for each in names if each in needed] or names[:1]:
                if not newer.replaces(known.get(name)):
                    done.append(f"{what}: not newer than what is kept")
                elif wiped := _wiped(name, event, newer, current.policy):
                    done.append(f"{what}: not imported: {wiped}")
                else:
                    step.apply(FollowListsKept({name: (newer, event)}))
                    known[name] = newer
                    not_needed = "" if name in needed else " (the policy does not ask for it)"
                    done.append(f"{what}: imported{not_needed}")


def _of_second_hops(current: PolicyState) -> frozenset[str]:
    """The authors whose follow lists count for two hops."""
    sources = current.policy.lists.values()
    roots = {name_of(each.address) for each in sources if each.follows_of and each.address}
    return frozenset().union(
        *(current.follows[root].followed for root in roots & current.follows.keys())
    )


def _has(event: FrozenEvent, newer: FollowList) -> str:
    count = len(newer.followed)
    if event.kind == kinds.FOLLOW_LIST:
        return f"follows {count}"
    return f"has {counted_keys(count)} in its kind {event.kind}"


def _wiped(name: str, event: FrozenEvent, newer: FollowList, policy: Policy) -> Problem | None:
    """Why an event is not taken for a named list."""
    sources = made_of(name, policy).values()
    return next((too_few(source, event, newer) for source in sources), None)


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
    value = decode(content, "a signed list of people")
    if not isinstance(value, list):
        yield "", value
    elif not value:
        raise ValueError("the array is empty; signed lists of people are needed")
    else:
        yield from ((f"[{i}]: ", item) for i, item in enumerate(value))


def _is_json_object(line: bytes) -> bool:
    return line.lstrip().startswith(b"{") and line.rstrip().endswith(b"}")


def _wrong(value: Any) -> str | None:
    """Why a value is no list of people to trust."""
    if isinstance(value, JsonObject) and value.duplicates:
        return f"the key {value.duplicates[0]!r} occurs more than once"
    if problem := malformed(value):
        return problem
    event = FrozenEvent.of_json(value)
    if event.kind not in kinds.LISTS:
        return f"this is kind {event.kind}, a list of people is kind {_KINDS}"
    if (ahead := event.created_at - int(time.time())) > FURTHEST_AHEAD_SECONDS:
        return f"created_at is {ahead} seconds ahead, at most {FURTHEST_AHEAD_SECONDS} are allowed"
    return None if verify(event) else "the id or the signature is wrong"
