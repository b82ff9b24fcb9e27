"""Named lists that no rule names."""

from collections.abc import Iterator, Mapping
from typing import Any

from ..policy import Policy, lists_named, rules_of
from ..policy.named_lists import SIGN
from .slip import Check, Examined, Slip


def _unused_lists(examined: Examined) -> Iterator[Slip]:
    used = {name for _, name in lists_named(examined.policy)}
    for name in examined.policy.lists:
        if name not in used and not _may_be_in_a_criterion(examined.policy, f"{SIGN}{name}"):
            yield Slip(
                f"lists.{name}",
                "no rule names this list, so it lets nobody in and keeps nobody out",
                f'write "{SIGN}{name}" into a list of keys of a rule, or remove it',
            )


def _may_be_in_a_criterion(policy: Policy, text: str) -> bool:
    """Whether a criterion's value has a text, which may be a list's name to the plugin."""
    return any(_has(rule.criteria, text) for _, rule in rules_of(policy))


def _has(value: Any, text: str) -> bool:
    if isinstance(value, Mapping):
        return any(_has(each, text) for each in value.values())
    return any(_has(each, text) for each in value) if isinstance(value, list) else value == text


CHECKS = (Check("unused-list", _unused_lists),)
