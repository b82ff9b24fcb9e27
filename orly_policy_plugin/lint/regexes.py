"""Regular expressions that match everything, or nothing.

What matches everything is tried, not proved: an expression that matches the empty text, each ASCII
character by itself, and all of Unicode in one text, has nothing to tell values apart by. What
matches nothing is proved, for the usual mistake alone: text that is needed before a ``^`` or
behind a ``$``, as in ``/^a$/``.
"""

import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Final

from ..policy import Regex, rules_of
from ..policy.fields import value_in_effect
from .slip import Check, Examined, Slip

_LINE_BREAKS: Final = "\n\r"
_ALONE: Final = ("", *(chr(i) for i in range(128) if chr(i) not in _LINE_BREAKS), "é", "日", "🙂")
"""A value that is one of these has no other character to go by."""
_SURROGATES: Final = range(0xD800, 0xE000)


@cache
def _all_of_unicode() -> str:
    """Every character once, but for line breaks, which ``.`` does not match either."""
    codes = (code for code in range(0x110000) if code not in _SURROGATES)
    return "".join(chr(code) for code in codes if chr(code) not in _LINE_BREAKS)


def matches_everything(regex: Regex) -> bool:
    """Whether no value was found that it does not match, line breaks left aside. One that counts
    characters is meant to tell lengths apart.
    """
    if "{" in regex.text or not all(map(regex.matches, _ALONE)):
        return False
    return regex.matches(_all_of_unicode())


_TOKEN: Final = re.compile(
    r"""
      (?P<start> \^ | \\A )
    | (?P<end> \$ | \\z )
    | (?P<says_nothing>                    # of characters: a word's end, flags, a group, a count
        \\[bB] | \(\?[a-zA-Z-]+\) | \)
      | (?P<repeat> [*?+] \?? | \{ (?P<least> \d+ ) (?: ,\d* )? \} \?? )
      )
    | (?P<opens> \( )
    | (?P<either> \| )
    | (?P<quoted> \\Q )
    | \\x (?: \{ [0-9A-Fa-f]+ \} | [0-9A-Fa-f]{2} ) | \\[0-7]{1,3}
    | \\[pP] (?: \{ [^}]* \} | . )
    | \\ .
    | \[ \^? \]? (?: \\ . | \[: .*? :\] | [^\]\\] )* \]
    | .
    """,
    re.VERBOSE | re.DOTALL,
)


def matches_nothing(regex: Regex) -> bool:
    """Whether it needs a character before the start of a value, or behind its end. Groups are not
    looked into, nor expressions of several alternatives, or in which lines start and end.
    """
    tokens = list(_outermost(regex.text))
    if any(each["either"] or each["quoted"] or _sets_lines(each[0]) for each in tokens):
        return False
    has_character = has_ended = False
    for token, follows in pairwise([*tokens, None]):
        assert token is not None
        if token["says_nothing"] or (follows is not None and _may_be_none(follows)):
            continue
        if token["start"]:
            if has_character:
                return True
        elif token["end"]:
            has_ended = True
        elif has_ended:
            return True
        else:
            has_character = True
    return False


def _outermost(text: str) -> Iterator["re.Match[str]"]:
    """The tokens outside of groups; of a group its closing parenthesis."""
    depth = 0
    for token in _TOKEN.finditer(text):
        depth += bool(token["opens"])
        depth -= token[0] == ")"
        if not depth:
            yield token


def _sets_lines(token: str) -> bool:
    """Whether it is a flag under which lines start and end within a value."""
    return token.startswith("(?") and "m" in token


def _may_be_none(repeat: "re.Match[str]") -> bool:
    text = repeat["repeat"]
    return bool(text) and (text[0] in "*?" or repeat["least"] == "0")


def _all_regexes(examined: Examined) -> Iterator[tuple[str, Regex]]:
    for place, rule in rules_of(examined.policy):
        if (regex := value_in_effect(rule, "identifier_regex")) is not None:
            yield f"{place}.identifier_regex", regex
        for name, regex in rule.tag_validation.items():
            yield f"{place}.tag_validation.{name}", regex


def _that_match_everything(examined: Examined) -> Iterator[Slip]:
    for place, regex in _all_regexes(examined):
        if matches_everything(regex):
            yield Slip(
                place,
                f"{regex.text!r:.60} matched every value that was tried: it tells nothing apart",
                _INSTEAD_OF_EVERYTHING[place.endswith("identifier_regex")],
            )


_INSTEAD_OF_EVERYTHING = {
    True: 'write "must_have_tags": ["d"] if a d tag is all that is wanted; an expression is '
    "searched for anywhere in the value, so write ^ and $ around what the whole must be",
    False: "remove it; an expression is searched for anywhere in the value, so write ^ and $ "
    "around what the whole must be",
}


def _that_match_nothing(examined: Examined) -> Iterator[Slip]:
    for place, regex in _all_regexes(examined):
        if matches_nothing(regex):
            yield Slip(
                place,
                f"{regex.text!r:.60} matches nothing: it needs text before the start (^) or "
                "behind the end ($) of a value",
                "write ^ first and $ last, without slashes around them",
            )


CHECKS = (
    Check("regex-matches-everything", _that_match_everything),
    Check("regex-matches-nothing", _that_match_nothing),
)
