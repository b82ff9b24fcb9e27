"""``x_scripts``: the scripts that content is to be written in."""

from pathlib import Path
from typing import Any

import pytest

from orly_policy_criteria import scripts
from orly_policy_criteria.scripts import known_scripts

from .asking import ALICE, problem, said

LATIN = {"x_scripts": {"of": ["LATIN"]}}
JAPANESE = {"x_scripts": {"of": ["HIRAGANA", "KATAKANA", "CJK"], "percent": 80}}
REFUSED = "blocked: this relay takes what is written in LATIN"


@pytest.mark.parametrize(
    "text",
    [
        "Hello, Grüße, żółć, tiếng Việt",
        "",
        "🤙 +1 … 2026",
        "ｗｉｄｅ 𝐛𝐨𝐥𝐝",  # noqa: RUF001 -- these letters are the point
        "https://пример.example/ nostr:npub1xyz",
    ],
)
def test_what_is_written_in_a_script(tmp_path: Path, text: str) -> None:
    """Signs, numbers and addresses do not count."""
    assert said(tmp_path, scripts, LATIN, ALICE.event(1, text)) == "OK"


@pytest.mark.parametrize(
    "text",
    [
        "Привет, мир",
        "你好",
        "שלום ok",
        "안녕",
        "न",
        "half привет",
        "привет nostr:npub1latin",
        "привет https://a.example/latin",
    ],
)
def test_what_is_written_in_others(tmp_path: Path, text: str) -> None:
    assert said(tmp_path, scripts, LATIN, ALICE.event(1, text)) == REFUSED


def test_the_share_counts(tmp_path: Path) -> None:
    """At least so many of the letters; half, where nothing is said."""
    told = said(
        tmp_path, scripts, LATIN, *(ALICE.event(1, text) for text in ("abчч", "abччч", "ab чч!!"))
    )
    assert told == ["OK", REFUSED, "OK"]


def test_several_scripts(tmp_path: Path) -> None:
    """One language may need three."""
    events = (
        ALICE.event(1, text)
        for text in ("今日はコーヒーを飲みます", "今日 is the day", "あああaa")
    )
    told = said(tmp_path, scripts, JAPANESE, *events)
    assert [each[:7] for each in told] == ["OK", "blocked", "blocked"]


def test_the_scripts_that_are_known() -> None:
    """By the names that are in the page."""
    assert {
        "LATIN",
        "CYRILLIC",
        "GREEK",
        "ARABIC",
        "HEBREW",
        "DEVANAGARI",
        "THAI",
    } <= known_scripts()
    assert {"CJK", "HIRAGANA", "KATAKANA", "HANGUL"} <= known_scripts()
    assert "" not in known_scripts()


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("LATIN", "expected an object with of and percent, found 'LATIN'"),
        ({"percent": 50}, "'of' is missing"),
        ({"of": ["LATN"]}, "of: there is no script 'LATN'; did you mean 'LATIN'?"),
        ({"of": ["Latin"]}, "of: there is no script 'Latin'"),
        ({"of": []}, "of: expected a list of texts, found []"),
        ({"of": ["LATIN"], "percent": 0}, "expected a number of percent, 1 to 100, found 0"),
    ],
)
def test_a_value_that_is_none(tmp_path: Path, value: Any, why: str) -> None:
    assert problem(tmp_path, scripts, {"x_scripts": value}).startswith(why)
