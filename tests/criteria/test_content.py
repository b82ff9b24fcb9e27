"""``x_content``: words and patterns that content must not have."""

import time
from pathlib import Path
from typing import Any

import pytest

from orly_policy_criteria import content

from .asking import ALICE, problem, said

NO_CASINO = {"x_content": {"words": ["casino", "Straße", "मुफ़्त"]}}
REFUSED = "blocked: the word 'casino' is not taken here"


@pytest.mark.parametrize(
    "text",
    [
        "casino",
        "The CASINO.",
        "a _casino_!",
        "#casino",
        "casino's",
        "best-casino.example",
        "ｃａｓｉｎｏ",  # noqa: RUF001 -- wide letters are the point
        "casino\nroyale",
    ],
)
def test_a_word_is_found(tmp_path: Path, text: str) -> None:
    """However it is written, beside whatever is no letter."""
    assert said(tmp_path, content, NO_CASINO, ALICE.event(1, text)) == REFUSED


@pytest.mark.parametrize("text", ["", "casinos", "occasino", "casino2", "cas ino", "cásino"])
def test_it_is_found_as_a_whole(tmp_path: Path, text: str) -> None:
    """Not in another word."""
    assert said(tmp_path, content, NO_CASINO, ALICE.event(1, text)) == "OK"


@pytest.mark.parametrize("text", ["STRASSE", "Straße 5", "यह मुफ़्त है"])
def test_words_of_any_language(tmp_path: Path, text: str) -> None:
    """Also those with marks that are no letters."""
    told = said(tmp_path, content, NO_CASINO, ALICE.event(1, text))
    assert told.startswith("blocked: the word ")


def test_composed_and_decomposed_are_the_same(tmp_path: Path) -> None:
    rule = {"x_content": {"words": ["caf\u00e9"]}}
    events = ALICE.event(1, "cafe\u0301"), ALICE.event(1, "cafe")
    told = said(tmp_path, content, rule, *events)
    assert told == ["blocked: the word 'caf\u00e9' is not taken here", "OK"]


def test_patterns_are_searched_for(tmp_path: Path) -> None:
    """In what was written: capitals count unless (?i) is said."""
    rule = {"x_content": {"patterns": ["t[.]me/[a-z]+", "(?i)free +money"]}}
    texts = ("join t.me/xyz", "T.ME/xyz", "get FREE  money", "money is free")
    told = said(tmp_path, content, rule, *(ALICE.event(1, text) for text in texts))
    refused = "blocked: this content is not taken here"
    assert told == [refused, "OK", refused, "OK"]


def test_an_empty_content_may_be_unwanted(tmp_path: Path) -> None:
    rule = {"x_content": {"patterns": ["^$"]}}
    told = said(tmp_path, content, rule, ALICE.event(1, ""), ALICE.event(1, "a"))
    assert told == ["blocked: this content is not taken here", "OK"]


def test_no_pattern_takes_long(tmp_path: Path) -> None:
    """One that would take a backtracking library longer than the universe is old."""
    rule = {"x_content": {"patterns": ["(a*)*b"]}}
    begun = time.monotonic()
    assert said(tmp_path, content, rule, ALICE.event(1, "a" * 60_000)) == "OK"
    assert time.monotonic() - begun < 20


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (["casino"], "expected an object with words and patterns, found ['casino']"),
        ({}, "expected an object with words and patterns; this one is empty"),
        ({"word": ["a"]}, "there is no 'word' here; did you mean 'words'?"),
        ({"words": "casino"}, "words: expected a list of texts, found 'casino'"),
        ({"words": []}, "words: expected a list of texts, found []"),
        ({"words": [5]}, "words: expected a text, found 5"),
        ({"words": ["free money"]}, "words: 'free money' is not one word of letters and digits;"),
        ({"words": ["c++"]}, "words: 'c++' is not one word"),
        ({"words": [""]}, "words: '' is not one word"),
        ({"patterns": ["("]}, "patterns: '(' is not an RE2 regular expression: missing )"),
        ({"patterns": ["(?=a)"]}, "patterns: '(?=a)' is not an RE2 regular expression: invalid"),
        ({"patterns": ["a*"]}, "patterns: 'a*' matches every content"),
    ],
)
def test_a_value_that_is_none(tmp_path: Path, value: Any, why: str) -> None:
    """It is told what is wrong, and where."""
    assert problem(tmp_path, content, {"x_content": value}).startswith(why)
