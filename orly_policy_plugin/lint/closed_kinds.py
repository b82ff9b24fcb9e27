"""Rules and lists of kinds that are never looked at."""

from collections.abc import Iterator

from orly_policy_hookspecs import POLICY_EVENT_KIND

from ..policy.fields import BOTH
from .in_effect import is_open
from .slip import Check, Examined, Slip


def _rules_for_closed_kinds(examined: Examined) -> Iterator[Slip]:
    policy = examined.policy
    for kind in policy.rules:
        if any(is_open(policy, kind, access) for access in BOTH):
            continue
        if policy.kind.whitelist:
            why = (
                f"kind {kind} is not in kind.whitelist, so it is refused before this rule is asked"
            )
            instead = f"add {kind} to kind.whitelist, or remove the rule"
        else:
            why = f"kind {kind} is in kind.blacklist, so it is refused before this rule is asked"
            instead = f"take {kind} from kind.blacklist, or remove the rule"
        yield Slip(f"rules.{kind}", why, instead)


def _unread_blacklist(examined: Examined) -> Iterator[Slip]:
    kinds = examined.policy.kind
    if kinds.whitelist and kinds.blacklist:
        yield Slip(
            "kind.blacklist",
            "it is not looked at, because there is a whitelist",
            "take these kinds from kind.whitelist where they are in it, and remove the blacklist",
        )


def _rule_for_policy_events(examined: Examined) -> Iterator[Slip]:
    if POLICY_EVENT_KIND in examined.policy.rules:
        yield Slip(
            f"rules.{POLICY_EVENT_KIND}",
            f"no rule is asked about kind {POLICY_EVENT_KIND}: owners and policy admins alone "
            "send and read it",
            "remove the rule",
        )


def _permission_without_whitelist(examined: Examined) -> Iterator[Slip]:
    rule, kinds = examined.policy.rule_of_all, examined.policy.kind
    for access in BOTH:
        if rule.lifts_whitelist(access) and not kinds.whitelist:
            yield Slip(
                f"global.{access}_allow_permissive",
                "it lifts the kind whitelist, and there is none",
                "remove it, or write the kinds into kind.whitelist",
            )


CHECKS = (
    Check("rule-for-closed-kind", _rules_for_closed_kinds),
    Check("blacklist-beside-whitelist", _unread_blacklist),
    Check("rule-for-policy-events", _rule_for_policy_events),
    Check("permissive-without-whitelist", _permission_without_whitelist),
)
