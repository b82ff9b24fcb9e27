"""Limits that refuse everything, and limits that another one makes unreachable."""

import math
from collections.abc import Iterator
from typing import Final

from orly_policy_hookspecs.nip01 import FrozenEvent

from ..counted import counted
from ..decisions.rates import TIME_CONSTANT_SECONDS
from ..event_size import event_size
from ..policy import Duration, Rule, rules_of
from ..policy.fields import fields_of
from .in_effect import limit_in_effect
from .slip import Check, Examined, Slip

_NO_ID: Final = "0" * 64
SMALLEST_EVENT_BYTES: Final = event_size(
    FrozenEvent(_NO_ID, _NO_ID, 1_000_000_000, 1, (), "", "0" * 128)
)
"""The size of an event without tags and content."""


def _too_small_for_an_event(examined: Examined) -> Iterator[Slip]:
    for place, rule in rules_of(examined.policy):
        if rule.size_limit is not None and rule.size_limit < SMALLEST_EVENT_BYTES:
            yield Slip(
                f"{place}.size_limit",
                f"{counted(rule.size_limit, 'byte')} hold no event: one without tags and content "
                f"has {SMALLEST_EVENT_BYTES}",
                "write a larger number; to close kinds, use kind.blacklist",
            )


def _above_the_global_one(examined: Examined) -> Iterator[Slip]:
    of_all = examined.policy.rule_of_all
    for kind, rule in examined.policy.rules.items():
        for name in _UPPER_LIMITS:
            for other in _says_the_same_as(name):
                limit, most = limit_in_effect(rule, name), limit_in_effect(of_all, other)
                if limit is not None and most is not None and limit > most:
                    yield Slip(
                        f"rules.{kind}.{name}",
                        f"{_as_written(rule, name)} is above global.{other}, "
                        f"{_as_written(of_all, other)}, which holds for kind {kind} as well",
                        f"write at most {_as_written(of_all, other)}, or raise global.{other} and "
                        "give other kinds limits of their own",
                    )


_UPPER_LIMITS: Final = tuple(
    name for name, field in fields_of(Rule).items() if field.is_upper_limit
)


def _says_the_same_as(name: str) -> Iterator[str]:
    """A limit's field, and those that say the same in another unit."""
    fields = fields_of(Rule)
    pairs = {name, fields[name].loses_to}
    return (other for other in _UPPER_LIMITS if other in pairs or fields[other].loses_to == name)


def _as_written(rule: Rule, name: str) -> str:
    value = getattr(rule, name)
    return value.text if isinstance(value, Duration) else str(value)


def _limits_that_another_makes_unreachable(examined: Examined) -> Iterator[Slip]:
    """Within a rule, or of a kind's rule because of the global one: that a kind's is below the
    global one is what kinds' rules are for.
    """
    for place, rule in rules_of(examined.policy):
        for name in ("size_limit", "content_limit"):
            limit = getattr(rule, name)
            for by, most in _most_bytes(examined, place, rule):
                if limit is not None and limit > most:
                    yield Slip(
                        f"{place}.{name}",
                        f"{by} lets no event over {counted(most, 'byte')} pass, so {limit} is "
                        "never reached",
                        f"write at most {most}, or raise {by}",
                    )


def _most_bytes(examined: Examined, place: str, rule: Rule) -> Iterator[tuple[str, int]]:
    """The largest event that each limit besides ``content_limit`` lets pass, by its place."""
    for where, each in {place: rule, "global": examined.policy.rule_of_all}.items():
        if each.size_limit is not None and each.size_limit >= SMALLEST_EVENT_BYTES:
            yield f"{where}.size_limit", each.size_limit
        if (most := _most_at_once(each)) >= SMALLEST_EVENT_BYTES:
            yield f"{where}.rate_limit", most


def _most_at_once(rule: Rule) -> int:
    """The bytes of the largest event that fits into a rule's rate; 0 where it has none."""
    return int(rule.rate_limit * TIME_CONSTANT_SECONDS)


def _rates_that_nothing_fits(examined: Examined) -> Iterator[Slip]:
    least = math.ceil(SMALLEST_EVENT_BYTES / TIME_CONSTANT_SECONDS)
    for place, rule in rules_of(examined.policy):
        if rule.rate_limit and (most := _most_at_once(rule)) < SMALLEST_EVENT_BYTES:
            yield Slip(
                f"{place}.rate_limit",
                f"no event fits: the largest at this rate has {counted(most, 'byte')}, and the "
                f"smallest that there is {SMALLEST_EVENT_BYTES}",
                f"write a tenth of the largest event's bytes, {least} at the least",
            )


CHECKS = (
    Check("size-limit-is-too-small", _too_small_for_an_event),
    Check("limit-above-the-global-one", _above_the_global_one),
    Check("limit-is-never-reached", _limits_that_another_makes_unreachable),
    Check("rate-is-too-low", _rates_that_nothing_fits),
)
