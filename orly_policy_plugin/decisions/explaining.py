"""The same decision with its reasons: which condition saw what, against which limit.

It runs the plan's own conditions, in their order, so that it cannot say other than
:func:`.deciding.decide` does.
"""

from typing import Literal

import attrs

from orly_policy_hookspecs import Decision, Event

from .access import MayAccess
from .compiling import Plan
from .conditions import GRANT, Answer, Condition, Keys
from .deciding import ACCEPT

Outcome = Literal["pass", "grant", "deny", "no match"]


@attrs.frozen
class Step:
    """One thing that was looked at."""

    place: str
    """Where in the policy file."""
    seen: str
    """The value."""
    limit: str
    """What it was held against."""
    outcome: Outcome
    """``no match`` is one of several ways to be let in that did not apply."""


@attrs.frozen
class Explanation:
    """A decision and the steps that led to it, in order; the last one decided."""

    decision: Decision
    steps: tuple[Step, ...]
    policy_version: str
    """The first 12 hex digits of the policy's hash."""


def explain(plan: Plan, event: Event, keys: Keys, now: int, policy_version: str) -> Explanation:
    """Decide like :func:`.deciding.decide` and write down each step."""
    steps: list[Step] = []
    granted = False
    for condition in plan.conditions:
        answer = condition.check(event, keys, now)
        steps += _steps(condition, answer, event, keys, now)
        if isinstance(answer, Decision):
            return Explanation(answer, tuple(steps), policy_version)
        granted = granted or answer is GRANT
    if granted:
        return Explanation(ACCEPT, tuple(steps), policy_version)
    decision = plan.ungranted if keys else plan.ungranted_unauthenticated
    default = Step(
        "default_policy",
        "nothing granted, nothing denied",
        "allow" if decision.accepted else "deny",
        "pass" if decision.accepted else "deny",
    )
    return Explanation(decision, (*steps, default), policy_version)


def _steps(condition: Condition, answer: Answer, event: Event, keys: Keys, now: int) -> list[Step]:
    outcome: Outcome = "pass" if answer is None else "grant" if answer is GRANT else "deny"
    seen = condition.seen(event, keys, now)
    if not isinstance(condition, MayAccess):
        return [Step(condition.place, seen, condition.limit, outcome)]
    steps: list[Step] = []
    for matcher in condition.grants + condition.allows:
        if matcher.matches(event, keys):
            return [*steps, Step(matcher.place, seen, matcher.limit, "grant")]
        steps.append(Step(matcher.place, seen, matcher.limit, "no match"))
    if answer is not None:
        last = steps.pop()
        steps.append(attrs.evolve(last, outcome=outcome))
    return steps
