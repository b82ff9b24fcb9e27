"""The part of NIP-11 that a policy decides (section 11 of the spec)."""

from orly_policy_hookspecs.limits import RelayLimits

from .access import MayAccess
from .deciding import Plan, Plans
from .foreseen import are_closed
from .snapshot import Snapshot


def limits_of(snapshot: Snapshot) -> RelayLimits:
    """The limits that are told before anybody connects."""
    return RelayLimits(
        restricted_writes=_are_restricted(snapshot),
        auth_required=are_closed(snapshot.writes) and are_closed(snapshot.reads),
    )


def _are_restricted(snapshot: Snapshot) -> bool:
    """Whether there are allow lists, or only what is granted may be written."""
    if snapshot.policy.default_policy == "deny":
        return True
    return any(map(_has_allow_list, _owners_plans(snapshot.writes, snapshot)))


def _owners_plans(plans: Plans, snapshot: Snapshot) -> list[Plan]:
    return [plans.other, *(plans.for_kind(kind) for kind in snapshot.policy.rules)]


def _has_allow_list(plan: Plan) -> bool:
    return any(isinstance(each, MayAccess) and each.allows for each in plan.conditions)
