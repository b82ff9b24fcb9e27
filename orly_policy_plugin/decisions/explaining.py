"""The same decision with its reasons: which condition saw what, against which limit.

It runs the plan's own conditions, in their order, so that it cannot say other than
:meth:`.deciding.Plans.decide` does.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, Literal

import attrs

from orly_policy_hookspecs import Decision, Event

from ..counted import counted
from ..event_size import event_size
from .access import MayAccess
from .conditions import GRANT, Condition, Finding, Keys
from .deciding import Plan
from .pending import NamedScript, Pending, denial
from .rates import RateLimit
from .replies import Action, Reply

StepOutcome = Literal["pass", "grant", "deny", "no match", "not asked"]

_NOT_ASKED = Reply.failed("not asked")
DEFAULT_PLACE: Final = "default_policy"


@attrs.frozen
class Step:
    """One thing that was looked at."""

    place: str
    """In the policy file."""
    seen: str
    """The value."""
    limit: str
    """The value that it was held against."""
    outcome: StepOutcome
    """``no match`` is one of several ways to be let in that did not apply; ``not asked`` is a
    plugin of which only the relay knows."""


@attrs.frozen
class Explanation:
    """A decision and the steps that led to it, in order; the last one decided."""

    decision: Decision
    steps: tuple[Step, ...]
    policy_version: str
    """The first 12 hex digits of the policy's hash."""


def explain(
    plan: Plan,
    event: Event,
    keys: Keys,
    now: int,
    policy_version: str,
    replies: Sequence[Reply],
    *,
    failure_denies: bool,
    noted: Mapping[int, object] = MappingProxyType({}),
) -> Explanation:
    """Decide like :meth:`.deciding.Plans.decide` and write down each step.

    :param replies: of the plan's scripts, in their order; one that is missing was not asked, and
        counts as failed. Rates are taken as not used yet.
    :param failure_denies: see :func:`.pending.decided`.
    :param noted: what criteria have answered (:func:`.decide_asking`); one that is missing was not
        asked, and denies.
    """
    steps: list[Step] = []
    granted = False
    for condition in plan.conditions:
        finding = _finding(condition, noted, event, keys, now)
        steps += _steps(condition, finding, noted, event, keys, now)
        if isinstance(finding, Decision):
            return Explanation(finding, tuple(steps), policy_version)
        granted = granted or finding is GRANT
    outcome = plan.unopposed(keys, granted=granted)
    if isinstance(outcome, Pending):
        decision = _decided(outcome, replies, steps, failure_denies=failure_denies)
    else:
        decision = outcome
    if not any(step.outcome in ("grant", "deny") for step in steps):
        steps.append(_default(decision))
    if isinstance(outcome, Pending) and decision.accepted:
        decision = _within_rates(outcome.rates, decision, event, keys, steps)
    return Explanation(decision, tuple(steps), policy_version)


def decided_at(explanation: Explanation) -> str:
    """The place that decided: the first that denied, or the last that granted, or the default."""
    outcome = "grant" if explanation.decision.accepted else "deny"
    found = [step.place for step in explanation.steps if step.outcome == outcome]
    if not found:
        return DEFAULT_PLACE
    return found[-1] if explanation.decision.accepted else found[0]


def denied_at(plan: Plan, event: Event, keys: Keys, now: int) -> str:
    """The place of the condition that denies, as :func:`explain` has it last, and nothing else of
    an explanation: for many events. Where none denies, it is the default that does.
    """
    for condition in plan.conditions:
        if isinstance(condition.check(event, keys, now), Decision):
            if isinstance(condition, MayAccess):
                return (condition.grants + condition.allows)[-1].place
            return condition.place_for(event, keys)
    return DEFAULT_PLACE


def _decided(
    pending: Pending, replies: Sequence[Reply], steps: list[Step], *, failure_denies: bool
) -> Decision:
    """The decision after the scripts; a step for each that was needed is added."""
    known = (*replies, *(_NOT_ASKED for _ in pending.scripts))[: len(pending.scripts)]
    for script, reply in zip(pending.scripts, known, strict=True):
        refusal = denial(reply, script, pending, failure_denies=failure_denies)
        steps.append(_script_step(script, reply, denied=refusal is not None))
        if refusal is not None:
            return refusal
    return pending.unopposed


def _script_step(script: NamedScript, reply: Reply, *, denied: bool) -> Step:
    said = f"{reply.action.value}: {reply.message}" if reply.message else reply.action.value
    grants = script.grants and reply.action is Action.ACCEPT
    outcome: StepOutcome = "deny" if denied else "grant" if grants else "pass"
    return Step(script.place, said, "accept", outcome)


def _within_rates(
    rates: Sequence[RateLimit], accepted: Decision, event: Event, keys: Keys, steps: list[Step]
) -> Decision:
    """The same, unless the event is too large for a rate that nobody has used yet."""
    for rate in rates:
        size = event_size(event)
        seen, limit = counted(size, "byte"), f"{counted(rate.most, 'byte')} per second"
        if not rate.ever_takes(event, keys, size):
            steps.append(Step(rate.place, seen, limit, "deny"))
            return rate.refusal(0.0, size)
        steps.append(Step(rate.place, seen, limit, "pass"))
    return accepted


def _default(decision: Decision) -> Step:
    return Step(
        DEFAULT_PLACE,
        "nothing granted, nothing denied",
        "allow" if decision.accepted else "deny",
        "pass" if decision.accepted else "deny",
    )


def _finding(
    condition: Condition, noted: Mapping[int, object], event: Event, keys: Keys, now: int
) -> Finding:
    """The condition's finding, with the answers of criteria in the place of its own."""
    if id(condition) in noted:
        return noted[id(condition)]  # type: ignore[return-value]
    return condition.check(event, keys, now)


def _steps(
    condition: Condition,
    finding: Finding,
    noted: Mapping[int, object],
    event: Event,
    keys: Keys,
    now: int,
) -> list[Step]:
    outcome: StepOutcome = "pass" if finding is None else "grant" if finding is GRANT else "deny"
    seen = condition.seen(event, keys, now)
    if not isinstance(condition, MayAccess):
        return [Step(condition.place_for(event, keys), seen, condition.limit, outcome)]
    steps: list[Step] = []
    for matcher in condition.grants + condition.allows:
        if noted.get(id(matcher)) or matcher.matches(event, keys):
            return [*steps, Step(matcher.place_for(keys), seen, matcher.limit, "grant")]
        steps.append(Step(matcher.place, seen, matcher.limit, "no match"))
    if finding is not None:
        last = steps.pop()
        steps.append(attrs.evolve(last, outcome=outcome))
    return steps
