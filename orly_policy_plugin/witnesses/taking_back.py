"""Taking over what one policy says at a place into another."""

from typing import Any, Final

import attrs

from ..policy import GlobalRule, Policy, Rule
from ..policy.fields import fields_of, keys_of, prefixes_of
from ..policy.who import Whom

_NO_RULE: Final = Rule()


@attrs.frozen
class Unit:
    """A part of a policy that is taken over whole."""

    rule: str
    """``global`` or ``rules.1``; empty for what is at the top of the file."""
    field: str
    """The attribute of the rule, or of the policy."""
    member: str = ""
    """The rest of the place."""

    @property
    def is_at_the_top(self) -> bool:
        """Whether it is no part of a rule."""
        return not self.rule

    @property
    def kind(self) -> int | None:
        """The kind whose rule it is part of; ``None`` where it is about all."""
        return int(self.rule.removeprefix("rules.")) if self.rule.startswith("rules.") else None


def unit_of(place: str) -> Unit:
    """The part of a policy that a place is in."""
    if place.startswith("global."):
        rule, rest = "global", place.removeprefix("global.")
    elif place.startswith("rules."):
        _, kind, rest = place.split(".", 2)
        rule = f"rules.{kind}"
    else:
        field, _, member = place.partition(".")
        return Unit("", field, member)
    key, _, member = rest.partition(".")
    return Unit(rule, _attribute(key), member)


def _attribute(key: str) -> str:
    for field_key, prefix in prefixes_of(GlobalRule).items():
        if key.startswith(prefix):
            key = field_key
    return next(name for name, field_key in keys_of(GlobalRule).items() if field_key == key)


def taken_over(policy: Policy, other: Policy, unit: Unit) -> Policy:
    """A policy with what another says of a unit, and of what counts only together with it."""
    if unit.is_at_the_top:
        made = attrs.evolve(policy, **{unit.field: getattr(other, unit.field)})
        return _with_lifted_whitelist(made, other) if unit.field == "kind" else made
    if unit.kind is None:
        own = _with(policy.rule_of_all, other.rule_of_all, unit.field)
        made = attrs.evolve(policy, global_rule=own)
    else:
        was, others = (each.rules.get(unit.kind, _NO_RULE) for each in (policy, other))
        own = _with(was, others, unit.field)
        made = attrs.evolve(policy, rules={**policy.rules, unit.kind: own})
    return _with_switch(made, other, unit.field)


def _with_lifted_whitelist(policy: Policy, other: Policy) -> Policy:
    """The switches of the global rule count together with the kind lists."""
    lifted = attrs.evolve(
        policy.rule_of_all,
        read_allow_permissive=other.rule_of_all.read_allow_permissive,
        write_allow_permissive=other.rule_of_all.write_allow_permissive,
    )
    return attrs.evolve(policy, global_rule=lifted)


def _with(rule: Any, other: Any, field: str) -> Any:
    """A rule with another's value of a field, and of those of which one counts in its place."""
    declared = fields_of(type(rule))
    names = {
        field,
        declared[field].loses_to or field,
        *(name for name in declared if declared[name].loses_to == field),
    }
    return attrs.evolve(rule, **{name: getattr(other, name) for name in names})


def _with_switch(policy: Policy, other: Policy, field: str) -> Policy:
    who = fields_of(GlobalRule)[field].who
    if who is None or who.whom is not Whom.FOLLOWED_BY_ADMINS:
        return policy
    return attrs.evolve(
        policy, policy_follow_whitelist_enabled=other.policy_follow_whitelist_enabled
    )
