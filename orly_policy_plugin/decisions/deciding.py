"""The decision: the conditions of an event's kind, one after the other, until one denies.

Nothing here does I/O or reads a clock.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

import attrs

from orly_policy_hookspecs import Decision, Event

from .conditions import GRANT, Condition, Keys
from .pending import NamedScript, Outcome, Pending, Unasked
from .rates import RateLimit

ACCEPT: Final = Decision.accept()

_KINDS: Final = range(65_536)


@attrs.frozen(init=False)
class Plan:
    """All that decides one access to the events of one kind."""

    conditions: tuple[Condition, ...]
    """The criteria, in the order in which their messages count."""
    scripts: tuple[NamedScript, ...]
    """Asked where no criterion denies."""
    rates: tuple[RateLimit, ...]
    """Charged where nothing denies."""
    granted: Outcome
    """The outcome where nothing denied and something granted."""
    ungranted: Outcome
    """The outcome where nothing denied and nothing granted: at the end ``default_policy``."""
    ungranted_unauthenticated: Outcome
    """The same where nobody authenticated."""
    checks: tuple[Any, ...]
    """The conditions' check methods, without those that always pass or always grant. Where plugins
    are to be asked about criteria, one that says so."""
    asks_criteria: bool
    """Whether they are."""

    def __init__(
        self,
        conditions: tuple[Condition, ...],
        ungranted: Decision,
        ungranted_unauthenticated: Decision,
        scripts: tuple[NamedScript, ...] = (),
        rates: tuple[RateLimit, ...] = (),
    ) -> None:
        def outcome(accepted: Decision) -> Outcome:
            """``accepted`` unless a script says no, within the rates."""
            if scripts or (rates and accepted.accepted):
                return Pending(scripts, rates, accepted, by_default=ungranted)
            return accepted

        unasked = Unasked(self)
        asks_criteria = any(each.asks for each in conditions)
        checks: tuple[Any, ...] = tuple(
            each.check for each in conditions if not (each.always_passes or each.always_grants)
        )
        granted = any(each.always_grants for each in conditions) or any(
            script.grants for script in scripts
        )
        self.__attrs_init__(
            conditions,
            scripts,
            rates,
            outcome(ACCEPT),
            outcome(ACCEPT if granted else ungranted),
            outcome(ACCEPT if granted else ungranted_unauthenticated),
            (lambda *_: unasked,) if asks_criteria else checks,
            asks_criteria,
        )

    def unopposed(self, keys: Keys, *, granted: bool) -> Outcome:
        """The outcome where no condition denied."""
        if granted:
            return self.granted
        return self.ungranted if keys else self.ungranted_unauthenticated


MakePlan = Callable[[int], Plan]
"""Compiles the plan of a kind."""


class _ByKind(dict[int, Plan]):
    """Plans by kind: some are there, the others are made when they are first asked for."""

    def __init__(self, plans: Mapping[int, Plan], make: MakePlan) -> None:
        super().__init__(plans)
        self._make = make

    def __missing__(self, kind: object) -> Plan:
        if not isinstance(kind, int):
            raise TypeError(f"a kind is a whole number, not {kind!r}")
        plan = self._make(kind)
        if kind in _KINDS:
            self[kind] = plan
        return plan


@attrs.frozen(init=False)
class Plans:
    """The plans of one access, by kind."""

    _by_kind: _ByKind
    other: Plan
    """Of every kind that is not :attr:`named`."""
    named: frozenset[int]
    """Kinds whose plan may be another."""

    def __init__(
        self, by_kind: Mapping[int, Plan], other: Plan, later: Collection[int], make: MakePlan
    ) -> None:
        """:param other: of every kind that is neither in ``by_kind`` nor in ``later``.
        :param later: kinds whose plan may be another, and is made when it is first asked for.
        :param make: makes it; the same each time, from any thread.
        """
        named = frozenset(by_kind).union(later)
        self.__attrs_init__(_ByKind(by_kind, make), other, named)

    def for_kind(self, kind: int) -> Plan:
        """The plan of a kind.

        :raises TypeError: it is not a whole number, so that no rule could be told from another.
        """
        return self._by_kind[kind]

    def decide(self, event: Event, keys: Keys, now: int) -> Outcome | Unasked:
        """Finding one question (section 3 of the spec), or say what is left to ask.

        All of a relay's questions come through here: there is nothing in it that need not be.

        :param keys: the pubkeys that authenticated, in that order.
        :param now: Unix seconds.
        :raises Exception: the event is none (a field of a wrong type): a caller must reject it.
        """
        plan = self._by_kind[event.kind]
        granted = False
        for check in plan.checks:
            answer = check(event, keys, now)
            if answer is GRANT:
                granted = True
            elif answer is not None:
                return answer  # type: ignore[no-any-return]
        if granted:
            return plan.granted
        return plan.ungranted if keys else plan.ungranted_unauthenticated
