"""Moments, as people read them."""

from datetime import UTC, datetime
from typing import Final

from orly_policy_plugin.counted import counted

_UNITS: Final = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


def when(at: float) -> str:
    """ISO 8601 in UTC; a year beyond 9999, which a file can hold, as seconds.

    :param at: Unix seconds.
    """
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return f"{at} s"


def ago(at: float, now: float) -> str:
    """How long that is ago, in the largest unit: ``3 hours ago``.

    :param at: Unix seconds, as ``now``.
    """
    seconds = int(now - at)
    for unit, size in _UNITS:
        if seconds >= size:
            return f"{counted(seconds // size, unit)} ago"
    return "now"
