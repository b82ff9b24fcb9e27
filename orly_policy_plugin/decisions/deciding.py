"""The decision: run a plan's checks until one denies. Nothing here does I/O or reads a clock."""

from orly_policy_hookspecs import Event

from .compiling import Plan
from .conditions import GRANT, Keys
from .unsettled import Outcome


def decide(plan: Plan, event: Event, keys: Keys, now: int) -> Outcome:
    """Answer one question (section 3 of SPEC.md), or say what is left to ask.

    :param plan: the plan of the event's kind and of the access asked for.
    :param keys: the pubkeys that authenticated, in that order.
    :param now: Unix seconds.
    """
    granted = False
    for check in plan.checks:
        answer = check(event, keys, now)
        if answer is None:
            continue
        if answer is not GRANT:
            return answer  # type: ignore[no-any-return]
        granted = True
    if granted:
        return plan.granted
    return plan.ungranted if keys else plan.ungranted_unauthenticated
