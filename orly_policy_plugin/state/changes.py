"""Changes of a policy as values. Pure.

Each function takes the present state and an update, and returns the :class:`Transition` to the new
state; it raises where the update is refused. It neither compiles the policy nor writes anything.
Whoever finds another state when the change is to be written calls the function again, with that
state and the same update.
"""

from collections.abc import Iterable, Mapping
from typing import Final, Protocol

import attrs

from orly_policy_hookspecs import Event
from orly_policy_hookspecs.nip01 import event_json

from ..authority.allowed_differences import contribution_of
from ..authority.contributions import Contribution
from ..authority.fitting import check_fits
from ..authority.freshness import Freshness, Mark
from ..authority.policy_events import RefusedUpdate, Update, check_owner_policy
from ..authority.withdrawals import withdrawn_by
from ..policy import InvalidPolicy, Policy, Problem
from .contributions import Understood
from .entry import Entry, How
from .full_policies import difference_of
from .policy_mark import PolicyEvent, reads_back, with_mark
from .policy_state import PolicyState
from .store import (
    Change,
    ContributionAdded,
    ContributionsWithdrawn,
    PolicyReplaced,
    StoredContribution,
    Withdrawn,
)

_WITHDRAWN_BEFORE: Final = "invalid: the policy event is not new: it has been withdrawn"
WITHDRAWN: Final = "contribution withdrawn"
"""The beginning of the message for a withdrawal that took effect."""
_NOTHING_NAMED: Final = "blocked: none of your contributions is named"


@attrs.frozen
class Versions:
    """The versions before and after a change, and its time."""

    before: str
    after: str
    now: int
    """Unix seconds."""


class Transition(Protocol):
    """A change that is allowed."""

    @property
    def state(self) -> PolicyState:
        """The new state."""

    def message(self, version: str) -> str:
        """The message to whoever asked for the change, once it is made."""

    def change(self, versions: Versions) -> Change:
        """What a store is to write."""


# --- an owner's policy


@attrs.frozen
class _PolicySent:
    base: PolicyState
    state: PolicyState
    event: Event

    def message(self, version: str) -> str:
        return f"policy updated: version {version}"

    def change(self, versions: Versions) -> Change:
        return PolicyReplaced(
            entry=entry_of(self.state, versions.after, versions.now, "event"),
            freshness=self.state.freshness,
            before=_entry_before(self.base, versions),
            freshness_before=self.base.freshness,
            event=event_json(self.event),
        )


def owner_policy(
    event: Event,
    update: Update,
    base: PolicyState,
    *,
    owners: Iterable[str],
    known_scripts: Iterable[str],
    most_bytes: int,
) -> Transition:
    """An owner's policy event replaces the policy.

    :param event: the event that the update was read from.
    :param owners: those of the environment.
    :param known_scripts: what it may name: see :func:`.authority.examine`.
    :param most_bytes: a larger policy file could not be read again.
    :raises InvalidPolicy: with every reason why it is refused.
    """
    assert update.document is not None
    content = with_mark(update.document, update.mark, update.author)
    if len(content) > most_bytes:
        too_large = f"the policy has {len(content)} bytes as a file, over {most_bytes}"
        raise InvalidPolicy([Problem("", too_large)])
    # The file is larger than the event: beyond a bound, it would stop the next start.
    if not reads_back(content, update.document):
        raise InvalidPolicy([Problem("", "the policy does not read back as it is sent")])
    policy = update.content
    assert isinstance(policy, Policy)
    check_owner_policy(policy, update.author, frozenset(known_scripts))
    came_in = PolicyEvent(update.mark, update.author)
    return _PolicySent(base, base.under(content, policy, came_in, owners), event)


# --- a policy admin's contribution


@attrs.frozen
class _ContributionSent:
    state: PolicyState
    stored: StoredContribution
    contribution: Contribution
    replaces: Mapping[str, Withdrawn]

    def message(self, version: str) -> str:
        nothing = self.contribution.adds_nothing
        what = "adds nothing" if nothing else "contribution accepted"
        return f"{what}: version {version}"

    def change(self, versions: Versions) -> Change:
        made = self.contribution
        return ContributionAdded(
            event_id=made.event_id,
            contribution=self.stored,
            entry=attrs.evolve(
                entry_of(self.state, versions.after, versions.now, "contribution"),
                author=made.admin,
                event_id=made.event_id,
            ),
            freshness=self.state.freshness,
            replaces=self.replaces,
        )


def admin_contribution(event: Event, update: Update, base: PolicyState) -> Transition:
    """A policy admin's event adds to the policy.

    :param event: the event that the update was read from.
    :raises RefusedUpdate: it is withdrawn for good, whatever the marks say.
    :raises InvalidPolicy: it may not add what it adds, or differs where it may not.
    """
    if event.id in base.withdrawn:
        raise RefusedUpdate(_WITHDRAWN_BEFORE)
    contribution = contribution_in(event, update.content, base.policy, base.owners)
    check_fits(contribution, base.policy, owners=base.owners, standing=base.contributions)
    difference = contribution.canonical if contribution.is_full_policy else None
    stored = StoredContribution(event_json(event), difference)
    new = Understood.of_update(stored, contribution)
    state = base.with_contribution(contribution.event_id, new)
    replaced = _replaced_by(contribution.event_id, state)
    withdrawn = _withdrawn(replaced, state, by=contribution.event_id)
    return _ContributionSent(state.without(withdrawn), stored, contribution, withdrawn)


def contribution_in(
    event: Event, content: Policy | Contribution, policy: Policy, owners: frozenset[str]
) -> Contribution:
    """The contribution that an admin's event holds, or that its full policy stands for.

    :param content: see :attr:`.Update.content`.
    :raises InvalidPolicy: it differs from the policy where it may not.
    """
    if isinstance(content, Contribution):
        return content
    made = contribution_of(
        content,
        policy,
        owners=owners,
        admin=event.pubkey,
        created_at=event.created_at,
        event_id=event.id,
        content_bytes=len(event.content.encode()),
    )
    # Only what is stored of it counts, so that has to say all of it.
    return difference_of(event, content, made.canonical)


# --- a withdrawal


@attrs.frozen
class _Withdrawal:
    state: PolicyState
    event: Event
    withdrawn: Mapping[str, Withdrawn]

    def message(self, version: str) -> str:
        return f"{WITHDRAWN}: version {version}"

    def change(self, versions: Versions) -> Change:
        return ContributionsWithdrawn(
            withdrawn=self.withdrawn,
            entry=attrs.evolve(
                entry_of(self.state, versions.after, versions.now, "withdrawal"),
                author=self.event.pubkey,
                event_id=self.event.id,
            ),
            freshness=self.state.freshness,
        )


def named_contributions(event: Event, base: PolicyState) -> tuple[str, ...]:
    """The contributions that a kind 5 withdraws; it is for the caller to have it verified.

    :raises RefusedUpdate: there are none.
    """
    named = withdrawn_by(event, base.authors, base.owners)
    if not named:
        raise RefusedUpdate(_NOTHING_NAMED)
    return named


def withdrawal(event: Event, base: PolicyState) -> Transition:
    """A kind 5 withdraws the contributions that it names.

    :raises RefusedUpdate: it names none that its author may withdraw.
    """
    named = named_contributions(event, base)
    # What they replaced goes with them, should a crash have left it.
    gone = [*(old for each in named for old in _replaced_by(each, base)), *named]
    withdrawn = _withdrawn(gone, base, by=event.id)
    return _Withdrawal(base.without(withdrawn), event, withdrawn)


# --- the operator's replacement


@attrs.frozen
class _Replacement:
    base: PolicyState | None
    state: PolicyState
    how: How
    unusable: bytes | None
    user: str | None

    def message(self, version: str) -> str:
        return f"policy replaced: version {version}"

    def change(self, versions: Versions) -> Change:
        return PolicyReplaced(
            entry=attrs.evolve(
                entry_of(self.state, versions.after, versions.now, self.how), user=self.user
            ),
            freshness=self.state.freshness,
            before=None if self.base is None else _entry_before(self.base, versions),
            freshness_before=Freshness() if self.base is None else self.base.freshness,
            unusable=self.unusable,
        )


def replacement(
    state: PolicyState,
    base: PolicyState | None,
    now: int,
    how: How,
    *,
    unusable: bytes | None = None,
    user: str | None = None,
) -> Transition:
    """The operator replaces the policy. Events that are older than now are refused from then on.

    :param state: the state with the new policy.
    :param base: the present state; ``None`` where the present policy cannot be used.
    :param now: Unix seconds.
    :param unusable: the present policy's content, where it cannot be used.
    :param user: the system's, who calls a command.
    """
    marks = state.freshness if base is None else state.freshness.raised(base.freshness)
    freshness = marks.with_owner(Mark(now))
    return _Replacement(base, attrs.evolve(state, freshness=freshness), how, unusable, user)


# --- what they share


def entry_of(state: PolicyState, version: str, now: int, how: How) -> Entry:
    """The history's entry for a state that came into force.

    :param version: of the policy with its contributions.
    :param now: Unix seconds.
    """
    came_in = state.came_in if how == "event" else None
    return Entry(
        version=version,
        recorded_at=now,
        how=how,
        author=came_in.author if came_in else None,
        event_id=came_in.mark.event_id if came_in else None,
        content=state.content,
        contributions={each.event_id: each.canonical for each in state.contributions},
    )


def _entry_before(base: PolicyState, versions: Versions) -> Entry:
    how: How = "event" if base.came_in else "hand edit"
    return entry_of(base, versions.before, versions.now, how)


def _replaced_by(event_id: str, state: PolicyState) -> tuple[str, ...]:
    """The same admin's earlier full policies, which this one replaces for good."""
    fulls = [one for one in state.all_contributions if one.is_full_policy]
    return tuple(
        other.event_id
        for new in fulls
        for other in fulls
        if new.event_id == event_id
        and new.admin == other.admin
        and (other.created_at, other.event_id) < (new.created_at, new.event_id)
    )


def _withdrawn(event_ids: Iterable[str], state: PolicyState, *, by: str) -> dict[str, Withdrawn]:
    """The records of these contributions, once they are withdrawn."""
    sources = state.sources
    return {
        event_id: Withdrawn(
            author=sources[event_id].author, created_at=sources[event_id].created_at, by=by
        )
        for event_id in event_ids
    }
