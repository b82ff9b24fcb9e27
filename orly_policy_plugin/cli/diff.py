"""``orly-policy diff``: what do two policies mean differently?"""

from pathlib import Path

import click

from orly_policy_plugin.errors import PolicyError
from orly_policy_plugin.policy import InvalidPolicy, read_policy
from orly_policy_plugin.policy.diff import changes_of_meaning
from orly_policy_plugin.state import UnknownVersion, read_state

from .contribution_changes import Version, contribution_changes
from .inputs import is_standard_input, largest_policy_bytes, policy_content, shown_name
from .showing import UnusableInput, say, say_json, tell
from .showing_changes import (
    changes_as_json,
    contribution_changes_as_json,
    show_changes,
    show_contribution_changes,
)
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
    """Compare two policies by meaning.

    Says what B newly allows and what it newly refuses. A and B are files, of which - is standard
    input, or versions in the history of the policy file, of which the first digits are enough.
    Each place is taken by itself: what is allowed there may still be refused elsewhere. The same
    in other words is no difference.

    The contributions of policy admins are compared, too: a version has those that were in force
    then, a file those that are kept now and would be in force if it were the policy file. Two
    files are compared without them, unless --policy names the policy file that they are for.

    The exit status is 0 where both mean the same, 1 where they differ, 2 where one of them
    cannot be read.
    """
    alone = policy is None and _is_file(a) and _is_file(b)
    target = None if alone else target_of(policy, state)
    old, new = _version(a, target), _version(b, target)
    changes = changes_of_meaning(old.policy, new.policy)
    of_contributions = contribution_changes(old, new)
    same = not (changes or of_contributions)
    if as_json:
        say_json(
            {
                "same_meaning": same,
                "differences": changes_as_json(changes),
                "contributions": contribution_changes_as_json(of_contributions),
            }
        )
    elif same:
        say("both mean the same")
    else:
        show_changes(changes)
        show_contribution_changes(of_contributions)
    ctx.exit(0 if same else _DIFFER)


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
