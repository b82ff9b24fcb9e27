"""What a second policy would have decided, beside what was decided. Pure."""

from collections.abc import Mapping
from typing import Final, Literal, get_args

import attrs

from orly_policy_hookspecs import Decision, Event
from orly_policy_hookspecs.reading import ReadScope, ReadScopes

from ..decisions import Snapshot
from ..decisions.deciding import Plan, Plans
from ..decisions.pending import Pending, Unasked
from ..policy.fields import BOTH, Access

Outcome = Literal["alike", "newly refused", "newly accepted", "undecided"]
OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)
ALIKE: Final[Outcome] = "alike"
UNDECIDED: Final[Outcome] = "undecided"
"""It would have asked a script, or a plugin about a criterion, which are not asked twice."""


@attrs.frozen
class Compared:
    """A decision beside that of the second policy."""

    outcome: Outcome
    place: str = ""
    """In the policy that refuses; empty where neither does, or both do."""
    message: str = ""
    """Of the second policy, where it refuses."""


_ENGINE: Final = "orly-policy"
_ALIKE: Final = Compared(ALIKE)
_UNDECIDED: Final = Compared(UNDECIDED)


@attrs.frozen(eq=False)
class Pair:
    """The policy in force and a second one, with the same contributions, follow lists and owners.

    Where both have the same conditions for the events of a kind they decide alike, whatever the
    event is: nobody has to ask the second one.
    """

    live: Snapshot
    shadow: Snapshot
    alike: Mapping[Access, Mapping[int, bool]] = attrs.field(init=False)
    """Of each kind that one of them names, whether both decide alike on its events."""
    others_alike: Mapping[Access, bool] = attrs.field(init=False)
    """The same of all other kinds."""
    _asked: dict[int, "_Asked"] = attrs.field(init=False, factory=dict)

    @alike.default
    def _kinds(self) -> dict[Access, dict[int, bool]]:
        return {access: _alike_by_kind(*self._plans(access)) for access in BOTH}

    @others_alike.default
    def _others(self) -> dict[Access, bool]:
        plans = {access: self._plans(access) for access in BOTH}
        return {access: _same(one.other, other.other) for access, (one, other) in plans.items()}

    @property
    def unlike(self) -> frozenset[int]:
        """The kinds that are named on which both may differ, by what is asked."""
        return frozenset(
            kind
            for by_kind in self.alike.values()
            for kind, is_alike in by_kind.items()
            if not is_alike
        )

    def _plans(self, access: Access) -> tuple[Plans, Plans]:
        return self.live.plans(access), self.shadow.plans(access)

    def is_alike(self, access: Access, kind: int) -> bool:
        """Whether both decide alike on every event of a kind."""
        known = self.alike[access].get(kind)
        return self.others_alike[access] if known is None else known

    def asked(self, scopes: ReadScopes) -> ReadScopes:
        """A reader's scopes in which nothing is granted unasked of which the second policy may
        think otherwise: so it is asked, too. What is denied stays as it is. The same object for
        the same scopes.
        """
        known = self._asked.get(id(scopes))
        if known is None or known.scopes is not scopes:
            known = self._asked[id(scopes)] = _Asked(scopes, self)
        return known

    def compare(
        self, access: Access, event: Event, keys: tuple[str, ...], now: int, decision: Decision
    ) -> Compared:
        """Ask the second policy.

        :param keys: the submitters, as the first was asked.
        :param now: Unix seconds of the decision.
        :param decision: of all plugins together.
        """
        decide = self.shadow.write if access == "write" else self.shadow.read
        outcome = decide(event, keys, now)
        if isinstance(outcome, Unasked) or (isinstance(outcome, Pending) and outcome.scripts):
            return _UNDECIDED
        if isinstance(outcome, Pending):  # a rate, which is taken as not used up
            outcome = outcome.unopposed
        if outcome.accepted == decision.accepted:
            return _ALIKE
        if not decision.accepted and decision.source != _ENGINE:
            return _ALIKE  # another plugin refuses, whatever the policy says
        if decision.accepted:
            return Compared("newly refused", outcome.place, outcome.message)
        return Compared("newly accepted", decision.place)


def _alike_by_kind(live: Plans, shadow: Plans) -> dict[int, bool]:
    kinds = live.named | shadow.named
    return {kind: _same(live.for_kind(kind), shadow.for_kind(kind)) for kind in kinds}


def _same(one: Plan, other: Plan) -> bool:
    """Whether two plans decide alike: what a plan is made of is data."""
    return (
        one.conditions == other.conditions
        and one.scripts == other.scripts
        and one.rates == other.rates
        and one.granted == other.granted
        and one.ungranted == other.ungranted
        and one.ungranted_unauthenticated == other.ungranted_unauthenticated
    )


@attrs.frozen(eq=False)
class _Asked:
    """See :meth:`Pair.asked`."""

    scopes: ReadScopes
    _pair: Pair
    _known: dict[int, ReadScope] = attrs.field(init=False, factory=dict)

    @property
    def named(self) -> frozenset[int]:
        return frozenset(self.scopes.named) | self._pair.alike["read"].keys()

    @property
    def others(self) -> ReadScope:
        return _unless(self.scopes.others, is_alike=self._pair.others_alike["read"])

    def of_kind(self, kind: int) -> ReadScope:
        if (known := self._known.get(kind)) is None:
            is_alike = self._pair.is_alike("read", kind)
            known = self._known[kind] = _unless(self.scopes.of_kind(kind), is_alike=is_alike)
        return known


def _unless(scope: ReadScope, *, is_alike: bool) -> ReadScope:
    return scope if is_alike else attrs.evolve(scope, grants_rest=False, grants_up_to=None)
