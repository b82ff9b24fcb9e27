"""All that stands on the disk: the policy file, contributions, follow lists, and their marks.

Read together, each signed event verified. What cannot be used is a problem for the log, never
removed; a policy file or marks that cannot be used are errors, and so is what cannot be read and
of which nothing is known.
"""

from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from typing import Any

import attrs

from ..authority.allowed_differences import contribution_of
from ..authority.contributions import Contribution
from ..authority.fitting import standing_contributions
from ..authority.freshness import Freshness, Mark
from ..follows import FollowList, needed_lists
from ..policy import Policy, Problem, read_policy
from .contribution_files import Known, StoredContributions, read_contributions
from .folders import StateFolders
from .follow_files import StoredFollowLists, read_follow_lists
from .freshness_file import load_freshness
from .policy_mark import PolicyEvent, policy_event_of


@attrs.frozen(kw_only=True)
class Standing:
    """What stands, of one moment."""

    content: bytes
    """The policy file."""
    policy: Policy
    """What it says."""
    came_in: PolicyEvent | None
    """The event that the file came from, where an owner's event made it."""
    owners: frozenset[str]
    """The policy's and those of the environment."""
    all_contributions: tuple[Contribution, ...]
    """Every one that could be read, standing or not."""
    known: Mapping[str, Known]
    """By event id: these, and signed ones that cannot be used now. All can be withdrawn."""
    contributions: tuple[Contribution, ...]
    """Those that are part of the policy in force, oldest first."""
    follows: Mapping[str, FollowList]
    """The newest known list of each author."""
    freshness: Freshness
    """The marks in ``freshness.json``, raised by those of the file and the contributions."""
    problems: tuple[Problem, ...] = ()
    """What could not be used, for the log."""
    stored: StoredContributions | None = attrs.field(default=None, eq=False, repr=False)
    stored_follows: StoredFollowLists | None = attrs.field(default=None, eq=False, repr=False)
    """What was read of the folders, for the next reading."""

    @cached_property
    def authors(self) -> Mapping[str, str]:
        """Each known contribution's author, by event id."""
        return {event_id: known.author for event_id, known in self.known.items()}

    def following(self, newer: FollowList) -> "Standing":
        """The same with a newer follow list."""
        return attrs.evolve(self, follows={**self.follows, newer.author: newer})

    def decides_like(self, other: "Standing") -> bool:
        """Whether nothing that decides differs, for the same policy file."""
        return self.contributions == other.contributions and self.follows == other.follows

    def changes_like(self, other: "Standing") -> bool:
        """Whether a change comes to the same on both: follow lists have no part in it."""
        return (
            self.content == other.content
            and self.known == other.known
            and _by_id(self.all_contributions) == _by_id(other.all_contributions)
            and self.freshness == other.freshness
        )

    def with_contribution(self, contribution: Contribution) -> "Standing":
        """The same with one more contribution."""
        known = Known(contribution.admin, contribution.created_at)
        mark = Mark(contribution.created_at, contribution.event_id)
        made = self._fitted(self.policy, self.owners, (*self.all_contributions, contribution))
        return attrs.evolve(
            made,
            known={**self.known, contribution.event_id: known},
            freshness=self.freshness.with_admin(contribution.admin, mark),
        )

    def without(self, event_ids: Collection[str]) -> "Standing":
        """The same once these contributions are withdrawn."""
        left = tuple(one for one in self.all_contributions if one.event_id not in event_ids)
        known = {name: known for name, known in self.known.items() if name not in event_ids}
        return attrs.evolve(self._fitted(self.policy, self.owners, left), known=known)

    def under(self, content: bytes, owners_of_environment: Iterable[str]) -> "Standing":
        """The same beside another policy file.

        :raises InvalidPolicy: the policy cannot be used.
        """
        policy = read_policy(content)
        owners = frozenset(policy.owners).union(owners_of_environment)
        problems: list[Problem] = []
        came_in = policy_event_of(content, problems)
        made = self._fitted(policy, owners, self.all_contributions)
        marks = Freshness(came_in.mark if came_in else None)
        return attrs.evolve(
            made,
            content=content,
            came_in=came_in,
            freshness=self.freshness.raised(marks),
            problems=(*problems, *made.problems),
        )

    def _fitted(
        self, policy: Policy, owners: frozenset[str], contributions: tuple[Contribution, ...]
    ) -> "Standing":
        standing, problems = _standing(policy, owners, contributions)
        return attrs.evolve(
            self,
            policy=policy,
            owners=owners,
            all_contributions=contributions,
            contributions=standing,
            problems=problems,
        )


def read_standing(
    folders: StateFolders,
    content: bytes,
    owners_of_environment: Iterable[str],
    before: Standing | None = None,
) -> Standing:
    """Read all that stands beside a policy file of this content.

    :param before: what stood before: what has not changed is not understood again, and a
        contribution that cannot be read now stands as it stood.
    :raises InvalidPolicy: the policy cannot be used.
    :raises UnusableFreshness: the marks cannot be used.
    :raises UnreadableNow: a contribution cannot be read, and nothing was known of it.
    """
    problems: list[Problem] = []
    if before is not None and before.content == content:
        policy, came_in = before.policy, before.came_in
    else:
        policy, came_in = read_policy(content), policy_event_of(content, problems)
    owners = frozenset(policy.owners).union(owners_of_environment)
    stored = read_contributions(folders.contributions, before.stored if before else None)
    standing, skipped = _standing(policy, owners, stored.contributions)
    follows = read_follow_lists(
        folders.follows,
        before.stored_follows if before else None,
        needed_lists(policy).kept,
    )
    marks = Freshness(came_in.mark if came_in else None).with_marks(stored.marks)
    return Standing(
        content=content,
        policy=policy,
        came_in=came_in,
        owners=owners,
        all_contributions=stored.contributions,
        known=stored.known,
        contributions=standing,
        follows=follows.lists,
        freshness=load_freshness(folders.history).raised(marks),
        problems=(*problems, *stored.problems, *skipped, *follows.problems),
        stored=stored,
        stored_follows=follows,
    )


def _by_id(contributions: Iterable[Contribution]) -> dict[str, Contribution]:
    return {one.event_id: one for one in contributions}


def _standing(
    policy: Policy, owners: frozenset[str], contributions: tuple[Contribution, ...]
) -> tuple[tuple[Contribution, ...], tuple[Problem, ...]]:
    """Those that stand, and why the others do not."""
    standing, skipped = standing_contributions(policy, contributions, owners=owners)
    problems = tuple(
        problem.within(f"contributions.{one.contribution.event_id}")
        for one in skipped
        for problem in one.problems
    )
    return standing, problems


def contribution_in(
    event: Any, content: Policy | Contribution, policy: Policy, owners: frozenset[str]
) -> Contribution:
    """The contribution that an admin's event holds, or that its full policy stands for.

    :param content: what the event says: see :func:`.read_content`.
    :raises InvalidPolicy: it differs from the policy where it may not.
    """
    if isinstance(content, Contribution):
        return content
    return contribution_of(
        content,
        policy,
        owners=owners,
        admin=event.pubkey,
        created_at=event.created_at,
        event_id=event.id,
        content_bytes=len(event.content.encode()),
    )
