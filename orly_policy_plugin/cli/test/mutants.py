"""The policy with one field less: is there a case that misses it?"""

from collections.abc import Iterator, Sequence
from typing import Any

import attrs

from orly_policy_plugin.policy import Policy, rules_of
from orly_policy_plugin.policy.fields import fields_of, keys_of
from orly_policy_plugin.witnesses import Unit, taken_over

from .results import Result, otherwise
from .subject import Subject

_NOT_DECIDING = frozenset({"plugins", "lists", "owners", "policy_admins"})
_WITHOUT = Policy()


def unmissed(policy: Policy, asked: Sequence[tuple[Subject, Sequence[Result]]]) -> list[str]:
    """The places of a policy without which each case is answered as it expects.

    :param asked: the subjects that the policy was asked as, with their results. Cases that fail
        with the policy as it is say nothing.
    """
    good = [(subject, [each for each in of if each.problem is None]) for subject, of in asked]
    return [
        place
        for place, without in _each_dropped(policy)
        if not any(_misses(subject.with_policy(without), of) for subject, of in good)
    ]


def _misses(subject: Subject, results: Sequence[Result]) -> bool:
    return any(
        otherwise(each.case, subject.explained(each.case, each.suite.now)) is not None
        for each in results
    )


def _each_dropped(policy: Policy) -> Iterator[tuple[str, Policy]]:
    """The policy with each of its fields dropped in turn."""
    for name in ("whitelist", "blacklist"):
        if getattr(policy.kind, name):
            kind = attrs.evolve(policy.kind, **{name: ()})
            yield f"kind.{name}", attrs.evolve(policy, kind=kind)
    for place, rule in rules_of(policy):
        declared = fields_of(type(rule))
        for name, field in declared.items():
            if name == "description" or not field.is_set(getattr(rule, name)):
                continue
            if field.prefix:
                yield from _each_member_dropped(policy, place, name)
            else:
                key = keys_of(type(rule))[name]
                yield f"{place}.{key}", taken_over(policy, _WITHOUT, Unit(place, name))
    for name in fields_of(Policy):
        is_rule = name in ("kind", "global_rule", "rules")
        if is_rule or name in _NOT_DECIDING or getattr(policy, name) == getattr(_WITHOUT, name):
            continue
        yield keys_of(Policy)[name], attrs.evolve(policy, **{name: getattr(_WITHOUT, name)})


def _each_member_dropped(policy: Policy, place: str, name: str) -> Iterator[tuple[str, Policy]]:
    """The policy without each criterion of a rule in turn."""
    rule: Any = dict(rules_of(policy))[place]
    for key in getattr(rule, name):
        left = {other: of for other, of in getattr(rule, name).items() if other != key}
        made = attrs.evolve(rule, **{name: left})
        if place == "global":
            yield f"{place}.{key}", attrs.evolve(policy, global_rule=made)
        else:
            kind = int(place.removeprefix("rules."))
            yield f"{place}.{key}", attrs.evolve(policy, rules={**policy.rules, kind: made})
