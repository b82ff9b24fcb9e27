"""The replacement of a deprecated field is the same to the second."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import many

from orly_policy_plugin.lint import Examined, slips
from orly_policy_plugin.lint.deprecated import in_iso_8601
from orly_policy_plugin.policy import parse_duration, structure_policy


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1, "PT1S"), (61, "PT61S"), (5400, "PT90M"), (7200, "PT2H"), (86400, "P1D"), (604800, "P7D")],
)
def test_the_largest_unit_is_used(seconds: int, text: str) -> None:
    assert in_iso_8601(seconds) == text


@many
@given(st.integers(1, 10_000_000))
def test_it_is_the_same_duration(seconds: int) -> None:
    assert parse_duration(in_iso_8601(seconds)).seconds == seconds


@pytest.mark.parametrize(
    ("more", "instead"),
    [
        ({}, 'write "max_expiry_duration": "PT10M" in its place'),
        ({"max_expiry_duration": "PT1M"}, "remove it"),
    ],
)
def test_it_is_told_as_it_is_to_be_written(more: dict[str, str], instead: str) -> None:
    """Unless it is written already."""
    rules = {"1": {"max_expiry": 600, **more}}
    [slip] = slips(Examined(structure_policy({"kind": {"whitelist": [1]}, "rules": rules})))
    assert slip.instead == instead
