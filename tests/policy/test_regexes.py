"""Regular expressions: RE2's syntax, semantics and linear time, and never Python's ``re``.

Each row was asked of RE2 itself as well (google-re2 1.1.20251105).
"""

import time

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import many

from orly_policy_plugin.policy import parse_regex

MATCHES = [
    ("b", "abc"),
    ("^b", "b"),
    ("a$", "ba"),
    (r"a\z", "ba"),
    (r"\Aa", "ab"),
    ("", "anything"),
    ("", ""),
    ("(?m)a$", "a\nb"),
    ("(?m)^b", "a\nb"),
    ("(?s)a.b", "a\nb"),
    ("(?i)ABC", "abc"),
    ("(?i)É", "é"),
    ("^.$", "☺"),
    (r"^\d$", "7"),
    (r"^\w$", "_"),
    (r"^\s$", "\t"),
    (r"^\D$", "٣"),
    (r"^\W$", "é"),
    (r"^\S$", "\u00a0"),
    (r"^\pL$", "é"),
    (r"^\p{Greek}+$", "λόγος"),
    (r"^[[:alpha:]]$", "a"),
    (r"^\x{263a}$", "☺"),
    (r"^[\x{263a}]$", "☺"),
    (r"^[a\x{2d}c]$", "-"),
    (r"^[\x{5d}]$", "]"),
    (r"^\x{80}$", "\x80"),
    (r"^\x{d7ff}\x{e000}$", "\ud7ff\ue000"),
    (r"^\x{10ffff}$", "\U0010ffff"),
    (r"^\x41$", "A"),
    (r"^\x{41}$", "A"),
    (r"^(?<n>a)$", "a"),
    (r"^(?P<n>a)$", "a"),
    (r"^\0$", "\0"),
    (r"^\07$", "\x07"),
    (r"^\012$", "\n"),
    (r"^\08$", "\x008"),
    (r"^\101$", "A"),
    (r"^[\0-\x{7f}]$", "a"),
    ("^\0$", "\0"),
    ("^a\0b$", "a\0b"),
    ("b", "a\0b"),
    (r"^\Qa.b\E$", "a.b"),
    (r"^\Q(?<n>\E$", "(?<n>"),
    (r"^\Q\x{41}\E$", r"\x{41}"),
    (r"^\Q[\E[a]$", "[a"),
    (r"^\Q[", "[x"),
    (r"^a{\Q2\E}$", "a{2}"),
    (r"^\Qab\E*$", "abbb"),
    (r"^(?:\Qa)\E)$", "a)"),
    (r"^\\Qa$", "\\Qa"),
    (r"^\\x{2}$", "\\xx"),
    ("^[(?<a]$", "?"),
    (r"^[]](?<n>a)$", "]a"),
    (r"^[^](?<n>]$", "P"),
    (r"^[[:alpha:](?<n]$", "("),
    ("^a{1000}$", "a" * 1000),
    ("^(?U)a+?$", "aa"),
    (r"\bno\b", "say no more"),
    (r"[\]](?<n>b)", "]b"),
]

MISSES = [
    ("^b", "abc"),
    ("a$", "a\n"),
    ("^$", "\n"),
    ("a$", "a\nb"),
    (r"\d", "٣"),
    (r"\w", "é"),
    (r"\s", "\u00a0"),
    (r"\s", "\x0b"),
    ("(?-i)ABC", "abc"),
    ("^.$", "\n"),
    (r"^\Qa.b\E$", "axb"),
    ("[(?<a]", "P"),
    ("[a[(?<b]", "P"),
    (r"[\](?<n]", "P"),
    (r"^a{\Q2\E}$", "aa"),
    (r"[\x{5e}a]", "b"),
    (r"\bno\b", "note"),
]

REFUSED = [
    "(",
    ")",
    "[",
    "[]",
    "*",
    "a**",
    "a{1001}",
    "((a{100}){100}){100}",
    "(?=a)",
    "(?!a)",
    "(?<=a)b",
    "(?<!a)b",
    "(?>a)",
    "a++",
    r"(a)\1",
    r"(?P<n>a)(?P=n)",
    r"(?<n>a)\k<n>",
    "(a)(?(1)b|c)",
    "(?#note)a",
    "(?x) a",
    "(?a)a",
    "(?u)a",
    r"a\Z",
    r"[\Z]",
    r"[\b]",
    "a\\",
    "\\",
    r"[a\\"[:3],
    r"\1\Q41",
    r"\x4\Q1",
    r"\E",
    r"[\Qa\E]",
    r"\u0041",
    r"\N{DIGIT ONE}",
    r"\h",
    r"\X",
    r"\G",
    r"\x{110000}",
    r"\x{}",
    r"\p{Klingon}",
    "[[:foo:]]",
    "[z-a]",
    r"[a-\d]",
    "(?<n",
    "\ud800",
    "a" * 10_001,
]


@pytest.mark.parametrize(("regex", "value"), MATCHES)
def test_it_matches(regex: str, value: str) -> None:
    """Searched, not anchored, with RE2's syntax."""
    assert parse_regex(regex).matches(value)


@pytest.mark.parametrize(("regex", "value"), MISSES)
def test_it_does_not_match(regex: str, value: str) -> None:
    r"""``\d \w \s`` are ASCII, ``$`` is the very end, a dot is no line break."""
    assert not parse_regex(regex).matches(value)


@pytest.mark.parametrize("regex", REFUSED)
def test_what_is_no_re2_is_refused_with_a_reason(regex: str) -> None:
    """Lookaround, backreferences, what only Python knows, what would take too much memory."""
    with pytest.raises(ValueError, match=r"RE2 regular expression|at most 10000") as caught:
        parse_regex(regex)
    assert len(str(caught.value).split(": ", 1)[-1]) > 3


@pytest.mark.parametrize(
    ("regex", "reason"),
    [
        ("(", "missing ): ("),
        ("a{1001}", "invalid repetition size: {1001}"),
        (r"(a)\1", r"invalid escape sequence: \1"),
        (r"[\b]", r"invalid escape sequence: \b"),
        (r"a\Z", r"invalid escape sequence: \Z (write \z)"),
        (r"[\Z]", r"invalid escape sequence: \Z (write \z)"),
        ("a\\", "invalid escape sequence: \\"),
        (r"\x{110000}", "there is no character 110000"),
        (r"\x{d800}", "there is no character d800"),
        (r"\x{DFFF}", "there is no character dfff"),
    ],
)
def test_the_reason_is_in_these_words(regex: str, reason: str) -> None:
    """RE2's, with what to write instead of what only Python knows."""
    with pytest.raises(ValueError, match="RE2") as caught:
        parse_regex(regex)
    assert str(caught.value) == f"{regex!r} is not an RE2 regular expression: {reason}"


def test_less_memory_may_be_given() -> None:
    """Whatever was compiled with more before; the reason is about what was written."""
    assert parse_regex("[a-z]{500}").matches("a" * 500)
    with pytest.raises(ValueError, match="pattern too large"):
        parse_regex("[a-z]{500}", 2**12)
    with pytest.raises(ValueError, match="RE2") as caught:
        parse_regex("(?:)(", 2**14)
    assert str(caught.value) == "'(?:)(' is not an RE2 regular expression: missing ): (?:)("
    assert parse_regex("^b", 2**14).matches("b")


def test_what_is_too_much_to_match() -> None:
    """All values of an event together; of an owner's regex nothing is."""
    regex = parse_regex("a")
    assert not regex.is_too_much(["a" * 10_000])
    bounded = attrs.evolve(regex, most_characters=3)
    assert not bounded.is_too_much(["ab", "c"])
    assert bounded.is_too_much(["ab", "cd"])


def test_a_regex_has_a_most_length() -> None:
    """Ten thousand characters."""
    assert parse_regex("a" * 10_000).matches("a" * 10_000)
    with pytest.raises(ValueError, match=r"^a regular expression has at most 10000 characters$"):
        parse_regex("a" * 10_001)


@pytest.mark.parametrize(
    "regex",
    ["(a+)+$", "(a|a)*$", "(a*)*b", "(.*)(.*)(.*)(.*)(.*)[^a]$", "(x+x+)+y", "a?" * 30 + "a" * 30],
)
def test_it_takes_linear_time(regex: str) -> None:
    """What makes Python's re hang for ever is answered at once."""
    compiled = parse_regex(regex)
    started = time.perf_counter()
    compiled.matches("a" * 50_000 + "!")
    assert time.perf_counter() - started < 2


def test_half_a_surrogate_pair_is_an_error() -> None:
    """No UTF-8 holds it; raising is for the caller to turn into a rejection."""
    with pytest.raises(ValueError, match="surrogates"):
        parse_regex("a").matches("\ud800")


@given(st.text("ab[](){}\\?*+|^$.<>:=!#-,&PQEZzxdwsb019k é☺\n\0", max_size=12))
@many
def test_anything_is_a_regex_or_a_value_error(text: str) -> None:
    """And what is one can be asked about any value."""
    try:
        regex = parse_regex(text)
    except ValueError:
        return
    assert regex.matches("ab☺\n\0") in (True, False)


@given(
    st.text(st.characters(codec="utf-8"), max_size=20),
    st.text(st.characters(codec="utf-8"), max_size=20),
)
def test_quoted_text_is_itself(text: str, around: str) -> None:
    r"""``\Q…\E`` matches exactly what stands in it, whatever that is."""
    if r"\E" in text or text.endswith("\\"):
        return
    regex = parse_regex(rf"\A\Q{text}\E\z")
    assert regex.matches(text)
    assert regex.matches(around) == (text == around)
