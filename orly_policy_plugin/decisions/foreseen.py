"""Foresight: what can be said of a reader and a kind before any event is seen.

Each condition foresees what it will answer this reader, whatever the event; together they say
whether every event is denied, whether only those of which the reader is a party are not, and
whether there is anything left to ask.
"""

from collections.abc import Iterable
from typing import Final

import attrs

from orly_policy_hookspecs import Decision
from orly_policy_hookspecs.reading import ReadScope, Sizes, granted_by_all

from .conditions import Foresight, Keys
from .deciding import Plan, Plans
from .pending import Pending

MOST_READERS: Final = 256
"""To remember at a time."""


def scope_of(plan: Plan, keys: Keys) -> ReadScope:
    """The scope of a reader in the kind of a plan.

    Conditions that depend on the event can only deny more, and so can scripts.

    :param keys: the pubkeys that authenticated.
    """
    foreseen = [condition.foresees(keys) for condition in plan.conditions]
    by_address = bool(plan.scripts) or plan.asks_criteria
    outcome = plan.ungranted if keys else plan.ungranted_unauthenticated
    default = outcome.unopposed if isinstance(outcome, Pending) else outcome
    others_are_granted = default.accepted or any(
        each.grants or each.may_grant for each in foreseen
    )
    some_are_granted = others_are_granted or any(each.grants_parties for each in foreseen)
    denial = _first(each.denies for each in foreseen)
    if denial is None and not some_are_granted:
        denial = default
    denial_of_others = _first(each.denies_others for each in foreseen)
    if denial_of_others is None and not others_are_granted:
        denial_of_others = default
    return ReadScope(
        denial,
        denial_of_others,
        grants_rest=not (denial or plan.scripts or any(each.may_deny for each in foreseen)),
        tells_addresses_apart=by_address,
        grants_up_to=None if denial or plan.scripts else _up_to(foreseen),
    )


def _up_to(foreseen: Iterable[Foresight]) -> Sizes | None:
    """The sizes up to which nothing denies an event."""
    return granted_by_all(each.denies_none_up_to for each in foreseen if each.may_deny)


def _first(denials: Iterable[Decision | None]) -> Decision | None:
    return next((denial for denial in denials if denial is not None), None)


@attrs.frozen(eq=False)
class Scopes:
    """Of one reader, for every kind."""

    _plans: Plans
    _keys: Keys
    _of_plan: dict[int, ReadScope] = attrs.field(factory=dict, eq=False, repr=False)

    @property
    def named(self) -> frozenset[int]:
        """The kinds that something names."""
        return self._plans.named

    @property
    def others(self) -> ReadScope:
        """Of all kinds that nothing names."""
        return self._scope(self._plans.other)

    def of_kind(self, kind: int) -> ReadScope:
        """Of a kind."""
        return self._scope(self._plans.for_kind(kind))

    def _scope(self, plan: Plan) -> ReadScope:
        known = self._of_plan.get(id(plan))
        if known is None:
            known = self._of_plan[id(plan)] = scope_of(plan, self._keys)
        return known


@attrs.frozen
class Readers:
    """The scopes of every reader, each worked out once."""

    _plans: Plans
    _of_keys: dict[Keys, Scopes] = attrs.field(factory=dict, eq=False, repr=False)

    def scopes(self, keys: Keys) -> Scopes:
        """Of those who authenticated."""
        known = self._of_keys.get(keys)
        if known is None:
            if len(self._of_keys) >= MOST_READERS:
                self._of_keys.clear()
            known = self._of_keys[keys] = Scopes(self._plans, keys)
        return known


def are_closed(plans: Plans) -> bool:
    """Whether every event of every kind is refused where nobody authenticated."""
    scopes = Scopes(plans, ())
    return scopes.others.denial is not None and all(
        scopes.of_kind(kind).denial is not None for kind in plans.named
    )
