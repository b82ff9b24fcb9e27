"""What a list names twice."""

from collections.abc import Iterator, Sequence
from typing import Any

from ..policy import rules_of
from ..policy.fields import keys_of
from ..policy.problems import join
from .slip import Check, Examined, Slip


def _named_twice(examined: Examined) -> Iterator[Slip]:
    policy = examined.policy
    for place, model in (("", policy), ("kind", policy.kind), *rules_of(policy)):
        for name, key in keys_of(type(model)).items():
            value = getattr(model, name)
            if isinstance(value, tuple):
                yield from _in_list(join(place, key), value)


def _in_list(place: str, items: Sequence[Any]) -> Iterator[Slip]:
    if len(set(items)) == len(items):
        return
    first: dict[Any, int] = {}
    for i, item in enumerate(items):
        if item in first:
            yield Slip(f"{place}[{i}]", f"this is [{first[item]}] again", "remove it")
        else:
            first[item] = i


CHECKS = (Check("named-twice", _named_twice),)
