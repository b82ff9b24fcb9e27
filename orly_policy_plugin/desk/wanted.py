"""The decisions that somebody wants to be told of. Pure."""

from typing import Final

import attrs

from orly_policy_hookspecs import Context, Decision, Event, Verdict

REFUSED: Final = "refused"
OUTCOMES: Final = (REFUSED, *(verdict.value for verdict in Verdict))
"""Outcomes by name: ``refused`` is all that are not accepted."""


def _outcomes(decision: Decision) -> frozenset[str]:
    found = {decision.verdict.value}
    return frozenset(found if decision.accepted else {*found, REFUSED})


@attrs.frozen(kw_only=True)
class Wanted:
    """What a decision must be; an empty collection asks for nothing."""

    outcomes: frozenset[str] = frozenset()
    """One of these: see :data:`OUTCOMES`."""
    kinds: frozenset[int] = frozenset()
    """About an event of one of these kinds."""
    places: frozenset[str] = frozenset()
    """At one of these places in the policy, or below it; or by the plugin of this name."""
    keys: frozenset[str] = frozenset()
    """About an event of one of these authors, or asked by one who authenticated as one."""

    def has(self, event: Event, context: Context, decision: Decision) -> bool:
        """Whether a decision is one of them."""
        return (
            (not self.outcomes or not self.outcomes.isdisjoint(_outcomes(decision)))
            and (not self.kinds or event.kind in self.kinds)
            and (not self.places or self._has_place(decision))
            and (not self.keys or not self.keys.isdisjoint((event.pubkey, *context.authenticated)))
        )

    def _has_place(self, decision: Decision) -> bool:
        named = (*decision.place.split(", "), decision.source)
        return any(
            each == place or each.startswith(f"{place}.")
            for each in named
            if each
            for place in self.places
        )
