"""What a policy may ask for that this version cannot do yet. It is an error, never ignored."""

from collections.abc import Iterator

from .policy import InvalidPolicy, Policy, Problem, Rule

_FOLLOW_LISTS = (
    "write_allow_follows",
    "follows_whitelist_admins",
    "write_follows_whitelist",
    "read_follows_whitelist",
)


def check_supported(policy: Policy, *, follow_lists_given: bool) -> None:
    """Refuse a policy that would not be enforced whole.

    :param follow_lists_given: whether follow lists are handed to the engine by a call; a running
        relay cannot learn them yet.
    :raises InvalidPolicy: with every place that asks for what is not there.
    """
    rules = {f"rules.{kind}": rule for kind, rule in policy.rules.items()}
    if policy.global_rule:
        rules = {"global": policy.global_rule, **rules}
    problems = [
        Problem(f"{place}.{field}", "is not supported yet; remove it")
        for place, rule in rules.items()
        for field in _unsupported(rule, policy, follow_lists_given)
    ]
    if problems:
        raise InvalidPolicy(problems)


def _unsupported(rule: Rule, policy: Policy, follow_lists_given: bool) -> Iterator[str]:
    if rule.script is not None:
        yield "script"
    if rule.rate_limit > 0:
        yield "rate_limit"
    if follow_lists_given:
        return
    for field in _FOLLOW_LISTS:
        switched_off = (
            field == "write_allow_follows" and not policy.policy_follow_whitelist_enabled
        )
        if getattr(rule, field) and not switched_off:
            yield field
