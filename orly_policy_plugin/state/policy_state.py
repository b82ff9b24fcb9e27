"""The state of one relay's policy: all that is kept of it, understood and verified. Pure."""

from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from types import MappingProxyType

import attrs

from ..authority.contributions import Contribution
from ..authority.fitting import standing_contributions
from ..authority.freshness import Freshness
from ..follows import FollowList, needed_lists
from ..policy import Policy, Problem, decode_policy, structure_policy
from .contributions import (
    Source,
    Understood,
    marks_of,
    marks_of_withdrawn,
    problems_in,
    understand,
    usable,
)
from .policy_mark import PolicyEvent, policy_event_in
from .store import Readable, Stored, Withdrawn


@attrs.frozen(kw_only=True)
class PolicyState:
    """The state of a policy at one moment."""

    content: bytes
    """The policy file."""
    policy: Policy
    """The policy that the file holds."""
    came_in: PolicyEvent | None
    """The owner's event that the file came from; ``None`` where it was edited by hand."""
    owners: frozenset[str]
    """The policy's and those of the environment."""
    understood: Mapping[str, Understood]
    """All contributions that are kept, by event id."""
    contributions: tuple[Contribution, ...]
    """The contributions in force, oldest first."""
    follows: Mapping[str, FollowList]
    """The newest known lists of people, by the name under which each is kept."""
    freshness: Freshness
    """The marks of what was applied: the highest of all that say one."""
    problems: tuple[Problem, ...] = ()
    """Everything that could not be used, for the log."""
    withdrawn: Mapping[str, Withdrawn | None] = MappingProxyType({})
    """The withdrawn contributions, by event id."""
    withdrawn_marks: Freshness = attrs.field(factory=Freshness, repr=False)
    """The marks of the withdrawn contributions, by their admins."""

    @cached_property
    def all_contributions(self) -> tuple[Contribution, ...]:
        """Every one that could be understood, in force or not."""
        return usable(self.understood.values())

    @cached_property
    def sources(self) -> Mapping[str, Source]:
        """The author and date of each contribution that can be withdrawn, by event id. Signed
        ones that cannot be used now are among them.
        """
        return {
            event_id: each.source
            for event_id, each in self.understood.items()
            if each.source is not None
        }

    @cached_property
    def authors(self) -> Mapping[str, str]:
        """The author of each contribution that can be withdrawn, by event id."""
        return {event_id: source.author for event_id, source in self.sources.items()}

    @property
    def follow_lists(self) -> Mapping[str, frozenset[str]]:
        """Whom each author follows, by the follow lists that are known."""
        return {
            known.author: known.followed
            for name, known in self.follows.items()
            if name == known.author
        }

    def following(self, name: str, newer: FollowList) -> "PolicyState":
        """This state with a newer list of people.

        :param name: under which it is kept.
        """
        return attrs.evolve(self, follows={**self.follows, name: newer})

    def decides_like(self, other: "PolicyState") -> bool:
        """Whether both decide the same, if their policy files are the same."""
        return self.contributions == other.contributions and self.follows == other.follows

    def changes_like(self, other: "PolicyState") -> bool:
        """Whether any change has the same result on both. Follow lists have no part in it."""
        return (
            self.content == other.content
            and self.sources == other.sources
            and _by_id(self.all_contributions) == _by_id(other.all_contributions)
            and self.freshness == other.freshness
            and self.withdrawn.keys() == other.withdrawn.keys()
        )

    def under(
        self,
        content: bytes,
        policy: Policy,
        came_in: PolicyEvent | None,
        owners_of_environment: Iterable[str],
    ) -> "PolicyState":
        """This state with another policy file.

        :param policy: what the file says.
        :param came_in: the event that it names.
        """
        owners = frozenset(policy.owners).union(owners_of_environment)
        made = attrs.evolve(
            self,
            content=content,
            policy=policy,
            came_in=came_in,
            owners=owners,
            freshness=self.freshness.raised(_marks_in(came_in)),
        )
        return made._fitted()

    def with_contribution(self, event_id: str, new: Understood) -> "PolicyState":
        """This state with one more contribution."""
        understood = MappingProxyType({**self.understood, event_id: new})
        made = attrs.evolve(
            self,
            understood=understood,
            freshness=self.freshness.raised(marks_of({event_id: new})),
        )
        return made._fitted()

    def without(self, withdrawn: Mapping[str, Withdrawn]) -> "PolicyState":
        """This state without these contributions, which are withdrawn.

        :param withdrawn: what is remembered of them, by event id.
        """
        left = {name: each for name, each in self.understood.items() if name not in withdrawn}
        made = attrs.evolve(
            self,
            understood=MappingProxyType(left),
            withdrawn=MappingProxyType({**self.withdrawn, **withdrawn}),
            withdrawn_marks=self.withdrawn_marks.raised(marks_of_withdrawn(withdrawn)),
        )
        return made._fitted()

    def _fitted(self) -> "PolicyState":
        in_force, problems = _in_force(self.policy, self.owners, self.all_contributions)
        return attrs.evolve(self, contributions=in_force, problems=problems)


@attrs.frozen
class _File:
    """A policy file, read."""

    content: bytes
    policy: Policy
    came_in: PolicyEvent | None
    problems: tuple[Problem, ...] = ()

    @classmethod
    def read(cls, content: bytes) -> "_File":
        """:raises InvalidPolicy: it is no policy."""
        value, problems = decode_policy(content), list[Problem]()
        policy = structure_policy(value)
        return cls(content, policy, policy_event_in(value, problems), tuple(problems))


class _Reader:
    """Makes states of what a store holds. What has not changed since the state before is neither
    structured nor verified again.
    """

    def __init__(self, owners_of_environment: Iterable[str], before: PolicyState | None) -> None:
        self._owners = frozenset(owners_of_environment)
        self._before = before
        self._file = _File(before.content, before.policy, before.came_in) if before else None

    def first_lists(self, content: bytes) -> Collection[str]:
        """The lists that the owner's policy needs, and policy admins': a store's ``first_lists``.

        :raises InvalidPolicy: the policy cannot be used.
        """
        return needed_lists(self._read(content).policy).names

    def state(self, stored: Stored) -> PolicyState:
        """The state that a store holds.

        :raises InvalidPolicy: the policy cannot be used.
        """
        before, file = self._before, self._read(stored.content)
        owners = self._owners.union(file.policy.owners)
        understood = understand(stored.contributions, before.understood if before else {})
        if before is not None and before.withdrawn is stored.withdrawn:
            withdrawn_marks = before.withdrawn_marks
        else:
            withdrawn_marks = marks_of_withdrawn(stored.withdrawn)
        in_force, skipped = _in_force(file.policy, owners, usable(understood.values()))
        marks = _marks_in(file.came_in).raised(withdrawn_marks).raised(marks_of(understood))
        return PolicyState(
            content=stored.content,
            policy=file.policy,
            came_in=file.came_in,
            owners=owners,
            understood=understood,
            contributions=in_force,
            follows=stored.follow_lists,
            freshness=stored.freshness.raised(marks),
            problems=(*file.problems, *stored.problems, *problems_in(understood), *skipped),
            withdrawn=stored.withdrawn,
            withdrawn_marks=withdrawn_marks,
        )

    def _read(self, content: bytes) -> _File:
        if self._file is None or self._file.content != content:
            self._file = _File.read(content)
        return self._file


def read_state(
    store: Readable,
    owners_of_environment: Iterable[str],
    before: PolicyState | None = None,
    policy: bytes | None = None,
) -> PolicyState:
    """The state that a store holds now.

    :param before: a state that was read from the store: what has not changed is taken from there.
    :param policy: taken for the policy, which is not read then.
    :raises InvalidPolicy: the policy cannot be used.
    :raises PolicyError: see :meth:`.Store.read`.
    """
    reader = _Reader(owners_of_environment, before)
    return reader.state(store.read(reader.first_lists, policy))


def _marks_in(came_in: PolicyEvent | None) -> Freshness:
    return Freshness(came_in.mark if came_in else None)


def _by_id(contributions: Iterable[Contribution]) -> dict[str, Contribution]:
    return {one.event_id: one for one in contributions}


def _in_force(
    policy: Policy, owners: frozenset[str], contributions: tuple[Contribution, ...]
) -> tuple[tuple[Contribution, ...], tuple[Problem, ...]]:
    """The contributions that are in force, and why the others are not."""
    in_force, skipped = standing_contributions(policy, contributions, owners=owners)
    problems = tuple(
        problem.within(f"contributions.{one.contribution.event_id}")
        for one in skipped
        for problem in one.problems
    )
    return in_force, problems
