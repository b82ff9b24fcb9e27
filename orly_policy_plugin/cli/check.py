"""``orly-policy check``: is this policy right, and what does it say?"""

from collections.abc import Iterator
from pathlib import Path

import click

from orly_policy_plugin.authority import standing_contributions
from orly_policy_plugin.lint import Examined, slips
from orly_policy_plugin.policy import Lists, Problem
from orly_policy_plugin.starting import start_problems
from orly_policy_plugin.state import PolicyState

from .contribution_words import effects_of
from .examples import examples
from .installed import fitted_plugins
from .showing import UnusablePolicy, say, say_columns, short, tell
from .showing_changes import allows_and_refuses
from .summary import summary
from .target import (
    POLICY_OR_STANDARD_INPUT,
    Target,
    follow_lists_of,
    load_state,
    named_lists_of,
    policy_argument,
    state_option,
    store_option,
    target_of,
    tell_of_second_hop,
    version_of_state,
)


@click.command(
    epilog=examples(
        "orly-policy check policy.json",
        "orly-policy check policy.json --start",
        about=POLICY_OR_STANDARD_INPUT,
    )
)
@policy_argument
@state_option
@store_option
@click.option(
    "--start", is_flag=True, help="Exit status 1, too, where a relay would not start with it."
)
def check(policy: Path | None, state: Path | None, start: bool) -> None:
    """Check a policy as a relay does at start.

    The contributions that are kept beside it are checked, too. The installed plugins check the
    settings and the criteria that it has of them.

    Prints the version in force, what each rule says, and what each contribution allows and refuses
    or why it does not count; or every problem with its place in the file: then the exit status is
    1. It is 2 where something cannot be read. What is kept beside the policy and cannot be used is
    told on standard error.

    What would keep a relay from starting with it, such as a follow list that is not kept here, is
    told there, too. With --start the exit status is 1 then.

    What is legal and surely not meant is told there as a warning: see lint.
    """
    target = target_of(policy, state, may_be_standard_input=True)
    current = load_state(target)
    fitted = fitted_plugins(target, current.policy).fitted
    lists = named_lists_of(target, current)
    tell_of_second_hop(current.policy)
    _check_start(target, current, lists, stop=start)
    for slip in slips(Examined(current.policy, current.owners, lists, fitted)):
        tell(f"{target.name}: warning: {slip}")
    say(f"{target.name}: version {version_of_state(current)}")
    parts = summary(current.policy, fitted.criteria, lists)
    say_columns([*parts, *_contributions(current)], indent="  ")


def _check_start(target: Target, current: PolicyState, lists: Lists, *, stop: bool) -> None:
    """Tell what would keep a relay from starting with the policy.

    :raises UnusablePolicy: there is something, and it is to stop the command.
    """
    missing = follow_lists_of(current, lists).needed - current.follows.keys()
    problems = start_problems(current, target.scripts_from, missing, lists)
    lines = [f"{target.name}: a start would be refused: {problem}" for problem in problems]
    if stop and lines:
        raise UnusablePolicy(lines)
    for line in lines:
        tell(line)


def _contributions(current: PolicyState) -> Iterator[tuple[str, str]]:
    """A line for each that is kept: those in force, then the others with the reason."""
    kept, in_force = current.understood, current.contributions
    if not kept:
        return
    yield "contributions", f"{len(in_force)} of {len(kept)} in force"
    for made in in_force:
        says = allows_and_refuses(effects_of(made, current.policy)) or "adds nothing"
        yield short(made.event_id), short(f"of {made.admin}  {says}")
    for event_id, problems in _left_out(current):
        author = current.authors.get(event_id, "somebody")
        why = "; ".join(map(str, problems))
        yield short(event_id), short(f"of {author}  not in force: {why}")


def _left_out(current: PolicyState) -> Iterator[tuple[str, tuple[Problem, ...]]]:
    """The contributions that are kept and not in force: those that cannot be used, and those that
    do not fit.
    """
    for event_id, each in current.understood.items():
        if each.contribution is None:
            yield event_id, each.problems
    _, skipped = standing_contributions(
        current.policy, current.all_contributions, owners=current.owners
    )
    for one in skipped:
        yield one.contribution.event_id, one.problems
