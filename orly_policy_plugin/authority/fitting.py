"""Fitting contributions to the owner's policy, and finding those that stand.

Sections 8 and 9 of the spec: what is refused of an admin, whoever else has contributed what.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, Final

import attrs

from ..policy import InvalidPolicy, Policy, Problem, Rule
from ..policy.fields import Right, fields_of, rights_in
from ..policy.named_lists import SIGN
from ..policy.who_may import denying_fields
from .bounds import Holdings
from .contributions import NO_EXTENSION, Contribution, Extension, kind_bits

NOT_BLACKLISTED_BY_ADMINS: Final = {
    3: "follow lists",
    5: "deletions",
    12345: "policy events",
    22242: "authentication",
}
"""Kinds that no admin may deny, with what they are."""

_PROTECTED_KINDS: Final = kind_bits(NOT_BLACKLISTED_BY_ADMINS)

NOT_RULED_BY_ADMINS: Final = {
    3: "an admin cannot add a rule for kind 3 (follow lists)",
    5: "an admin cannot add a rule for kind 5 (deletions)",
    12345: "no rule decides kind 12345 (policy events)",
}
"""Kinds for which no admin may add a rule, with the reason."""

RAISING: Final = {
    each.extending: each.name for each in rights_in(Rule) if each.right is Right.RAISE
}
"""An extension's fields that raise a limit, and the rule's field that holds the limit."""

_OWNERS_ONLY: Final = tuple(
    (name, field) for name, field in fields_of(Rule).items() if field.owners_only
)


@attrs.frozen
class Skipped:
    """A contribution that does not stand, with the reasons."""

    contribution: Contribution
    problems: tuple[Problem, ...]


def check_fits(
    contribution: Contribution,
    policy: Policy,
    *,
    owners: frozenset[str],
    standing: Sequence[Contribution],
) -> None:
    """Check that a new contribution may be applied.

    An override where the owner set no limit passes: it does nothing. So does a ``global_extend``
    where there is no global rule: it counts as one.

    :param policy: the owner's, without contributions.
    :param owners: the policy's and those of the environment.
    :param standing: those that stand now. The contribution itself and a full policy that it
        replaces do not count.
    :raises InvalidPolicy: with every place that does not fit.
    """
    others = _Others()
    for other in standing:
        if not (other.event_id == contribution.event_id or _replaces(contribution, other)):
            others.add(other)
    problems = [
        *_misfits(contribution, policy, protected_from_admins(policy, owners), others),
        *_low_overrides(contribution, policy),
    ]
    if problems:
        raise InvalidPolicy(problems)


def standing_contributions(
    policy: Policy, contributions: Iterable[Contribution], *, owners: frozenset[str]
) -> tuple[tuple[Contribution, ...], tuple[Skipped, ...]]:
    """The contributions that are part of the policy in force, oldest first, and the others.

    Each stands or is skipped as a whole. Of an admin's full policies only the newest can stand.
    Where two add a rule for one kind, the older stands. An override that is below a limit which
    the owner has raised since is no misfit: the larger of both counts. The order in which the
    contributions come does not matter, and what is given twice counts once.

    :param policy: the owner's, without contributions.
    :param owners: the policy's and those of the environment.
    """
    ordered = [of_equal for of_equal, _ in groupby(sorted(contributions, key=_order))]
    newest_full = {c.admin: c for c in ordered if c.is_full_policy}
    others = _Others()
    protected = protected_from_admins(policy, owners)
    standing: list[Contribution] = []
    skipped: list[Skipped] = []
    first: dict[str, Contribution] = {}
    for contribution in ordered:
        same_event = first.setdefault(contribution.event_id, contribution)
        if same_event is not contribution:
            skipped.append(Skipped(contribution, (_SAME_EVENT,)))
        elif contribution.is_full_policy and newest_full[contribution.admin] != contribution:
            skipped.append(Skipped(contribution, (_REPLACED,)))
        elif problems := tuple(_misfits(contribution, policy, protected, others)):
            skipped.append(Skipped(contribution, problems))
        else:
            standing.append(contribution)
            others.add(contribution)
    return tuple(standing), tuple(skipped)


def rule_misfits(rule: Rule, protected: frozenset[str]) -> Iterator[Problem]:
    """Find what an admin's new rule may not have.

    :param protected: owners and policy admins.
    """
    for name, field in _OWNERS_ONLY:
        if field.is_set(value := getattr(rule, name)):
            for key in field.members_that_differ(name, None, value):
                yield Problem(key, f"an admin's rule cannot name a {key}; remove it")
    for name in rule.naming_lists:
        yield from named_list_misfits(name, getattr(rule, name))
    for name in denying_fields(Rule):
        yield from denial_misfits(name, getattr(rule, name), protected)


def named_list_misfits(
    place: str, items: Iterable[str], before: Iterable[str] = ()
) -> Iterator[Problem]:
    """A problem for each named list among the items of a list of keys.

    :param before: the items that the owner has there.
    """
    seen = set(before)
    for i, item in enumerate(items):
        if item.startswith(SIGN) and item not in seen:
            seen.add(item)
            yield Problem(f"{place}[{i}]", "an admin cannot name a list; write keys")


def new_rule_misfit(kind: int) -> Problem | None:
    """Why an admin may not add a rule for this kind, if so."""
    reason = NOT_RULED_BY_ADMINS.get(kind)
    return Problem(f"{kind}", reason) if reason else None


def denial_misfits(
    place: str, keys: Sequence[str], protected: frozenset[str]
) -> Iterator[Problem]:
    """A problem for each owner and policy admin whom the list denies."""
    if protected.isdisjoint(keys):
        return
    for i, key in enumerate(keys):
        if key in protected:
            yield Problem(
                f"{place}[{i}]", "this is an owner or a policy admin, whom an admin cannot deny"
            )


def blacklist_misfits(place: str, kinds: Sequence[int]) -> Iterator[Problem]:
    """A problem for each kind that no admin may deny."""
    for i, kind in enumerate(kinds):
        if kind in NOT_BLACKLISTED_BY_ADMINS:
            what = NOT_BLACKLISTED_BY_ADMINS[kind]
            yield Problem(f"{place}[{i}]", f"an admin cannot blacklist kind {kind} ({what})")


_SAME_EVENT = Problem("event_id", "another contribution has the same event id")
_REPLACED = Problem("", "a newer full policy of the same admin has taken its place")


class _Others:
    """The contributions beside which one has to fit."""

    def __init__(self) -> None:
        self.held: defaultdict[str, Holdings] = defaultdict(Holdings)
        """By admin."""
        self.ruled: dict[int, str] = {}

    def add(self, contribution: Contribution) -> None:
        self.held[contribution.admin].add(contribution)
        for kind in contribution.rules_add:
            self.ruled.setdefault(kind, contribution.event_id)


def _replaces(contribution: Contribution, other: Contribution) -> bool:
    """Whether it takes the other's place: full policies of one admin do."""
    same_admin = contribution.admin == other.admin
    return same_admin and contribution.is_full_policy and other.is_full_policy


def _order(contribution: Contribution) -> tuple[Any, ...]:
    """Oldest first, and the same order for the same contributions whatever came first."""
    return (
        contribution.created_at,
        contribution.event_id,
        contribution.admin,
        contribution.is_full_policy,
        contribution.canonical,
    )


def protected_from_admins(policy: Policy, owners: frozenset[str]) -> frozenset[str]:
    """Those whom no admin may deny: owners and policy admins."""
    return owners.union(policy.policy_admins)


def _misfits(
    contribution: Contribution, policy: Policy, protected: frozenset[str], others: _Others
) -> Iterator[Problem]:
    """All that keeps a contribution from standing."""
    if contribution.admin not in policy.policy_admins:
        yield Problem("admin_pubkey", "its author is not a policy admin now")
    yield from others.held[contribution.admin].excess(contribution)
    if contribution.kinds & _PROTECTED_KINDS:
        yield from blacklist_misfits("kind_blacklist_add", contribution.kind_blacklist_add)
    for kind, extension in contribution.rules_extend.items():
        yield from _within(f"rules_extend.{kind}", _extension_misfits(extension, protected))
        if kind not in policy.rules:
            yield Problem(
                f"rules_extend.{kind}",
                "the owner's policy has no rule for this kind; rules_add adds one",
            )
    for kind, rule in contribution.rules_add.items():
        yield from _within("rules_add", _new_rule_misfits(kind, policy, others))
        yield from _within(f"rules_add.{kind}", rule_misfits(rule, protected))
    if contribution.global_extend:
        yield from _within(
            "global_extend", _extension_misfits(contribution.global_extend, protected)
        )


def _new_rule_misfits(kind: int, policy: Policy, others: _Others) -> Iterator[Problem]:
    if misfit := new_rule_misfit(kind):
        yield misfit
    if kind in policy.rules:
        yield Problem(
            f"{kind}", "the owner's policy has a rule for this kind; rules_extend adds to it"
        )
    elif kind in others.ruled:
        yield Problem(
            f"{kind}",
            f"the contribution {others.ruled[kind]} has already added a rule for this kind",
        )


def _extension_misfits(extension: Extension, protected: frozenset[str]) -> Iterator[Problem]:
    for name in denying_fields(Extension):
        yield from denial_misfits(name, getattr(extension, name), protected)


def _low_overrides(contribution: Contribution, policy: Policy) -> Iterator[Problem]:
    """Overrides that are below the owner's limit. For the two ages 0 is no limit."""
    extended = [
        (f"rules_extend.{kind}", extension, policy.rules.get(kind))
        for kind, extension in contribution.rules_extend.items()
    ]
    extended.append(
        ("global_extend", contribution.global_extend or NO_EXTENSION, policy.global_rule)
    )
    for place, extension, rule in extended:
        for name, limited in RAISING.items():
            override, limit = getattr(extension, name), getattr(rule, limited, None)
            if override is not None and limit is not None and override < limit:
                yield Problem(
                    f"{place}.{name}", f"an admin may raise it only: {limit} -> {override}"
                )


def _within(place: str, problems: Iterable[Problem]) -> Iterator[Problem]:
    return (problem.within(place) for problem in problems)
