"""``orly-policy lint``: what in this policy is legal, and surely not meant?"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

import attrs
import click

from orly_policy_plugin.follows import FollowList
from orly_policy_plugin.lint import Examined, slips
from orly_policy_plugin.lists import KnownLists
from orly_policy_plugin.policy import InvalidPolicy, Lists, Policy, read_policy

from .inputs import unusable_policy
from .installed import fitted_plugins
from .showing import UnusableInput, UnusablePolicy, say, say_json, say_labelled, tell
from .target import POLICY_OR_STANDARD_INPUT, Target, policy_argument, store_option, target_of

_SOMETHING = 1
_NO_EVENTS: Final[Mapping[str, FollowList]] = MappingProxyType({})
_EPILOG = f"""{POLICY_OR_STANDARD_INPUT}

\b
Examples:
  orly-policy lint policy.json
  orly-policy lint policy.json --json | jq -r '.[].place'
"""


@click.command(epilog=_EPILOG)
@policy_argument
@store_option
@click.option(
    "--script-failure-read",
    type=click.Choice(["default", "deny"]),
    default="deny",
    show_default=True,
    help="What a script's failure on a read comes to, as the relay is set.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list, for programs.")
@click.pass_context
def lint(
    ctx: click.Context,
    policy: Path | None,
    script_failure_read: Literal["default", "deny"],
    as_json: bool,
) -> None:
    """Find what is legal in a policy and surely not meant.

    For each slip its place, why it is one, what to write instead, and the name under which
    docs/lint.md explains it. check tells them as warnings.

    Keys are looked for in named lists, too; a list that cannot be read, or is made of events, is
    not looked into.
    Scripts are not run, and criteria of plugins are not asked. What is kept beside the policy does
    not count.

    The exit status is 0 where there is nothing to say, 1 where there is, 2 where the policy cannot
    be used.
    """
    target = target_of(policy, None, may_be_standard_input=True)
    with _exit_status_2():
        examined = _examined(target)
    found = slips(attrs.evolve(examined, script_failure_read=script_failure_read))
    if as_json:
        say_json(
            [
                {"place": each.place, "why": each.why, "instead": each.instead, "name": each.name}
                for each in found
            ]
        )
    elif not found:
        say(f"{target.name}: nothing to say")
    else:
        for slip in found:
            say(f"{target.name}: {slip.place}")
            say_labelled([("why", slip.why), ("instead", slip.instead), ("name", slip.name)])
    ctx.exit(_SOMETHING if found else 0)


def _examined(target: Target) -> Examined:
    """:raises UnusablePolicy: it cannot be used.
    :raises UnusableInput: it cannot be read.
    """
    with unusable_policy(target.name):
        policy = read_policy(target.content())
    fitted = fitted_plugins(target, policy).fitted
    return Examined(policy, target.owners, _readable_lists(target, policy), fitted)


def _readable_lists(target: Target, policy: Policy) -> Lists:
    """The keys of those named lists that can be read; of the others it is told why not."""
    lists: dict[str, frozenset[str]] = {}
    for name, source in policy.lists.items():
        try:
            one = attrs.evolve(policy, lists={name: source})
            lists |= KnownLists(target.scripts_from).resolve(one, _NO_EVENTS)
        except InvalidPolicy as error:
            for problem in error.problems:
                tell(f"{target.name}: {problem}: this list is not looked into")
    return lists


@contextmanager
def _exit_status_2() -> Iterator[None]:
    """1 would say that there are slips."""
    try:
        yield
    except UnusablePolicy as error:
        raise UnusableInput(error.lines) from error
