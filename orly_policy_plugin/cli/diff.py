"""``orly-policy diff``: what do two policies mean differently?"""

from pathlib import Path

import click

from orly_policy_plugin.errors import PolicyError
from orly_policy_plugin.policy import InvalidPolicy, Policy, read_policy
from orly_policy_plugin.policy.diff import changes_of_meaning
from orly_policy_plugin.state import UnknownVersion

from .differing import changes_as_json, show_changes
from .inputs import is_standard_input, largest_policy_bytes, policy_content, shown_name
from .showing import UnusableInput, say, say_json
from .target import Target, policy_option, state_option, target_of

_DIFFER = 1


@click.command()
@click.argument("a")
@click.argument("b")
@policy_option
@state_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
@click.pass_context
def diff(
    ctx: click.Context, a: str, b: str, policy: Path | None, state: Path | None, as_json: bool
) -> None:
    """Compare two policies by meaning: what does B newly allow, what does it newly refuse?

    A and B are files, of which - is standard input, or versions in the history of the policy
    file, of which the first digits are enough. Each place is taken by itself: what is allowed
    there may still be refused elsewhere. What only says the same in other words is no difference.
    Contributions of admins are not compared.

    The exit status is 0 where both mean the same, 1 where they differ, 2 where one of them
    cannot be read.
    """
    target = None if _is_file(a) and _is_file(b) else target_of(policy, state)
    changes = changes_of_meaning(_policy(a, target), _policy(b, target))
    if as_json:
        same = not changes
        say_json({"same_meaning": same, "differences": changes_as_json(changes)})
    elif changes:
        show_changes(changes)
    else:
        say("both mean the same")
    ctx.exit(_DIFFER if changes else 0)


def _policy(name: str, target: Target | None) -> Policy:
    try:
        return read_policy(_content(name, target))
    except InvalidPolicy as error:
        where = shown_name(name)
        raise UnusableInput(f"{where}: {problem}" for problem in error.problems) from error
    except UnknownVersion as error:
        where = f" (of {target.file}; --policy names another)" if target else ""
        raise UnusableInput([f"{name} is no file, and as a version: {error}{where}"]) from error
    except PolicyError as error:
        raise UnusableInput([str(error)]) from error


def _content(name: str, target: Target | None) -> bytes:
    """A file's, or where there is none of the name, a version's."""
    if target is None or _is_file(name):
        return policy_content(Path(name), largest_policy_bytes())
    return target.store.find_entry(name).content


def _is_file(name: str) -> bool:
    path = Path(name)
    return is_standard_input(name) or path.exists() or path.is_symlink()
