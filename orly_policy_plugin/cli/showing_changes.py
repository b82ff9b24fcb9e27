"""Showing changes of meaning: lines for people, objects for programs."""

from collections.abc import Iterable
from typing import Any

import attrs

from orly_policy_plugin.counted import listed
from orly_policy_plugin.policy.diff import Change, Difference
from orly_policy_plugin.policy.wording import Texts

from .contribution_changes import ContributionChange
from .contribution_words import Effects
from .showing import say, short

_MOST_SHOWN = 5
_UNTOLD = "changed: what that allows or refuses cannot be told"
_HOW = {
    "added": "added",
    "gone": "no longer in force",
    "changed": "changed",
    "unknown": "may have changed",
}


def show_changes(changes: Iterable[Change]) -> None:
    """Print a line for each place, and what it newly allows and refuses."""
    for change in changes:
        words = newly(Effects(change.allowed, change.refused))
        say(f"{short(str(_difference(change)))}  {short(words or _UNTOLD)}")


def show_contribution_changes(changes: Iterable[ContributionChange]) -> None:
    """Print a line for each contribution: whose it is, and what is newly allowed and refused."""
    for change in changes:
        say(f"{named(change.event_id, change.author)}: {short(_of_contribution(change))}")


def named(event_id: str, author: str | None) -> str:
    """A contribution and whose it is, in short."""
    return short(f"contribution {event_id} of {author or 'somebody'}")


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


def contribution_changes_as_json(changes: Iterable[ContributionChange]) -> list[dict[str, Any]]:
    """The changes of contributions as JSON values; ``null`` for what is not known."""
    return [
        {
            "event_id": change.event_id,
            "author": change.author,
            "change": change.how,
            "newly_allowed": change.effects and list(change.effects.allowed),
            "newly_refused": change.effects and list(change.effects.refused),
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


def _of_contribution(change: ContributionChange) -> str:
    if change.effects is None:
        return f"{_HOW[change.how]}; what it says is no longer kept"
    return f"{_HOW[change.how]}  {newly(change.effects) or 'that changes nothing'}"


def newly(effects: Effects) -> str:
    """The first few things that are newly allowed and refused; empty where there are none."""
    return _listed("newly allowed", effects.allowed, "newly refused", effects.refused)


def allows_and_refuses(effects: Effects) -> str:
    """The first few things that are allowed and refused; empty where there are none."""
    return _listed("allows", effects.allowed, "refuses", effects.refused)


def _listed(allowed: str, allowed_texts: Texts, refused: str, refused_texts: Texts) -> str:
    parts = ((allowed, allowed_texts), (refused, refused_texts))
    return "  ".join(
        f"{what}: {listed(texts, _MOST_SHOWN, '; ')}" for what, texts in parts if texts
    )
