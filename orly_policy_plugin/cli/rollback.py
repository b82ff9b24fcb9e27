"""``orly-policy rollback``: put a version of the history back."""

from pathlib import Path
from typing import Final

import click

from orly_policy_plugin.lists import KnownLists
from orly_policy_plugin.policy import read_policy
from orly_policy_plugin.scripts import check_scripts

from .examples import examples
from .inputs import unusable_policy
from .left_over import Remedies, show_left_over
from .replacing import replace
from .showing import DoneUnprinted, UnusableInput, say, tell
from .target import POLICY, policy_argument, state_option, store_option, target_of, trouble

_OF_FILES: Final = frozenset("./")
"""What a version has not."""


@click.command(
    epilog=examples(
        "orly-policy history policy.json",
        "orly-policy rollback 3f9a policy.json",
        about=POLICY,
    )
)
@click.argument("version")
@policy_argument
@state_option
@store_option
def rollback(version: str, policy: Path | None, state: Path | None) -> None:
    """Put a VERSION of the history back, byte for byte.

    It goes into the policy file, or into the store of a fleet; its first digits are enough. It is
    your own act: policy events that are older than now are refused from now on, so that none that
    was applied before comes back. What is there goes into the history first. A running relay takes
    it up like any change of the file.

    Contributions of policy admins are not put back: only who signed one, or an owner, can
    withdraw it, and a withdrawn one has to be signed again. Those that differ from VERSION are
    told, with the command that would do it.

    Prints what changes. The exit status is 1 where the version can no longer be used, 2 where it
    is unknown, or where something cannot be read or written; then nothing has changed. Only where
    the version was put back and that could not be printed is it 2, too; standard error says so.
    """
    if not _OF_FILES.isdisjoint(version):
        raise UnusableInput([f"{version!r:.60} is no version; orly-policy history lists them"])
    target, remedies = target_of(policy, state), Remedies(policy, state)
    with trouble():
        entry = target.store.find_entry(version)
    with unusable_policy(f"version {entry.version}"):
        put_back = read_policy(entry.content)
        check_scripts(put_back, target.scripts_from)
        KnownLists(target.scripts_from).resolve(put_back, {})
    done = replace(target, entry.content, "rollback")
    if done.was_there:
        say(f"the file of version {entry.version} is in {target.name} already")
        show_left_over(entry, done.in_force, remedies)
        return
    try:
        for problem in done.problems:
            tell(f"the policy is put back, but: {problem}")
        say(f"policy put back: version {entry.version}")
        done.show_changes()
        show_left_over(entry, done.in_force, remedies)
    except OSError as error:
        what = f"version {entry.version} is put back into {target.name}"
        reason = error.strerror or error
        raise DoneUnprinted([f"{what}; what changes could not be printed: {reason}"]) from error
