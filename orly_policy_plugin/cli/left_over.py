"""What a rollback leaves as it is: contributions, which it takes a signature to change."""

from orly_policy_plugin.policy import read_policy
from orly_policy_plugin.state import Entry, PolicyState

from .contribution_changes import ContributionChange, Version, contribution_changes
from .differing import named, show_contribution_changes
from .showing import say
from .target import version_of_state


def show_left_over(entry: Entry, in_force: PolicyState) -> None:
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
        say(f"{named(change.event_id, change.author)} {_remedy(change, in_force)}")


def _remedy(change: ContributionChange, in_force: PolicyState) -> str:
    """What makes it as it was. Ids are whole: they are to be copied."""
    if change.how == "added":
        command = f"orly-policy withdraw {change.event_id} --key-file KEY --relay URL"
        return f"was not in force then; its author or an owner withdraws it: {command}"
    if change.how != "gone":
        return "was in force then as another; nothing but its file can make it so again"
    if change.event_id in in_force.authors:
        return "is kept and does not count now: `orly-policy check` says why"
    if change.effects is None:
        return "is gone, and what it said is kept no more"
    content = f"orly-policy history --contribution {change.event_id}"
    again = "orly-policy sign-update - --key-file KEY --relay URL"
    return f"is gone for good; its author signs it again: {content} | {again}"
