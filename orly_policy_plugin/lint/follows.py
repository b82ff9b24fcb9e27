"""Follow lists of policy admins: the switch, the admins and the rules that grant by them."""

from collections.abc import Iterator

from ..policy import rules_of
from .slip import Check, Examined, Slip


def _switched_on_without_admins(examined: Examined) -> Iterator[Slip]:
    policy = examined.policy
    if policy.policy_follow_whitelist_enabled and not policy.policy_admins:
        yield Slip(
            "policy_follow_whitelist_enabled",
            "it is about whom policy admins follow, and there are none",
            "name some in policy_admins, or write whose follow lists count into "
            "follows_whitelist_admins of a rule, which needs no switch",
        )


def _switched_off(examined: Examined) -> Iterator[Slip]:
    policy = examined.policy
    if policy.policy_follow_whitelist_enabled:
        return
    for place, rule in rules_of(policy):
        if rule.write_allow_follows:
            yield Slip(
                f"{place}.write_allow_follows",
                "it grants nobody while policy_follow_whitelist_enabled is not true",
                'write "policy_follow_whitelist_enabled": true at the top, or remove this',
            )


CHECKS = (
    Check("follows-without-admins", _switched_on_without_admins),
    Check("follows-are-switched-off", _switched_off),
)
