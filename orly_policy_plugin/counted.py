"""Counts in messages. Pure."""

from collections.abc import Callable, Sequence
from typing import Any


def counted(count: int, noun: str) -> str:
    """The count and its noun, in the plural unless the count is 1: ``1 byte``, ``0 more bytes``.

    :param noun: in the singular; its plural ends in ``s``.
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def listed(
    items: Sequence[Any],
    most: int,
    separator: str = ", ",
    shown: Callable[[Any], str] = str,
) -> str:
    """The first ``most`` items, and how many more there are: ``a, b, and 3 more``.

    :param shown: an item's text.
    """
    more = len(items) - most
    rest = [f"and {more} more"] if more > 0 else []
    return separator.join([*map(shown, items[:most]), *rest])
