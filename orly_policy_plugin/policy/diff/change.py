"""A place at which two policies mean something different."""

from typing import Any, TypeVar

import attrs

_T = TypeVar("_T")


@attrs.frozen
class Change:
    """One place at which two policies mean something different."""

    place: str
    """``rules.1.content_limit``."""
    old: Any
    """The JSON value before; ``None`` where there was none."""
    new: Any
    """The JSON value now; ``None`` where there is none."""
    allowed: tuple[str, ...] = ()
    """Says what this place newly allows."""
    refused: tuple[str, ...] = ()
    """Says what this place newly refuses. Where both are empty, it cannot be told."""


def added_and_removed(
    old: frozenset[_T], new: frozenset[_T]
) -> tuple[frozenset[_T], frozenset[_T]]:
    """The items that only the new set has, and those that only the old one had."""
    return new - old, old - new
