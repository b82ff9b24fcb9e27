"""ISO-8601 durations, as section 1 of the spec reads them.

A year is 365 days, a month a twelfth of that, so that a duration is a number of seconds and needs
no calendar. (The duration libraries give calendar months, take ``PT`` for zero and round up.)
"""

import re
from fractions import Fraction

import attrs

_N = r"(\d+(?:\.\d+)?)"
_DURATION = re.compile(
    rf"P(?:{_N}Y)?(?:{_N}M)?(?:{_N}W)?(?:{_N}D)?(T(?=\d)(?:{_N}H)?(?:{_N}M)?(?:{_N}S)?)?",
    re.ASCII | re.IGNORECASE,
)
_DATE_SECONDS = (31_536_000, 2_628_000, 604_800, 86_400)
_TIME_SECONDS = (3_600, 60, 1)
_LARGEST_SECONDS = 2**63 - 1
_LONGEST_TEXT = 100


@attrs.frozen
class Duration:
    """A duration as it was written, and what it comes to."""

    text: str
    seconds: int
    """At least 1; rounded down."""


def parse_duration(text: str) -> Duration:
    """``P1Y2M3W4DT5H6M7.5S``, each part optional, in upper or lower case.

    :raises ValueError: the text is not a duration, or comes to less than a second; the message
        says which.
    """
    parts = _parts(text)
    if not any(parts):
        raise ValueError(f"{text[:_LONGEST_TEXT]!r} is not an ISO-8601 duration{_hint(text)}")
    years, months, weeks, days, _, *time = parts
    seconds = sum(
        Fraction(number) * unit
        for number, unit in zip(
            (years, months, weeks, days, *time), _DATE_SECONDS + _TIME_SECONDS, strict=True
        )
        if number
    )
    if seconds < 1:
        raise ValueError(f"{text!r} is less than one second")
    if seconds > _LARGEST_SECONDS:
        raise ValueError(f"{text!r} is longer than 64 bits of seconds")
    return Duration(text, int(seconds))


def _parts(text: str) -> tuple[str | None, ...]:
    """The numbers in a duration, in their order; empty where it is none."""
    match = _DURATION.fullmatch(text) if len(text) <= _LONGEST_TEXT else None
    return match.groups() if match else ()


def _hint(text: str) -> str:
    """Guess what was meant: a forgotten ``P`` or ``T``, a sign, ``10m``, ``3600``."""
    bare = text.strip().lstrip("+-").upper().replace(" ", "")
    for guess in (bare, f"P{bare}", f"PT{bare}", f"PT{bare}S", bare.replace("P", "PT")):
        if any(_parts(guess)):
            return f"; did you mean {guess!r}?"
    return "; write for example 'PT10M' (10 minutes), 'P7D' (7 days)"
