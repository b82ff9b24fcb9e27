"""What a policy may ask for that this version cannot do yet. It is an error, never ignored."""

from .policy import InvalidPolicy, Policy, Problem


def check_supported(policy: Policy) -> None:
    """Refuse a policy that would not be enforced whole.

    :raises InvalidPolicy: with every place that asks for what is not there.
    """
    rules = {f"rules.{kind}": rule for kind, rule in policy.rules.items()}
    if policy.global_rule:
        rules = {"global": policy.global_rule, **rules}
    problems = [
        Problem(f"{place}.{field}", "is not supported yet; remove it")
        for place, rule in rules.items()
        for field, asked_for in (
            ("script", rule.script is not None),
            ("rate_limit", rule.rate_limit > 0),
        )
        if asked_for
    ]
    if problems:
        raise InvalidPolicy(problems)
