"""Regular expressions that match everything, or nothing."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import many

from orly_policy_plugin.lint.regexes import matches_everything, matches_nothing
from orly_policy_plugin.policy import parse_regex


@pytest.mark.parametrize(
    "text", [".*", "^.*$", "a*", "^(..)*.?$", ".?", r"^[\s\S]*$", "^$|.", "x?y*", "(?i)^", r"\A"]
)
def test_what_tells_nothing_apart_matches_everything(text: str) -> None:
    assert matches_everything(parse_regex(text))


@pytest.mark.parametrize(
    "text",
    ["a", ".", "^$", "^.{0,1000}$", r"^\w*$", "^[^<>]*$", "^[^🔥]*$", r"^\PC*$", "^$|[a-z]"],
)
def test_what_tells_something_apart_does_not(text: str) -> None:
    assert not matches_everything(parse_regex(text))


@pytest.mark.parametrize(
    "text",
    [
        "/^a$/",
        "a^",
        "$a",
        r"^a$\n",
        "a{2}^b",
        "#^a",
        "^.+$^.+$",
        r"^a\z[b-d]",
        r"a\A",
        "(?i)a^",
        "m^a",
    ],
)
def test_text_before_the_start_or_behind_the_end_matches_nothing(text: str) -> None:
    regex = parse_regex(text)
    assert matches_nothing(regex)
    assert not any(map(regex.matches, ("", "a", "b", "a^", "$a", text, "/a/", "a\n", "aab", "ab")))


@pytest.mark.parametrize(
    "text",
    [
        *("^a$", "$a*", "a|b^", "x*^a", "a{0}^b", "^a$$", "^^a", "(a|b$c)d", "(^|,)x(,|$)"),
        *(
            "(?m)a^b",
            "(?m:a^)b",
            "[$]a",
            "^[a^]$",
            r"^\$a$",
            r"\^a",
            r"$\pN*",
            r"$\x41*",
            r"\Qa^\E",
        ),
        r"$\101?",
        r"[^]^]a",
        "$(a|)",
    ],
)
def test_what_may_match_is_not_said_to_match_nothing(text: str) -> None:
    assert not matches_nothing(parse_regex(text))


PARTS = st.sampled_from(["a", "b", "^", "$", "a*", "b?", "a+", "(a)", "(a|^)", "[ab]", ".", "|"])


@many
@given(st.lists(PARTS, min_size=1, max_size=6).map("".join), st.text("ab\n", max_size=5))
def test_what_matches_nothing_matches_no_value(text: str, value: str) -> None:
    """Of expressions that Python's own searches alike, but for a line break before the end."""
    regex = parse_regex(text)
    assert regex.matches(value) is (re.search(text.replace("$", r"\Z"), value) is not None)
    assert not (matches_nothing(regex) and regex.matches(value))
