"""``orly-policy promote``: make the shadow policy the policy."""

from pathlib import Path
from typing import Final

import click

from orly_policy_plugin.lists import KnownLists
from orly_policy_plugin.policy import read_policy
from orly_policy_plugin.policy_file import read_policy_file
from orly_policy_plugin.scripts import check_scripts
from orly_policy_plugin.shadow import shadow_file
from orly_policy_plugin.state import read_state

from .inputs import unusable_policy
from .left_over import Remedies
from .replacing import replace
from .showing import DoneUnprinted, UnusableInput, tell
from .showing_replaced import Shown, state_before
from .target import POLICY, policy_argument, state_option, store_option, target_of

_EPILOG: Final = f"""{POLICY}

\b
Examples:
  orly-policy promote --dry-run
  orly-policy promote policy.json
"""


@click.command(epilog=_EPILOG)
@policy_argument
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@state_option
@store_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
def promote(policy: Path | None, dry_run: bool, state: Path | None, as_json: bool) -> None:
    """Make the shadow policy the policy.

    That is policy.shadow.json beside policy.json, which a running relay asks every question and
    does not obey. It is checked first; then it takes the policy's place, in the store of a fleet
    where one is named, and its file is removed. It is your own act: policy events that are older
    than now are refused from now on. What was there is in the history; `orly-policy rollback` puts
    it back.

    Prints what is decided differently, with a witness for each difference. The exit status is 1
    where the shadow policy cannot be used, 2 where there is none, or where something cannot be
    read or written; then nothing has changed.
    """
    target = target_of(policy, state)
    path = _shadow_of(target.file)
    with unusable_policy(path):
        content = read_policy_file(
            path, target.largest_policy_bytes, if_missing="; write the next policy there"
        )
        new = read_policy(content)
        check_scripts(new, target.scripts_from)
        KnownLists(target.scripts_from).resolve(new, {})
        after = read_state(target.store, target.owners, policy=content)
    there = target.content() if target.store.has_policy() else None
    before = None if there is None else state_before(target, there)
    shown = Shown.of(before, after, frozenset(target.owners), Remedies(policy, state))
    if dry_run:
        shown.report(as_json=as_json, done=None)
        return
    done = replace(target, content, "promote", over=there)
    _remove(path, content)
    try:
        for problem in done.problems:
            tell(f"the policy is changed, but: {problem}")
        shown.report(as_json=as_json, done=done)
    except OSError as error:
        reason = error.strerror or error
        raise DoneUnprinted(
            [f"the shadow policy is the policy; what changes could not be printed: {reason}"]
        ) from error


def _shadow_of(policy: Path) -> Path:
    """:raises UnusableInput: the shadow policy itself is named."""
    named = policy.with_name(policy.name.replace(".shadow", ""))
    if shadow_file(named) == policy:
        raise UnusableInput([f"{policy} is the shadow policy; name the policy: {named}"])
    return shadow_file(policy)


def _remove(path: Path, content: bytes) -> None:
    """Remove the file, unless somebody has put another policy there."""
    try:
        if path.read_bytes() == content:
            path.unlink()
    except OSError as error:
        tell(f"{path} is the policy now, and could not be removed: {error.strerror}")
