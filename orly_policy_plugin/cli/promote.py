"""``orly-policy promote``: make the shadow policy the policy."""

from functools import partial
from pathlib import Path
from typing import Final

import click

from orly_policy_plugin.policy import decode_policy
from orly_policy_plugin.policy_file import read_policy_file
from orly_policy_plugin.shadow import shadow_file
from orly_policy_plugin.state.policy_mark import without_mark

from .inputs import unusable_policy
from .left_over import Remedies
from .showing import UnusableInput, tell
from .showing_replaced import replace_and_show
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
        decode_policy(content)
    replace_and_show(
        target,
        target.content() if target.store.has_policy() else None,
        without_mark(content),
        "promote",
        path,
        Remedies(policy, state),
        dry_run=dry_run,
        as_json=as_json,
        afterwards=partial(_remove, path, content),
    )


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
