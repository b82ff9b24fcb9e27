"""What can be said of a kind before any event is seen: may nobody read it without authenticating?

For hosts that answer a REQ ``CLOSED`` with ``auth-required:`` (NIP-42).
"""

from orly_policy_hookspecs import Decision

from .access import MayAccess, OwnersAndAdmins
from .compiling import Plan
from .conditions import GRANT, Answer, Condition
from .kinds import InBlacklist, NotInWhitelist


def closed_to_unauthenticated(plan: Plan) -> Decision | None:
    """The denial that every event of a plan's kind gets where nobody has authenticated.

    ``None`` where some event might be given to somebody unauthenticated. Conditions that depend
    on the event can only deny more, so they do not count.
    """
    granted = False
    for condition in plan.conditions:
        answer = _for_every_event(condition)
        if isinstance(answer, Decision):
            return answer
        granted = granted or answer is GRANT
    denied = not granted and not plan.ungranted_unauthenticated.accepted
    return plan.ungranted_unauthenticated if denied else None


def _for_every_event(condition: Condition) -> Answer:
    match condition:
        case MayAccess():
            if condition.grants_everybody:
                return GRANT
            return condition.unauthenticated_refusal if condition.allows else None
        case OwnersAndAdmins():
            return condition.unauthenticated_refusal
        case NotInWhitelist() | InBlacklist():
            return Decision.reject("blocked: this kind is not allowed here")
        case _:
            return None
