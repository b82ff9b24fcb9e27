"""``orly-policy diff``: what do two policies mean and decide differently?"""

import time
from pathlib import Path

import click

from orly_policy_plugin.errors import PolicyError
from orly_policy_plugin.policy import InvalidPolicy, read_policy
from orly_policy_plugin.policy.diff import changes_of_meaning
from orly_policy_plugin.state import UnknownVersion, read_state
from orly_policy_plugin.witnesses import Side, compare

from .contribution_changes import Version, contribution_changes, read_again
from .inputs import is_standard_input, largest_policy_bytes, policy_content, shown_name
from .showing import UnusableInput, say_json, tell
from .showing_changes import (
    changes_as_json,
    contribution_changes_as_json,
    show_contribution_changes,
)
from .showing_witnesses import differences_as_json, show_comparison, show_result
from .target import Target, policy_option, state_option, store_option, target_of

_DIFFER = 1


@click.command()
@click.argument("a")
@click.argument("b")
@policy_option
@state_option
@store_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
@click.pass_context
def diff(
    ctx: click.Context, a: str, b: str, policy: Path | None, state: Path | None, as_json: bool
) -> None:
    """Compare two policies by meaning, and by what they decide.

    Says of each place what B newly allows and newly refuses, with a witness: an event and a
    submitter that the two decide differently, which both were asked. Where a difference changes
    no decision (a rule of a kind that is not open, a limit above the global one) it says so.
    The same in other words is no difference. A and B are files, of which - is standard input,
    or versions in the history of the policy file, of which the first digits are enough.

    One question of each region is asked: a limit and one more, one key of each class of keys, one
    violation at a time. Scripts are taken to accept and rates as not used yet; plugins are not
    asked; follow lists and named lists are not read, and a witness says whom it takes to be in
    one.

    The contributions of policy admins are compared, too: a version has those that were in force
    then, a file those that are kept now and would be in force if it were the policy file. Two
    files are compared without them, unless --policy names the policy file that they are for.

    \b
    orly-policy diff policy.json next.json
    orly-policy diff 3f9a policy.json --policy policy.json

    The exit status is 0 where both decide alike, 1 where they do not or that is not known, 2
    where one of them cannot be read.
    """
    alone = policy is None and _is_file(a) and _is_file(b)
    target = None if alone else target_of(policy, state)
    old, new = _version(a, target), _version(b, target)
    changes = changes_of_meaning(old.policy, new.policy)
    of_contributions = contribution_changes(old, new)
    owners = frozenset(target.owners if target else ())
    comparison = compare(_side(old, owners), _side(new, owners), int(time.time()))
    alike = comparison.alike
    if alike and of_contributions:  # no question was made for what these say
        alike = None
    if as_json:
        say_json(
            {
                "same_meaning": not (changes or of_contributions),
                "decide_alike": alike,
                "differences": changes_as_json(changes),
                "witnesses": differences_as_json(comparison),
                "change_no_decision": [change.place for change in comparison.idle],
                "not_found_out": [change.place for change in comparison.untold],
                "not_looked_into": list(comparison.not_looked_into),
                "contributions": contribution_changes_as_json(of_contributions),
            }
        )
    else:
        show_comparison(comparison, changes)
        show_contribution_changes(of_contributions)
        show_result(comparison, changes, of_contributions)
    ctx.exit(0 if alike else _DIFFER)


def _side(version: Version, owners: frozenset[str]) -> Side:
    """A version as it would be in force, as far as what contributions said is kept."""
    read = (read_again(event_id, kept) for event_id, kept in version.contributions.items())
    made = sorted(filter(None, read), key=lambda each: (each.created_at, each.event_id))
    return Side(version.policy, tuple(made), owners)


def _version(name: str, target: Target | None) -> Version:
    try:
        if _is_file(name):
            return _of_file(name, target)
        assert target is not None
        entry = target.store.find_entry(name)
        return Version.of_entry(entry, read_policy(entry.content))
    except InvalidPolicy as error:
        where = shown_name(name)
        raise UnusableInput(f"{where}: {problem}" for problem in error.problems) from error
    except UnknownVersion as error:
        where = f" (of {target.name}; --policy names another)" if target else ""
        raise UnusableInput([f"{name} is no file, and as a version: {error}{where}"]) from error
    except PolicyError as error:
        raise UnusableInput([str(error)]) from error


def _of_file(name: str, target: Target | None) -> Version:
    """A file, as if it were the policy file where one is meant."""
    content = policy_content(Path(name), largest_policy_bytes())
    if target is None:
        return Version(read_policy(content), {})
    current = read_state(target.store, target.owners, policy=content)
    for problem in current.problems:
        tell(f"{shown_name(name)}: {problem}")
    return Version.of_state(current)


def _is_file(name: str) -> bool:
    path = Path(name)
    return is_standard_input(name) or path.exists() or path.is_symlink()
