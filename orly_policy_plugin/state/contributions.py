"""A stored contribution, understood as far as possible. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import attrs

from orly_policy_hookspecs import POLICY_EVENT_KIND
from orly_policy_hookspecs.nip01 import FrozenEvent

from ..authority import verify
from ..authority.contributions import Contribution, read_contribution
from ..authority.freshness import LATEST_SECONDS, Freshness, Mark
from ..authority.policy_events import read_content
from ..policy import InvalidPolicy, Policy, Problem, parse_pubkey
from ..policy.strict_json import decode_json
from .full_policies import difference_of
from .store import StoredContribution, Withdrawn


@attrs.frozen
class Source:
    """The author and the date of a contribution."""

    author: str
    created_at: int
    """Unix seconds."""
    is_signed: bool
    """Whether a signed event says so; if not, a file that the operator has put there."""


@attrs.frozen(kw_only=True)
class Understood:
    """One stored contribution."""

    stored: StoredContribution
    """The stored form that it was understood from."""
    source: Source | None = None
    """``None`` where it says nothing that could be trusted."""
    contribution: Contribution | None = None
    """``None`` where it cannot be used; it can still be withdrawn."""
    problems: tuple[Problem, ...] = ()

    @classmethod
    def of_update(cls, stored: StoredContribution, contribution: Contribution) -> "Understood":
        """One that was made of an event just verified."""
        source = Source(contribution.admin, contribution.created_at, is_signed=True)
        return cls(stored=stored, source=source, contribution=contribution)

    def is_less_than(self, known: "Understood") -> bool:
        """Whether it says less than what was known before."""
        return (self.contribution is None and known.contribution is not None) or (
            self.source is None and known.source is not None
        )


def understand(
    stored: Mapping[str, StoredContribution], before: Mapping[str, Understood]
) -> Mapping[str, Understood]:
    """Understand all, by event id.

    :param before: what was understood before. The same object is not verified again. A
        contribution that can no longer be understood counts as it last did: what it denies stays
        denied until it is removed or withdrawn.
    """
    understood = {}
    for event_id, each in stored.items():
        known = before.get(event_id)
        if known is None or known.stored is not each:
            new = _understood(event_id, each)
            if known is not None and new.is_less_than(known):
                new = attrs.evolve(known, stored=each, problems=new.problems)
            known = new
        understood[event_id] = known
    return MappingProxyType(understood)


def marks_of(understood: Mapping[str, Understood]) -> Freshness:
    """The marks of signed contributions, by their admins."""
    return Freshness().with_marks(
        (each.source.author, Mark(each.source.created_at, event_id))
        for event_id, each in understood.items()
        if each.source is not None and each.source.is_signed
    )


def marks_of_withdrawn(withdrawn: Mapping[str, Withdrawn | None]) -> Freshness:
    """The marks of withdrawn contributions, by their admins."""
    return Freshness().with_marks(
        (each.author, Mark(each.created_at, event_id))
        for event_id, each in withdrawn.items()
        if each is not None
    )


def problems_in(understood: Mapping[str, Understood]) -> Iterator[Problem]:
    """Why some cannot be used, each with its file's name."""
    for event_id, each in understood.items():
        for problem in each.problems:
            yield Problem(f"policy-contributions/{event_id}.json", str(problem))


def contribution_of_history(event_id: str, canonical: bytes) -> Contribution:
    """A contribution as the history keeps it.

    :param canonical: see :attr:`.Contribution.canonical`.
    :raises InvalidPolicy: it is none that could be used now.
    """
    try:
        value = decode_json(canonical)
    except ValueError as error:
        raise InvalidPolicy([Problem("", str(error))]) from error
    if not isinstance(value, Mapping):
        raise InvalidPolicy([Problem("", "is no contribution")])
    return _bare_contribution(event_id, value)


def usable(understood: Iterable[Understood]) -> tuple[Contribution, ...]:
    """Every one that could be understood, whether its author is an admin now or not."""
    return tuple(each.contribution for each in understood if each.contribution is not None)


def _understood(event_id: str, stored: StoredContribution) -> Understood:
    if "sig" not in stored.value:
        return _bare(event_id, stored)
    try:
        return _signed(event_id, stored)
    except Exception as error:  # noqa: BLE001 -- one of them must not keep the others from being read
        wrong = Problem("", f"cannot be understood: {type(error).__name__}: {error}")
        return Understood(stored=stored, problems=(wrong,))


def _signed(event_id: str, stored: StoredContribution) -> Understood:
    event = FrozenEvent.of_json(stored.value)
    if event.id != event_id or event.kind != POLICY_EVENT_KIND or not verify(event):
        wrong = Problem("", "is no signed policy event of this name")
        return Understood(stored=stored, problems=(wrong,))
    source = Source(event.pubkey, event.created_at, is_signed=True)
    try:
        contribution = _contribution_in(event, stored.difference)
    except InvalidPolicy as error:
        return Understood(stored=stored, source=source, problems=error.problems)
    return Understood(stored=stored, source=source, contribution=contribution)


def _contribution_in(event: FrozenEvent, difference: bytes | None) -> Contribution:
    _, content = read_content(event, is_owner=False)
    if isinstance(content, Policy):
        # Not its difference to the policy of today, which would undo what the owner changed since.
        return difference_of(event, content, difference)
    return content


def _bare(event_id: str, stored: StoredContribution) -> Understood:
    """A contribution in ORLY's format, put there by hand: the operator's own word."""
    try:
        made = _bare_contribution(event_id, stored.value)
    except InvalidPolicy as error:
        return Understood(stored=stored, problems=error.problems)
    source = Source(made.admin, made.created_at, is_signed=False)
    return Understood(stored=stored, source=source, contribution=made)


def _bare_contribution(event_id: str, value: Mapping[str, Any]) -> Contribution:
    created_at = value.get("created_at", 0)
    if type(created_at) is not int or not 0 <= created_at <= LATEST_SECONDS:
        raise InvalidPolicy([Problem("created_at", "is no Unix time")])
    try:
        admin = parse_pubkey(value.get("admin_pubkey"))
    except ValueError as error:
        raise InvalidPolicy([Problem("admin_pubkey", str(error))]) from error
    return read_contribution(value, admin=admin, created_at=created_at, event_id=event_id)
