"""Differences of two rules in the fields that can only deny."""

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from ..durations import Duration
from ..fields import fields_of, value_in_effect
from ..models import Rule
from ..problems import join
from ..wording import Direction, Texts
from ..writing import plain
from .change import Change


def constraint_changes(place: str, was: Rule, is_now: Rule) -> Iterator[Change]:
    """Compare these fields of two rules, in the order of section 1 of the spec.

    Fields of which one counts in the other's place are one limit, told at the one that counts.
    """
    declared = fields_of(Rule)
    for name, field in declared.items():
        if field.direction is None or field.loses_to:
            continue
        names = (name, *(other for other in declared if declared[other].loses_to == name))
        before, old = _first_in_effect(was, names)
        after, new = _first_in_effect(is_now, names)
        told = before if new is None else after
        if field.prefix:  # its members stand beside it
            yield from _changes(place, field.direction, old or {}, new or {})
        else:
            yield from _changes(join(place, told), field.direction, old, new)


def _first_in_effect(rule: Rule, names: tuple[str, ...]) -> tuple[str, Any]:
    """The field that counts, with its value; the first, with ``None``, where none is set."""
    for name in names:
        if (value := value_in_effect(rule, name)) is not None:
            return name, value
    return names[0], None


def _changes(place: str, direction: Direction, old: Any, new: Any) -> Iterator[Change]:
    if not (isinstance(old, Mapping) or isinstance(new, Mapping)):
        yield from _change(place, direction, old, new)
        return
    was, is_now = old or {}, new or {}
    for name in sorted(was.keys() | is_now.keys()):
        for change in _change(f"{place}.{name}", direction, was.get(name), is_now.get(name)):
            yield attrs.evolve(
                change, allowed=_of(name, change.allowed), refused=_of(name, change.refused)
            )


def _change(place: str, direction: Direction, old: Any, new: Any) -> Iterator[Change]:
    if (before := _compared(old)) != (after := _compared(new)):
        yield Change(place, plain(old), plain(new), *direction(before, after))


def _of(member: str, texts: Texts) -> Texts:
    return tuple(text.format(member) for text in texts)


def _compared(value: Any) -> Any:
    """The part of a value that counts: in lists neither order nor repetition."""
    if isinstance(value, tuple):
        return frozenset(value)
    if isinstance(value, Duration):
        return value.seconds
    return value
