"""The decision: run a plan's checks until one denies. Nothing here does I/O or reads a clock."""

from orly_policy_hookspecs import Decision, Event

from .compiling import Plan
from .conditions import GRANT, Keys

ACCEPT = Decision.accept()


def decide(plan: Plan, event: Event, keys: Keys, now: int) -> Decision:
    """Answer one question (section 3 of SPEC.md).

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
        return ACCEPT
    return plan.ungranted if keys else plan.ungranted_unauthenticated
