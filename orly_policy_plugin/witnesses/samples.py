"""Values for tags that match some regular expressions and not another."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from ..policy import Regex

_ORDINARY: Final = (
    "",
    "a",
    "0",
    "x1",
    "abc",
    "note-1",
    "Abc-1_2.3",
    "12345",
    "en",
    "#a",
    "a b",
    "a@example.com",
    "https://example.com/a",
    "wss://relay.example.com",
    "1700000000",
    "0123456789abcdef" * 4,
    "é☺",
    "a\nb",
    "x" * 300,
)

_PART: Final = re.compile(
    r"""
      \\ (?P<escape> . )
    | \[ (?P<negated> \^? ) (?P<members> \]? (?: \\. | [^\]\\] )* ) \]
    | \{ (?P<least> [0-9]+ ) (?: ,(?P<most> [0-9]* ) )? \}
    | (?P<other> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPES: Final = {"d": "0", "w": "a", "s": " ", "D": "a", "W": "-", "S": "a", "b": "", "z": ""}
_LONGEST: Final = 2_000


def sample(matching: Iterable[Regex], failing: Regex | None = None) -> str | None:
    """A value that all of some expressions match and another does not; ``None`` where none was
    found, which does not say that there is none.
    """
    wanted = tuple(matching)
    texts = [regex.text for regex in wanted] + ([failing.text] if failing else [])
    for value in (*_ORDINARY, *(value for text in texts for value in _likely(text))):
        if all(each.matches(value) for each in wanted) and not (
            failing and failing.matches(value)
        ):
            return value
    return None


def _likely(text: str) -> Iterator[str]:
    """Values that an expression may well match: of each of its alternatives, with what may be
    left out and without.
    """
    for branch in _branches(text):
        for optional in (True, False):
            value = _literal(branch, optional=optional)
            yield value
            yield f"{value}!"


def _branches(text: str) -> Iterator[str]:
    """The expression once for each alternative of its first group that has some, flat."""
    group = re.search(r"\((?:\?:)?([^()]*\|[^()]*)\)", text)
    if group is None:
        yield from text.split("|")
        return
    for chosen in group[1].split("|"):
        yield from _branches(text[: group.start()] + chosen + text[group.end() :])


def _literal(branch: str, *, optional: bool) -> str:
    """A text with each class replaced by a character of it.

    :param optional: whether what may be left out is there, as often as it may be.
    """
    parts: list[str] = []
    for part in _PART.finditer(re.sub(r"\(\?[:P<a-zA-Z_>]*", "(", branch)):
        if part["least"] is not None and parts:
            times = (part["most"] if optional else None) or part["least"]
            parts[-1] = parts[-1] * min(int(times), _LONGEST)
        elif part["escape"] is not None:
            parts.append(_ESCAPES.get(part["escape"], part["escape"]))
        elif part["members"] is not None:
            parts.append(_member(part["members"], negated=bool(part["negated"])))
        elif part["other"] is not None:
            _take(part["other"], parts, optional=optional)
    return "".join(parts)[:_LONGEST]


def _take(character: str, parts: list[str], *, optional: bool) -> None:
    if character in "?*" and parts and not optional:
        parts.pop()
    elif character == ".":
        parts.append("a")
    elif character not in "^$()+?*":
        parts.append(character)


def _member(members: str, *, negated: bool) -> str:
    """A character of a class."""
    if not negated:
        return _ESCAPES.get(members[1:2], members[1:2]) if members[0] == "\\" else members[0]
    return next((each for each in "a0-_ é" if each not in members), "~")
