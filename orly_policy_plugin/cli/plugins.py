"""``orly-policy plugins``: which plugins are installed here, and what are they?"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from orly_policy_hookspecs.described import Described

from .examples import examples
from .installed import fitted_plugins, installed_plugins
from .showing import say, say_columns, say_json
from .target import POLICY, load_state, policy_argument, state_option, target_of


@click.command(
    epilog=examples("orly-policy plugins", "orly-policy plugins policy.json --json", about=POLICY)
)
@policy_argument
@state_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list, for programs.")
def plugins(policy: Path | None, state: Path | None, as_json: bool) -> None:
    """List the installed plugins, with what a policy says of them.

    For each its distribution and version, whether the policy has settings for it or switches it
    off, the hooks that it has, and the criteria that it adds to rules. The installed plugins are
    those with an entry point in the group orly_policy; a relay may register more. The exit status
    is 1 where a plugin refuses what the policy says, 2 where one cannot be loaded.
    """
    target = target_of(policy, state)
    gate = installed_plugins()
    section: Mapping[str, object] = {}
    if policy is not None or target.file.exists():
        current = load_state(target)
        installed = fitted_plugins(target, current.policy)
        installed.fitted.put_in_force()
        gate, section = installed.gate, current.policy.plugins
    rows = [(each, _state(each, section)) for each in gate.described()]
    if as_json:
        say_json([_members(each, state) for each, state in rows])
    elif not rows:
        say("no plugin is installed (entry-point group orly_policy)")
    else:
        say_columns([_columns(each, state) for each, state in rows])


def _state(described: Described, section: Mapping[str, object]) -> str:
    if not described.is_on:
        return "switched off"
    return "with settings" if section.get(described.name) else "asked"


def _columns(described: Described, state: str) -> Sequence[str]:
    has = ", ".join((*described.hooks, *described.criteria))
    return described.name, described.distribution, state, has


def _members(described: Described, state: str) -> dict[str, object]:
    return {
        "name": described.name,
        "distribution": described.distribution,
        "state": state,
        "hooks": list(described.hooks),
        "criteria": list(described.criteria),
    }
