"""Replacing the policy in its store, as the operator's own act."""

import os
import pwd
import time

import attrs

from orly_policy_plugin.errors import Unreadable
from orly_policy_plugin.policy import InvalidPolicy, Problem
from orly_policy_plugin.policy.diff import changes_of_meaning
from orly_policy_plugin.state import How, PolicyState, read_state
from orly_policy_plugin.state.changes import Versions, replacement
from orly_policy_plugin.state.entry import LONGEST_NAME
from orly_policy_plugin.state.store import Step

from .showing import UnusableInput, say
from .showing_changes import show_changes
from .target import Target, trouble, version_of_state


@attrs.frozen
class Replaced:
    """What was done."""

    before: PolicyState | None
    """``None`` where there was no policy, or none that can be used."""
    in_force: PolicyState
    """The state with the new policy."""
    was_there: bool
    """Whether it was there already: then nothing has changed."""
    problems: tuple[Problem, ...] = ()
    """What could not be kept although the policy is replaced."""

    def show_changes(self) -> None:
        """Print what the new policy means differently."""
        if self.before is not None:
            changes = changes_of_meaning(self.before.policy, self.in_force.policy)
            show_changes(changes)
            if not changes:
                say("it means the same as what was there")


def replace(target: Target, content: bytes, how: How, *, over: bytes | None = None) -> Replaced:
    """Replace the policy.

    :param content: a policy that can be used.
    :param over: what is there, where the new policy was made of that.
    :raises UnusableInput: something cannot be read or written, or something else is there; nothing
        has changed.
    """
    with trouble(), target.store.exclusive() as step:
        found, before = _what_is_there(target, step)
        if over is not None and found != over:
            what = f"somebody else has changed {target.name} in between"
            raise UnusableInput([f"{what}; nothing has changed here, call it again"])
        in_force = read_state(step, target.owners, before, policy=content)
        if found == content:
            return Replaced(before, in_force, was_there=True)
        now = int(time.time())
        versions = Versions(
            before="" if before is None else version_of_state(before),
            after=version_of_state(in_force),
            now=now,
        )
        unusable = found if before is None else None
        transition = replacement(in_force, before, now, how, unusable=unusable, user=system_user())
        problems = step.apply(transition.change(versions))
        return Replaced(before, in_force, was_there=False, problems=problems)


def system_user() -> str:
    """The name of the system's user who calls the command, for the history; by ``sudo`` both."""
    number = os.getuid()
    try:
        name = pwd.getpwuid(number).pw_name
    except KeyError:
        name = f"user {number}"
    caller = os.environ.get("SUDO_USER", "")
    return f"{caller} as {name}"[:LONGEST_NAME] if caller and caller != name else name


def _what_is_there(target: Target, step: Step) -> tuple[bytes | None, PolicyState | None]:
    """The stored content, and the state; ``None`` for what is not there, or cannot be used."""
    try:
        content = step.read_policy()
    except Unreadable:
        if target.store.has_policy():
            raise
        return None, None
    try:
        return content, read_state(step, target.owners, policy=content)
    except InvalidPolicy:
        return content, None
