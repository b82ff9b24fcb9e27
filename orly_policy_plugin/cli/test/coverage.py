"""Which places of a policy were seen passing and which denying. Pure."""

from collections.abc import Iterable, Iterator

import attrs

from orly_policy_plugin.decisions import Explanation
from orly_policy_plugin.decisions.explaining import DEFAULT_PLACE
from orly_policy_plugin.policy import Policy, rules_of
from orly_policy_plugin.policy.fields import fields_of, keys_of, value_in_effect

_PASSES = frozenset({"pass", "grant"})
_DENIES = frozenset({"deny", "no match"})


@attrs.define
class Seen:
    """How often a place was seen."""

    passing: int = 0
    denying: int = 0
    can_pass: bool = True
    can_deny: bool = True

    @property
    def is_enough(self) -> bool:
        """Whether it was seen in each way that it can be."""
        return bool((self.passing or not self.can_pass) and (self.denying or not self.can_deny))


@attrs.define
class Coverage:
    """The places of one policy, in their order."""

    version: str
    places: dict[str, Seen]

    @classmethod
    def of(cls, policy: Policy, version: str) -> "Coverage":
        """Nothing seen yet."""
        return cls(version, dict(_places(policy)))

    def add(self, explanation: Explanation) -> None:
        """Count what an answer has looked at."""
        for step in explanation.steps:
            seen = self.places.get(step.place)
            if seen is not None:
                seen.passing += step.outcome in _PASSES
                seen.denying += step.outcome in _DENIES

    @property
    def enough(self) -> int:
        """How many places were seen in each way that they can be."""
        return sum(seen.is_enough for seen in self.places.values())


def _places(policy: Policy) -> Iterator[tuple[str, Seen]]:
    """The places that explanations may name, of what the policy says itself."""
    for name in ("whitelist", "blacklist"):
        if getattr(policy.kind, name):
            yield f"kind.{name}", Seen()
    for place, rule in rules_of(policy):
        for key in _keys_of_what_is_asked(rule):
            yield f"{place}.{key}", Seen()
    denies = policy.default_policy == "deny"
    yield DEFAULT_PLACE, Seen(can_pass=not denies, can_deny=denies)


def _keys_of_what_is_asked(rule: object) -> Iterable[str]:
    for name, field in fields_of(type(rule)).items():
        if not field.asked_on or (field.direction is None and field.who is None):
            continue
        if field.prefix:
            yield from getattr(rule, name)
        elif value_in_effect(rule, name) is not None:
            yield keys_of(type(rule))[name]
