"""All that stands on the disk: the policy file, contributions, follow lists, and their marks.

Read together, each signed event verified again. What cannot be used is a problem for the log,
never removed; only a policy file or marks that cannot be used are errors.
"""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import attrs

from orly_policy_hookspecs import POLICY_EVENT_KIND

from ..authority import verify
from ..authority.allowed_differences import contribution_of
from ..authority.contributions import Contribution, read_contribution
from ..authority.fitting import standing_contributions
from ..authority.freshness import Freshness, Mark
from ..authority.policy_events import read_content
from ..follows import FollowList, follow_list
from ..follows.lists import FOLLOW_LIST_KIND
from ..policy import InvalidPolicy, Policy, Problem, parse_pubkey, read_policy
from .differences import read_difference
from .folders import StateFolders
from .freshness_file import load_freshness
from .policy_mark import PolicyEvent, policy_event_of
from .signed_events import StoredEvents, read_events, read_withdrawals


@attrs.frozen
class StoredEvent:
    """An event as it lies in a file."""

    id: str
    pubkey: str
    created_at: int
    kind: int
    tags: list[list[str]]
    content: str
    sig: str


@attrs.frozen
class Known:
    """Whose a contribution is, and from when."""

    author: str
    created_at: int
    """Unix seconds."""


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

    @property
    def authors(self) -> Mapping[str, str]:
        """Each known contribution's author, by event id."""
        return {event_id: known.author for event_id, known in self.known.items()}

    def following(self, newer: FollowList) -> "Standing":
        """The same with a newer follow list."""
        return attrs.evolve(self, follows={**self.follows, newer.author: newer})

    def decides_like(self, other: "Standing") -> bool:
        """Whether nothing that decides differs, for the same policy file."""
        return self.contributions == other.contributions and self.follows == other.follows

    def with_contribution(self, contribution: Contribution) -> "Standing":
        """The same with one more contribution."""
        every = (*self.all_contributions, contribution)
        standing, _ = standing_contributions(self.policy, every, owners=self.owners)
        known = Known(contribution.admin, contribution.created_at)
        mark = Mark(contribution.created_at, contribution.event_id)
        freshness = self.freshness.with_admin(contribution.admin, mark)
        return attrs.evolve(
            self,
            all_contributions=every,
            known={**self.known, contribution.event_id: known},
            contributions=standing,
            freshness=freshness,
        )


def read_standing(
    folders: StateFolders, content: bytes, owners_of_environment: Iterable[str]
) -> Standing:
    """Read all that stands beside a policy file of this content.

    :raises InvalidPolicy: the policy cannot be used.
    :raises UnusableFreshness: the marks cannot be used.
    """
    policy = read_policy(content)
    problems: list[Problem] = []
    came_in = policy_event_of(content, problems)
    owners = frozenset(policy.owners) | frozenset(owners_of_environment)
    stored = read_events(folders.contributions, bare_allowed=True)
    problems += stored.problems
    events = tuple(_genuine_events(folders, stored, problems))
    bare = tuple(_bare_contributions(folders, stored, problems))
    contributions = (*_signed_contributions(folders, events, problems), *bare)
    standing, skipped = standing_contributions(policy, contributions, owners=owners)
    problems += (
        problem.within(f"contributions.{one.contribution.event_id}")
        for one in skipped
        for problem in one.problems
    )
    freshness = load_freshness(folders.history).raised(_marks(folders, came_in, events, problems))
    return Standing(
        content=content,
        policy=policy,
        came_in=came_in,
        owners=owners,
        all_contributions=contributions,
        known={
            **{event.id: Known(event.pubkey, event.created_at) for event in events},
            **{one.event_id: Known(one.admin, one.created_at) for one in bare},
        },
        contributions=standing,
        follows=MappingProxyType(dict(_follow_lists(folders, problems))),
        freshness=freshness,
        problems=tuple(problems),
    )


def _marks(
    folders: StateFolders,
    came_in: PolicyEvent | None,
    events: Iterable[StoredEvent],
    problems: list[Problem],
) -> Freshness:
    """What the file and signed contributions, withdrawn ones included, say of what was applied."""
    marks = Freshness(came_in.mark if came_in else None)
    for event in events:
        marks = marks.with_admin(event.pubkey, Mark(event.created_at, event.id))
    withdrawals, unread = read_withdrawals(folders.contributions)
    problems += unread
    for event_id, withdrawal in withdrawals.items():
        marks = marks.with_admin(withdrawal.author, Mark(withdrawal.created_at, event_id))
    return marks


def _genuine_events(
    folders: StateFolders, stored: StoredEvents, problems: list[Problem]
) -> Iterator[StoredEvent]:
    for name, value in stored.events.items():
        event = StoredEvent(**value)
        if event.id == name and event.kind == POLICY_EVENT_KIND and verify(event):
            yield event
        else:
            problems.append(_unusable(folders, name, "is no signed policy event of this name"))


def _signed_contributions(
    folders: StateFolders, events: Iterable[StoredEvent], problems: list[Problem]
) -> Iterator[Contribution]:
    for event in events:
        try:
            yield _stored_contribution(folders, event)
        except InvalidPolicy as error:
            problems += (_unusable(folders, event.id, str(each)) for each in error.problems)


def _bare_contributions(
    folders: StateFolders, stored: StoredEvents, problems: list[Problem]
) -> Iterator[Contribution]:
    for name, value in stored.bare.items():
        try:
            yield _bare_contribution(name, value)
        except InvalidPolicy as error:
            problems += (_unusable(folders, name, str(problem)) for problem in error.problems)


def _stored_contribution(folders: StateFolders, event: StoredEvent) -> Contribution:
    """The contribution that an event was when it was applied.

    What an admin's full policy stands for is its difference to the owner's policy of that time:
    compared with a later one it would undo what the owner has changed since.
    """
    content = read_content(event, is_owner=False)
    if isinstance(content, Contribution):
        return content
    return read_difference(folders.contributions, event, content)


def contribution_in(event: Any, policy: Policy, owners: frozenset[str]) -> Contribution:
    """The contribution that an admin's event holds, or that its full policy stands for.

    :raises InvalidPolicy: the content is none, or differs from the policy where it may not.
    """
    content = read_content(event, is_owner=False)
    if isinstance(content, Contribution):
        return content
    return contribution_of(
        content,
        policy,
        owners=owners,
        admin=event.pubkey,
        created_at=event.created_at,
        event_id=event.id,
    )


def _bare_contribution(name: str, value: Mapping[str, Any]) -> Contribution:
    """A contribution in ORLY's format, put there by hand: the operator's own word."""
    created_at = value.get("created_at", 0)
    if type(created_at) is not int or created_at < 0:
        raise InvalidPolicy([Problem("created_at", "is no Unix time")])
    try:
        admin = parse_pubkey(value.get("admin_pubkey"))
    except ValueError as error:
        raise InvalidPolicy([Problem("admin_pubkey", str(error))]) from error
    return read_contribution(value, admin=admin, created_at=created_at, event_id=name)


def _follow_lists(
    folders: StateFolders, problems: list[Problem]
) -> Iterator[tuple[str, FollowList]]:
    stored = read_events(folders.follows)
    problems += stored.problems
    for name, value in stored.events.items():
        event = StoredEvent(**value)
        if event.pubkey == name and event.kind == FOLLOW_LIST_KIND and verify(event):
            yield name, follow_list(event)
        else:
            what = "is no signed follow list of this author"
            problems.append(Problem(f"{folders.follows.name}/{name}.json", what))


def _unusable(folders: StateFolders, name: str, why: str) -> Problem:
    return Problem(f"{folders.contributions.name}/{name}.json", why)
