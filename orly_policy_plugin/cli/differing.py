"""Differences in meaning, shown: lines for people, objects for programs."""

from collections.abc import Iterable
from typing import Any

import attrs

from orly_policy_plugin.policy.diff import Change, Difference

from .showing import say, short

_MOST_SHOWN = 5


def show_changes(changes: Iterable[Change]) -> None:
    """Print a line for each place, and what it newly allows and refuses."""
    for change in changes:
        say(f"{short(str(_difference(change)))}  {short(_effects(change))}")


def changes_as_json(changes: Iterable[Change]) -> list[dict[str, Any]]:
    """The changes as JSON values, nothing shortened."""
    return [
        {
            "place": change.place,
            "old": change.old,
            "new": change.new,
            "newly_allowed": list(change.allowed),
            "newly_refused": list(change.refused),
        }
        for change in changes
    ]


def _difference(change: Change) -> Difference:
    """Switches as the file has them; where a list came or went, its items."""
    difference = Difference(change.place, _as_written(change.old), _as_written(change.new))
    lists = [value for value in (change.old, change.new) if isinstance(value, list)]
    if len(lists) == 1 and lists[0]:
        return attrs.evolve(difference, old=change.old or [], new=change.new or [])
    return difference


def _as_written(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


def _effects(change: Change) -> str:
    parts = [
        f"newly {what}: {_some(texts)}"
        for what, texts in (("allowed", change.allowed), ("refused", change.refused))
        if texts
    ]
    return "  ".join(parts) or "changed: what that allows or refuses cannot be told"


def _some(texts: tuple[str, ...]) -> str:
    more = len(texts) - _MOST_SHOWN
    shown = "; ".join(texts[:_MOST_SHOWN])
    return f"{shown}; and {more} more" if more > 0 else shown
