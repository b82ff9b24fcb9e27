"""The words of a field: of its value, and of what a change of it allows and refuses."""

from collections.abc import Callable
from typing import Any

import pytest

from orly_policy_plugin.policy import parse_duration, parse_regex
from orly_policy_plugin.policy.wording import (
    Direction,
    Phrases,
    at_most,
    cannot_be_told,
    each_required,
    if_set,
    only_these,
    phrase,
    phrase_each,
    quotation,
)


@pytest.mark.parametrize(
    ("make", "patterns", "value", "words"),
    [
        (phrase, ("up to {}", "byte"), 1, ["up to 1 byte"]),
        (phrase, ("up to {}", "byte"), 2, ["up to 2 bytes"]),
        (phrase, ("within {} s",), 60, ["within 60 s"]),
        (phrase, ("within {}",), parse_duration("P1D"), ["within P1D"]),
        (phrase, ("matches {}",), parse_regex("^a"), ["matches ^a"]),
        (phrase, ("with {}",), ("d", "t"), ["with d, t"]),
        (phrase, ("protected",), True, ["protected"]),
        (
            phrase_each,
            ("{} tags match {}",),
            {"t": parse_regex("^a"), "d": parse_regex("b")},
            ["t tags match ^a", "d tags match b"],
        ),
    ],
)
def test_a_value_in_words(
    make: Callable[..., Phrases], patterns: tuple[str, ...], value: Any, words: list[str]
) -> None:
    """Numbers with their noun, texts as they were written, a phrase for each of many."""
    assert list(make(*patterns)(value)) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (" Notes\n", ["“Notes”"]),
        ("a" * 60, [f"“{'a' * 60}”"]),
        ("a" * 61, [f"“{'a' * 60}…”"]),
        (" ", []),
    ],
)
def test_a_quotation_is_short(text: str, words: list[str]) -> None:
    """Of nothing but spaces there is none."""
    assert list(quotation(text)) == words


BYTES = (at_most, "of {}", "over {}", "byte")
SECONDS = (at_most, "of {} s", "over {} s")
REQUIRED = (each_required, "without {}")
ONLY = (only_these, "with {}", "with others than {}")
REGEX = (if_set, "that do not match")


def only(*items: str) -> frozenset[str]:
    return frozenset(items)


@pytest.mark.parametrize(
    ("made", "less", "more", "told"),
    [
        (BYTES, 0, None, ["over 0 bytes"]),
        (BYTES, 1, None, ["over 1 byte"]),
        (BYTES, 0, 1, ["of 1 byte"]),
        (BYTES, 3, 4, ["of 4 bytes"]),
        (BYTES, 3, 5, ["of 4 to 5 bytes"]),
        (SECONDS, 3, None, ["over 3 s"]),
        (SECONDS, 3, 5, ["of 4 to 5 s"]),
        (REGEX, "a", None, ["that do not match"]),
        (REQUIRED, only("t", "d"), None, ["without d", "without t"]),
        (REQUIRED, only("t", "d"), only("t"), ["without d"]),
        (ONLY, only("t", "d"), None, ["with others than d, t"]),
        (ONLY, only("t"), only("t", "p", "d"), ["with d", "with p"]),
    ],
)
def test_a_change_allows_what_its_contrary_refuses(
    made: tuple[Callable[..., Direction], *tuple[str, ...]], less: Any, more: Any, told: list[str]
) -> None:
    """From what lets less through to what lets more, and back."""
    make, *patterns = made
    direction = make(*patterns)
    assert direction(less, more) == (tuple(told), ())
    assert direction(more, less) == ((), tuple(told))


def test_a_change_may_do_both_or_say_nothing() -> None:
    """Lists may gain and lose; of one regex and another nobody can tell."""
    old, new = only("t", "d"), only("t", "p")
    required, others = each_required("without {}"), only_these("with {}", "with others than {}")
    assert required(old, new) == (("without d",), ("without p",))
    assert others(old, new) == (("with p",), ("with d",))
    assert if_set("that do not match")("a", "b") == ((), ())
    assert cannot_be_told("a", None) == ((), ())
