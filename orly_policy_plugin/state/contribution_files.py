"""``policy-contributions/``: what policy admins contribute, read and verified."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import attrs

from orly_policy_hookspecs import POLICY_EVENT_KIND
from orly_policy_hookspecs.nip01 import FrozenEvent

from ..authority import verify
from ..authority.contributions import Contribution, read_contribution
from ..authority.freshness import Freshness, Mark
from ..authority.policy_events import read_content
from ..policy import InvalidPolicy, Problem, parse_pubkey
from .differences import difference_of, read_difference
from .signed_events import StoredEvents, Withdrawal, read_events, read_withdrawals
from .state_files import UnreadableNow


@attrs.frozen
class Known:
    """Whose a contribution is, and from when."""

    author: str
    created_at: int
    """Unix seconds."""


@attrs.frozen(kw_only=True)
class _File:
    """One file, understood as far as it can be."""

    value: Mapping[str, Any]
    """What it was understood from: the same object as long as the file is the same."""
    difference: bytes | None = None
    """Beside an admin's full policy: what that came to."""
    known: Known | None = None
    """``None`` where it says nothing that could be trusted."""
    is_signed: bool = False
    is_full_policy: bool = False
    contribution: Contribution | None = None
    wrong: tuple[Problem, ...] = ()


@attrs.frozen
class StoredContributions:
    """What the folder holds, whoever may be an admin now."""

    contributions: tuple[Contribution, ...]
    """Every one that could be read."""
    known: Mapping[str, Known]
    """By event id: these, and signed ones that cannot be used now. All can be withdrawn."""
    marks: tuple[tuple[str, Mark], ...]
    """What signed ones, and withdrawn ones, say of what their admins have sent."""
    problems: tuple[Problem, ...]
    """What could not be used, or cannot be read now."""
    _stored: StoredEvents = attrs.field(eq=False, repr=False)
    _files: Mapping[str, _File] = attrs.field(eq=False, repr=False)
    _withdrawn: "_Withdrawn" = attrs.field(eq=False, repr=False)


@attrs.frozen
class _Withdrawn:
    """What is remembered of the withdrawn ones: there may be tens of thousands."""

    ids: frozenset[str] = frozenset()
    withdrawals: Mapping[str, Withdrawal] = MappingProxyType({})
    marks: tuple[tuple[str, Mark], ...] = ()
    """The highest of each admin."""
    problems: tuple[Problem, ...] = ()


def read_contributions(
    folder: Path, before: StoredContributions | None = None
) -> StoredContributions:
    """Read all of the folder, which need not be there. What cannot be used is a problem.

    :param before: what was read before: what has not changed is neither decoded nor verified
        again, and what cannot be read now counts as it did.
    :raises UnreadableNow: something cannot be read, and nothing was known of it.
    """
    stored = read_events(
        folder, bare_allowed=True, before=None if before is None else before._stored
    )
    withdrawn = _withdrawn(folder, stored.withdrawn, before._withdrawn if before else None)
    known_files = {} if before is None else before._files
    problems = [*stored.problems, *withdrawn.problems]
    files = {
        name: _kept(name, _file(folder, name, value, known_files.get(name), problems), known_files)
        for name, value in (*stored.events.items(), *stored.bare.items())
    }
    for name, file in files.items():
        place = f"{folder.name}/{name}.json"
        problems += (Problem(place, str(problem)) for problem in file.wrong)
    return StoredContributions(
        tuple(file.contribution for file in files.values() if file.contribution),
        MappingProxyType({name: file.known for name, file in files.items() if file.known}),
        (*_marks(files), *withdrawn.marks),
        tuple(problems),
        stored,
        MappingProxyType(files),
        withdrawn,
    )


def _withdrawn(folder: Path, ids: frozenset[str], before: _Withdrawn | None) -> _Withdrawn:
    known = before or _Withdrawn()
    if ids == known.ids and not known.problems:
        return known
    withdrawals, problems = read_withdrawals(folder, ids, known.withdrawals)
    highest = Freshness().with_marks(
        (each.author, Mark(each.created_at, event_id)) for event_id, each in withdrawals.items()
    )
    return _Withdrawn(ids, withdrawals, tuple(highest.admins.items()), problems)


def _marks(files: Mapping[str, _File]) -> Iterator[tuple[str, Mark]]:
    for name, file in files.items():
        if file.known and file.is_signed:
            yield file.known.author, Mark(file.known.created_at, name)


def _kept(name: str, file: _File, before: Mapping[str, _File]) -> _File:
    """What was known of a file that is there and cannot be understood any more: whatever has
    changed it, what it denies stays denied until it is removed, or withdrawn.
    """
    known = before.get(name)
    if file.known is None and known is not None and known.known is not None:
        return attrs.evolve(known, wrong=file.wrong)
    return file


def _file(
    folder: Path,
    name: str,
    value: Mapping[str, Any],
    before: _File | None,
    problems: list[Problem],
) -> _File:
    """What a file says, understood anew only where it has changed."""
    same = before if before is not None and before.value is value else None
    if same is not None and not same.is_full_policy:
        return same
    if "sig" not in value:
        return _bare(name, value)
    try:
        difference = read_difference(folder, name)
    except UnreadableNow as error:
        if same is None:
            raise UnreadableNow(f"the difference of {folder.name}/{name}.json {error}") from error
        problems.append(Problem(f"{folder.name}/{name}.json", f"its difference {error}"))
        return same
    except InvalidPolicy as error:
        return _File(value=value, wrong=error.problems)
    if same is not None and same.difference == difference:
        return same
    try:
        return _signed(name, value, difference)
    except Exception as error:  # noqa: BLE001 -- one file must not keep the others from being read
        wrong = Problem("", f"cannot be understood: {type(error).__name__}: {error}")
        return _File(value=value, wrong=(wrong,))


def _signed(name: str, value: Mapping[str, Any], difference: bytes | None) -> _File:
    event = FrozenEvent.of_json(value)
    if event.id != name or event.kind != POLICY_EVENT_KIND or not verify(event):
        wrong = Problem("", "is no signed policy event of this name")
        return _File(value=value, wrong=(wrong,))
    understood = _File(
        value=value,
        difference=difference,
        known=Known(event.pubkey, event.created_at),
        is_signed=True,
    )
    try:
        content = read_content(event, is_owner=False)
        if isinstance(content, Contribution):
            return attrs.evolve(understood, contribution=content)
        understood = attrs.evolve(understood, is_full_policy=True)
        # Not its difference to the policy of today, which would undo what the owner changed since.
        return attrs.evolve(understood, contribution=difference_of(event, content, difference))
    except InvalidPolicy as error:
        return attrs.evolve(understood, wrong=error.problems)


def _bare(name: str, value: Mapping[str, Any]) -> _File:
    """A contribution in ORLY's format, put there by hand: the operator's own word."""
    try:
        made = _bare_contribution(name, value)
    except InvalidPolicy as error:
        return _File(value=value, wrong=error.problems)
    return _File(value=value, known=Known(made.admin, made.created_at), contribution=made)


def _bare_contribution(name: str, value: Mapping[str, Any]) -> Contribution:
    created_at = value.get("created_at", 0)
    if type(created_at) is not int or created_at < 0:
        raise InvalidPolicy([Problem("created_at", "is no Unix time")])
    try:
        admin = parse_pubkey(value.get("admin_pubkey"))
    except ValueError as error:
        raise InvalidPolicy([Problem("admin_pubkey", str(error))]) from error
    return read_contribution(value, admin=admin, created_at=created_at, event_id=name)
