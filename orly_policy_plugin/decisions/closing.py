"""What can be said of a kind before any event is seen: may nobody read it without authenticating?

For hosts that answer a REQ ``CLOSED`` with ``auth-required:`` (NIP-42).
"""

from orly_policy_hookspecs import Decision

from .conditions import GRANT
from .deciding import Plan
from .unsettled import Unsettled


def closed_to_unauthenticated(plan: Plan) -> Decision | None:
    """The denial that every event of a plan's kind gets where nobody has authenticated.

    ``None`` where some event might be given to somebody unauthenticated. Conditions that depend
    on the event can only deny more, so they do not count, and so can a global rule's script.
    """
    granted = False
    for condition in plan.conditions:
        answer = condition.for_unauthenticated_reader()
        if isinstance(answer, Decision):
            return answer
        granted = granted or answer is GRANT
    if granted:
        return None
    outcome = plan.ungranted_unauthenticated
    decision = outcome.unopposed if isinstance(outcome, Unsettled) else outcome
    return None if decision.accepted else decision
