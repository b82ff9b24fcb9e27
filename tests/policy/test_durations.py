"""ISO-8601 durations as section 1 of the spec reads them."""

# ruff: noqa: RUF001 -- digits and letters that only look right

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orly_policy_plugin.policy import parse_duration

RIGHT = {
    "P1Y": 31_536_000,
    "P1M": 2_628_000,
    "P1W": 604_800,
    "P1D": 86_400,
    "PT1H": 3_600,
    "PT1M": 60,
    "PT1S": 1,
    "P1Y2M3W4DT5H6M7S": 31_536_000 + 2 * 2_628_000 + 3 * 604_800 + 4 * 86_400 + 5 * 3_600 + 367,
    "P12M": 31_536_000,
    "PT36H": 129_600,
    "P1YT1S": 31_536_001,
    "p1y2m3w4dt5h6m7s": 31_536_000 + 2 * 2_628_000 + 3 * 604_800 + 4 * 86_400 + 5 * 3_600 + 367,
    "pt10m": 600,
    "Pt10M": 600,
    "PT1.9S": 1,
    "PT1.999999999999S": 1,
    "PT0.5M": 30,
    "P0.5D": 43_200,
    "PT0.9S": None,
    "PT0.4M0.9S": 24,
    "PT0.1S": None,
    "P0.1DT0.1H0.1M0.1S": 9_006,
    "PT59.5S": 59,
    "P0Y0DT1S": 1,
    "PT0007S": 7,
    "PT1.5H1.5M": 5_490,
    "PT9223372036854775807S": 2**63 - 1,
}

ADVICE = "; write for example 'PT10M' (10 minutes), 'P7D' (7 days)"

WRONG = [
    "",
    "P",
    "PT",
    "p",
    "T1S",
    "1D",
    "P1",
    "PT1",
    "PD",
    "PTS",
    "P1DT",
    "-P1D",
    "+P1D",
    "P-1D",
    "PT-1S",
    "PT+1S",
    "P1D1D",
    "PT1S1S",
    "P1D1Y",
    "PT1S1M",
    "PT1M1H",
    "P1W1M",
    "P1H",
    "P1S",
    "PT1D",
    "PT1Y",
    "PT1W",
    "P1DT1D",
    "P1YT",
    "PTT1S",
    "P1D ",
    " P1D",
    "P1D\n",
    "P 1D",
    "P1 D",
    "PT1.S",
    "PT.5S",
    "PT1,5S",
    "PT1e3S",
    "PT1_0S",
    "PT0S",
    "P0D",
    "PT0.999S",
    "P0.00001D",
    "P١D",
    "PT1ſ",
    "PT9223372036854775808S",
    "P1" + "0" * 200 + "D",
    "PT1S\0",
    "P1D/P2D",
    "10m",
    "3600",
    "forever",
    "P1X",
]


@pytest.mark.parametrize(("text", "seconds"), RIGHT.items())
def test_a_duration_is_a_number_of_seconds(text: str, seconds: int | None) -> None:
    """Years are 365 days, months a twelfth of that; the total is rounded down."""
    if seconds is None:
        with pytest.raises(ValueError, match=r"less than one second"):
            parse_duration(text)
    else:
        assert parse_duration(text).seconds == seconds


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_duration_is_refused(text: str) -> None:
    """ORLY reads several of these as no limit."""
    with pytest.raises(ValueError, match=r"duration|less than one second|64 bits"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1D", "'1D' is not an ISO-8601 duration; did you mean 'P1D'?"),
        ("t10m", "'t10m' is not an ISO-8601 duration; did you mean 'PT10M'?"),
        ("10h", "'10h' is not an ISO-8601 duration; did you mean 'PT10H'?"),
        ("3600", "'3600' is not an ISO-8601 duration; did you mean 'PT3600S'?"),
        ("P1D2H", f"'P1D2H' is not an ISO-8601 duration{ADVICE}"),
        ("P10H", "'P10H' is not an ISO-8601 duration; did you mean 'PT10H'?"),
        ("+P1D", "'+P1D' is not an ISO-8601 duration; did you mean 'P1D'?"),
        ("-p1d", "'-p1d' is not an ISO-8601 duration; did you mean 'P1D'?"),
        (" P 1 D", "' P 1 D' is not an ISO-8601 duration; did you mean 'P1D'?"),
        ("XP1D", f"'XP1D' is not an ISO-8601 duration{ADVICE}"),
        ("PT", f"'PT' is not an ISO-8601 duration{ADVICE}"),
        ("", f"'' is not an ISO-8601 duration{ADVICE}"),
        ("P" + "1" * 98 + "D", f"'P{'1' * 98}D' is longer than 64 bits of seconds"),
        ("P" + "1" * 99 + "D", f"'P{'1' * 99}' is not an ISO-8601 duration{ADVICE}"),
        ("1" * 97, f"'{'1' * 97}' is not an ISO-8601 duration; did you mean 'PT{'1' * 97}S'?"),
        ("1" * 98, f"'{'1' * 98}' is not an ISO-8601 duration{ADVICE}"),
        ("PT0.9S", "'PT0.9S' is less than one second"),
        ("PT9223372036854775808S", "'PT9223372036854775808S' is longer than 64 bits of seconds"),
    ],
)
def test_a_mistake_comes_with_what_was_meant(text: str, message: str) -> None:
    """Where that can be guessed: a forgotten letter, a sign, a space, plain seconds."""
    with pytest.raises(ValueError, match=r"duration|second") as caught:
        parse_duration(text)
    assert str(caught.value) == message


UNITS = (("P", "Y", 31_536_000), ("P", "M", 2_628_000), ("P", "W", 604_800), ("P", "D", 86_400),
         ("PT", "H", 3_600), ("PT", "M", 60), ("PT", "S", 1))  # fmt: skip


@given(st.lists(st.none() | st.integers(0, 10**6), min_size=7, max_size=7))
def test_parts_add_up(numbers: list[int | None]) -> None:
    """Any combination of parts in their order is the sum of them."""
    parts = [
        (number, unit) for number, unit in zip(numbers, UNITS, strict=True) if number is not None
    ]
    date = "".join(f"{number}{letter}" for number, (where, letter, _) in parts if where == "P")
    time = "".join(f"{number}{letter}" for number, (where, letter, _) in parts if where == "PT")
    text = f"P{date}" + (f"T{time}" if time else "")
    total = sum(number * seconds for number, (_, _, seconds) in parts)
    if total:
        assert parse_duration(text).seconds == total
        assert parse_duration(text.lower()).seconds == total
    else:
        with pytest.raises(ValueError, match=r"duration|less than"):
            parse_duration(text)


@given(st.text("PYMWDTHS0123456789.-+ ", max_size=12))
def test_whatever_is_taken_is_at_least_a_second(text: str) -> None:
    """No limit is never what a duration comes to."""
    try:
        seconds = parse_duration(text).seconds
    except ValueError:
        return
    assert seconds >= 1
    assert type(seconds) is int
