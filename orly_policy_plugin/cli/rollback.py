"""``orly-policy rollback``: put a version of the history back."""

import time
from pathlib import Path

import attrs
import click

from orly_policy_plugin.errors import Unreadable
from orly_policy_plugin.lists import KnownLists
from orly_policy_plugin.policy import InvalidPolicy, Problem, read_policy
from orly_policy_plugin.policy.diff import changes_of_meaning
from orly_policy_plugin.scripts import check_scripts
from orly_policy_plugin.state import Entry, PolicyState, read_state
from orly_policy_plugin.state.changes import Versions, replacement
from orly_policy_plugin.state.store import Step

from .inputs import unusable_policy
from .left_over import Remedies, show_left_over
from .showing import DoneUnprinted, say, tell
from .showing_changes import show_changes
from .target import (
    POLICY,
    Target,
    policy_argument,
    state_option,
    target_of,
    trouble,
    version_of_state,
)


@click.command(epilog=POLICY)
@click.argument("version")
@policy_argument
@state_option
def rollback(version: str, policy: Path | None, state: Path | None) -> None:
    """Put a VERSION of the history back, byte for byte.

    It goes into the policy file; its first digits are enough. It is your own act: policy events
    that are older than now are refused from now on, so that none that was applied before comes
    back. What is in the file goes into the history first. A running relay takes it up like any
    change of the file.

    Contributions of policy admins are not put back: only who signed one, or an owner, can
    withdraw it, and a withdrawn one has to be signed again. Those that differ from VERSION are
    told, with the command that would do it.

    Prints what changes. The exit status is 1 where the version can no longer be used, 2 where it
    is unknown, or where something cannot be read or written; then nothing has changed. Only where
    the version was put back and that could not be printed is it 2, too; standard error says so.
    """
    target, remedies = target_of(policy, state), Remedies(policy, state)
    with trouble():
        entry = target.store.find_entry(version)
    with unusable_policy(f"version {entry.version}"):
        put_back = read_policy(entry.content)
        check_scripts(put_back, target.scripts_from)
        KnownLists(target.scripts_from).resolve(put_back, {})
    with trouble(), target.store.exclusive() as step:
        found = _Found.read(target, step)
        in_force = read_state(step, target.owners, found.state, policy=entry.content)
        is_there = found.content == entry.content
        problems = () if is_there else _put_back(in_force, found, step)
    if is_there:
        say(f"the file of version {entry.version} is in {target.file} already")
        show_left_over(entry, in_force, remedies)
        return
    try:
        for problem in problems:
            tell(f"the policy is put back, but: {problem}")
        _show(entry, in_force, found)
        show_left_over(entry, in_force, remedies)
    except OSError as error:
        done = f"version {entry.version} is put back into {target.file}"
        reason = error.strerror or error
        raise DoneUnprinted([f"{done}; what changes could not be printed: {reason}"]) from error


@attrs.frozen
class _Found:
    """The policy before; ``None`` where there was none, or none that can be used."""

    content: bytes | None
    state: PolicyState | None

    @classmethod
    def read(cls, target: Target, step: Step) -> "_Found":
        try:
            content = step.read_policy()
        except Unreadable:
            if target.store.has_policy():
                raise
            return cls(None, None)
        try:
            return cls(content, read_state(step, target.owners, policy=content))
        except InvalidPolicy:
            return cls(content, None)


def _put_back(state: PolicyState, found: _Found, step: Step) -> tuple[Problem, ...]:
    """Put a version back.

    :param state: the state with the policy of that version.
    :return: what could not be kept although the version is put back.
    """
    now, base = int(time.time()), found.state
    unusable = found.content if base is None else None
    versions = Versions(
        before="" if base is None else version_of_state(base),
        after=version_of_state(state),
        now=now,
    )
    transition = replacement(state, base, now, "rollback", unusable=unusable)
    return step.apply(transition.change(versions))


def _show(entry: Entry, in_force: PolicyState, found: _Found) -> None:
    say(f"policy put back: version {entry.version}")
    if found.state is not None:
        changes = changes_of_meaning(found.state.policy, in_force.policy)
        show_changes(changes)
        if not changes:
            say("it means the same as what was there")
