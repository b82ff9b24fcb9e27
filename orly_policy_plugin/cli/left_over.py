"""The part that a rollback leaves: contributions, which only a signature can change."""

import shlex
from pathlib import Path

import attrs

from orly_policy_plugin.policy import read_policy
from orly_policy_plugin.state import Entry, PolicyState

from .contribution_changes import ContributionChange, Version, contribution_changes
from .showing import say
from .showing_changes import named, show_contribution_changes
from .target import version_of_state

_SEND = "--key-file KEY --relay URL"


@attrs.frozen
class Remedies:
    """The commands that make things as they were, for the policy that was named."""

    policy: Path | None
    state: Path | None

    def rollback(self, version: str) -> str:
        """The command that puts a version back."""
        return f"orly-policy rollback {version}{self._argument}"

    def withdraw(self, event_id: str) -> str:
        """The command that withdraws a contribution."""
        return f"orly-policy withdraw {event_id}{self._options} {_SEND}"

    def send_again(self, event_id: str) -> str:
        """The commands that sign a contribution's content anew."""
        content = f"orly-policy history --contribution {event_id}"
        return f"{content}{self._argument} | orly-policy sign-update -{self._options} {_SEND}"

    @property
    def _options(self) -> str:
        return _option("--policy ", self.policy) + _option("--state ", self.state)

    @property
    def _argument(self) -> str:
        return _option("", self.policy) + _option("--state ", self.state)


def _option(name: str, value: Path | None) -> str:
    return f" {name}{shlex.quote(str(value))}" if value else ""


def show_left_over(entry: Entry, in_force: PolicyState, remedies: Remedies) -> None:
    """Print which contributions are not as they were in a version, and how each gets so again;
    nothing where all are.

    :param entry: the version whose file is in force.
    """
    was = Version.of_entry(entry, read_policy(entry.content))
    changes = contribution_changes(was, Version.of_state(in_force))
    if not changes:
        return
    say()
    say(f"in force is version {version_of_state(in_force)}: contributions are not put back")
    show_contribution_changes(changes)
    say()
    for change in changes:
        say(f"{named(change.event_id, change.author)} {_remedy(change, in_force, remedies)}")


def _remedy(change: ContributionChange, in_force: PolicyState, remedies: Remedies) -> str:
    """The way to have it as it was. Ids are whole: they are to be copied."""
    event_id = change.event_id
    if change.how == "added":
        how = "was not in force then; its author or an owner withdraws it"
        return f"{how}: {remedies.withdraw(event_id)}"
    if change.how == "unknown":
        return "was in force then, too; whether it said the same is no longer known"
    if change.how == "changed":
        return "said something else then; only its file can be put back by hand"
    if event_id in in_force.authors:
        return "is kept and does not count now: `orly-policy check` says why"
    if change.effects is None:
        return "is gone, and what it said is no longer kept"
    return f"is gone for good; its author signs it again: {remedies.send_again(event_id)}"
