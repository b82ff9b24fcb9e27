"""A recipe: a policy to start from, with the cases that show what it does."""

import textwrap
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import attrs

Json = dict[str, Any]
Keys = tuple[str, ...]
"""Public keys, each 64 lowercase hex characters."""

_COLUMNS: Final = 72
NO_KEYS: Final[Mapping[str, Keys]] = MappingProxyType({})


@attrs.frozen(kw_only=True)
class Dish:
    """What a recipe comes to for somebody's keys."""

    policy: Json
    """With comments."""
    cases: Sequence[Json]
    """Questions to the policy, with the right answers."""
    lists: Mapping[str, Keys] = NO_KEYS
    """By name, the keys of the named lists, each in the file ``NAME.txt``."""
    about_lists: Mapping[str, str] = MappingProxyType({})
    """By name, the comment at the head of a list's file."""
    also_listed: Mapping[str, Keys] = NO_KEYS
    """Keys that are in a list for the cases alone."""
    follows: Mapping[str, Keys] = NO_KEYS
    """Follow lists for the cases: author to keys."""


@attrs.frozen(kw_only=True)
class Recipe:
    """A policy to start from."""

    name: str
    line: str
    """What it does, in one line."""
    keys: str
    """Whose keys it takes, the first being the owner's."""
    needs_key: bool = False
    """Whether it is no policy without a key."""
    make: Callable[[Keys], Dish]
    """:param: the keys, each once, maybe none."""
    needs_follow_lists: bool = False
    """Whether a relay starts with it only once the follow lists (kind 3) of the keys are there."""


def comment(*paragraphs: str) -> list[str]:
    """A comment of several lines, as JSON can have it."""
    return [line for each in paragraphs for line in textwrap.wrap(each, _COLUMNS)]


def owned(keys: Keys) -> Json:
    """The section of owners, where there is one."""
    if not keys:
        return {}
    return {"_owners": "May replace this policy by a signed event.", "owners": [keys[0]]}
