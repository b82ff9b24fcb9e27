"""Differences in what two policies say, place by place."""

from collections.abc import Iterator
from typing import Any

import attrs

from orly_policy_hookspecs.printing import printable

from ...counted import listed
from ..models import Policy
from ..problems import join
from ..writing import unstructure_policy

_MOST_SHOWN = 3


@attrs.frozen
class Difference:
    """One place at which two policies differ."""

    place: str
    """``rules.1.content_limit``."""
    old: Any
    """The JSON value before; ``None`` where there was none."""
    new: Any
    """The JSON value now; ``None`` where there is none."""

    def __str__(self) -> str:
        return printable(f"{self.place}: {self._change()}")

    def _change(self) -> str:
        if isinstance(self.old, list) and isinstance(self.new, list):
            was, is_now = set(self.old), set(self.new)
            added = [item for item in self.new if item not in was]
            removed = [item for item in self.old if item not in is_now]
            shown = _items("added", added) + _items("removed", removed)
            return ", ".join(shown) or "in another order"
        return f"{_shown(self.old)} -> {_shown(self.new)}"


def differences(old: Policy, new: Policy) -> list[Difference]:
    """Every place at which the policies differ, in alphabetical order."""
    return json_differences(unstructure_policy(old), unstructure_policy(new))


def json_differences(old: Any, new: Any) -> list[Difference]:
    """Every place at which two JSON values differ, in alphabetical order."""
    return sorted(_different("", old, new), key=lambda difference: difference.place)


def _different(place: str, old: Any, new: Any) -> Iterator[Difference]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in old.keys() | new.keys():
            yield from _different(join(place, key), old.get(key), new.get(key))
    elif old != new:
        yield Difference(place, old, new)


def _items(verb: str, items: list[Any]) -> list[str]:
    if not items:
        return []
    return [f"{verb} {listed(items, _MOST_SHOWN, ' ')}"]


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_shown(member)}" for key, member in value.items()) or "{}"
    return str(value)
