"""A default of ``deny`` under which nothing lets anybody in."""

from collections.abc import Iterator

from ..policy import GlobalRule, Policy, Rule
from ..policy.fields import BOTH, Access
from ..policy.who_may import opening_field, ways_in
from .in_effect import is_open, rules_for
from .slip import Check, Examined, Slip


def _nothing_grants(examined: Examined) -> Iterator[Slip]:
    """What a policy admin or a plugin may add is not known: nothing is said where there is one."""
    policy = examined.policy
    if policy.default_policy != "deny" or policy.policy_admins or any(policy.plugins.values()):
        return
    closed = [access for access in BOTH if not _grants_anything(policy, access)]
    if closed:
        lists = " and ".join(f"{access}_allow" for access in closed)
        yield Slip(
            "default_policy",
            f"it denies what no rule grants, and no rule lets anybody {' or '.join(closed)}",
            f'add {lists} to a rule ([] in a kind\'s rule: everybody), or write "allow"',
        )
    else:
        yield from _kinds_that_nothing_grants(policy)


def _kinds_that_nothing_grants(policy: Policy) -> Iterator[Slip]:
    for i, kind in enumerate(policy.kind.whitelist):
        if not any(_grants(policy, kind, access) for access in BOTH):
            yield Slip(
                f"kind.whitelist[{i}]",
                f"no rule grants anybody to write or read kind {kind}, and default_policy denies",
                f"add a rule for it with write_allow and read_allow, or take {kind} from the list",
            )


def _grants_anything(policy: Policy, access: Access) -> bool:
    kinds = (*policy.rules, *policy.kind.whitelist)
    if any(_may_grant(rule, access, policy) for _, rule in rules_for(policy, None)):
        return True
    return any(is_open(policy, kind, access) and _grants(policy, kind, access) for kind in kinds)


def _grants(policy: Policy, kind: int, access: Access) -> bool:
    return any(_may_grant(rule, access, policy) for _, rule in rules_for(policy, kind))


def _may_grant(rule: Rule, access: Access, policy: Policy) -> bool:
    """Whether some submitter may be granted: a kind's script and a criterion may do that, too."""
    asks_script = rule.script is not None and not isinstance(rule, GlobalRule)
    asks = asks_script or bool(rule.criteria)
    return asks or bool(ways_in(rule, access, policy)) or opening_field(rule, access) is not None


CHECKS = (Check("nothing-grants", _nothing_grants),)
