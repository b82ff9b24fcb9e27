"""What can be said of a kind before any event is seen: may nobody read it without authenticating?

For hosts that answer a REQ ``CLOSED`` with ``auth-required:`` (NIP-42).
"""

from orly_policy_hookspecs import Decision

from .compiling import Plan
from .conditions import GRANT


def closed_to_unauthenticated(plan: Plan) -> Decision | None:
    """The denial that every event of a plan's kind gets where nobody has authenticated.

    ``None`` where some event might be given to somebody unauthenticated. Conditions that depend
    on the event can only deny more, so they do not count.
    """
    granted = False
    for condition in plan.conditions:
        answer = condition.for_unauthenticated_reader()
        if isinstance(answer, Decision):
            return answer
        granted = granted or answer is GRANT
    denied = not granted and not plan.ungranted_unauthenticated.accepted
    return plan.ungranted_unauthenticated if denied else None
