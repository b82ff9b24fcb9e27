"""The contributions that differ between two versions, and the effects. Pure."""

from collections.abc import Mapping
from typing import Literal

import attrs

from orly_policy_plugin.authority import Contribution
from orly_policy_plugin.policy import InvalidPolicy, Policy
from orly_policy_plugin.state import Entry, PolicyState
from orly_policy_plugin.state.contributions import contribution_of_history

from .contribution_words import Effects, effects_of

How = Literal["added", "gone", "changed", "unknown"]
"""``unknown``: it is part of both, and what it said in one of them is no longer kept."""


@attrs.frozen
class Version:
    """A version of a policy: an owner's policy, and the contributions in force."""

    policy: Policy
    contributions: Mapping[str, bytes | None]
    """By event id their canonical JSON, as :attr:`.Entry.contributions` has it."""

    @classmethod
    def of_entry(cls, entry: Entry, policy: Policy) -> "Version":
        """A version of the history.

        :param policy: what its content says.
        """
        return cls(policy, entry.contributions)

    @classmethod
    def of_state(cls, state: PolicyState) -> "Version":
        """A policy with what is kept beside it."""
        return cls(state.policy, {one.event_id: one.canonical for one in state.contributions})


@attrs.frozen
class ContributionChange:
    """One contribution that is not the same in two versions."""

    event_id: str
    how: How
    author: str | None
    """The policy admin; ``None`` where it is no longer kept."""
    effects: Effects | None
    """Newly allowed and refused; ``None`` where what it said is no longer kept."""


def contribution_changes(old: Version, new: Version) -> list[ContributionChange]:
    """Each contribution that is not the same in both, those of the old version first."""
    event_ids = dict.fromkeys((*old.contributions, *new.contributions))
    changes = (_change(event_id, old, new) for event_id in event_ids)
    return [change for change in changes if change]


def _change(event_id: str, old: Version, new: Version) -> ContributionChange | None:
    versions = [version for version in (old, new) if event_id in version.contributions]
    canonical = [version.contributions[event_id] for version in versions]
    if len(canonical) > 1 and canonical[0] is not None and canonical[0] == canonical[1]:
        return None
    read = [read_again(event_id, each) for each in canonical]
    author = next((each.admin for each in reversed(read) if each), None)
    said = [
        effects_of(each, version.policy) if each else None
        for each, version in zip(read, versions, strict=True)
    ]
    if len(versions) > 1:
        was, is_now = said
        if was is None or is_now is None:
            return ContributionChange(event_id, "unknown", author, None)
        return ContributionChange(event_id, "changed", author, is_now.since(was))
    [effects] = said
    if versions == [new]:
        return ContributionChange(event_id, "added", author, effects)
    return ContributionChange(event_id, "gone", author, effects and effects.reversed())


def admin_of(event_id: str, canonical: bytes | None) -> str | None:
    """Whose a contribution of the history is; ``None`` where that is no longer kept."""
    made = read_again(event_id, canonical)
    return made.admin if made else None


def read_again(event_id: str, canonical: bytes | None) -> Contribution | None:
    """A contribution of the history; ``None`` where it is no longer kept, or is none that could be
    used now.
    """
    if canonical is None:
        return None
    try:
        return contribution_of_history(event_id, canonical)
    except InvalidPolicy:
        return None
