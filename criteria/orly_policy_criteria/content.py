"""``x_content``: words and patterns that content must not have."""

import unicodedata
from collections.abc import Collection
from typing import Any, Final

import attrs
import re2

from orly_policy_hookspecs import Context, Criterion, FrozenEvent, hookimpl

from .values import members_of, object_shape, texts, texts_shape

re2.set_fallback_notification(re2.FALLBACK_EXCEPTION)  # linear time, or an error

_WORD: Final = re2.compile(r"[\pL\pN\pM]+")
_MOST_MEMORY_BYTES: Final = 2**20
"""Of one compiled pattern: keeps the time to compile it below 20 milliseconds."""


@attrs.frozen
class Unwanted:
    """What content must not have."""

    words: frozenset[str]
    """As :func:`folded`."""
    patterns: tuple[Any, ...]
    """Compiled, of RE2."""


def folded(text: str) -> str:
    """A text in which capitals, and other ways to write the same character, make no difference."""
    return unicodedata.normalize("NFKC", text).casefold()


def unwanted(value: object) -> Unwanted:
    """Read ``{"words": […], "patterns": […]}``, of which one may be left out.

    :raises ValueError: it is something else; a word is no single one; a pattern is none of RE2.
    """
    members = members_of(value, ("words", "patterns"))
    words = texts(members["words"], "words") if "words" in members else []
    patterns = texts(members["patterns"], "patterns") if "patterns" in members else []
    return Unwanted(frozenset(map(_word, words)), tuple(map(_pattern, patterns)))


def _word(text: str) -> str:
    word = folded(text)
    if _WORD.findall(word) != [word]:
        raise ValueError(
            f"words: {text!r:.60} is not one word of letters and digits; "
            "what has spaces or signs is a pattern"
        )
    return word


def _pattern(text: str) -> Any:
    try:
        compiled = re2.compile(text, re2.ASCII, _MOST_MEMORY_BYTES)
    except (re2.error, ValueError, OverflowError) as error:
        raise ValueError(
            f"patterns: {text!r:.60} is not an RE2 regular expression: {error}"
        ) from error
    if compiled.contains("") and compiled.contains("0"):  # ^$ is another matter
        raise ValueError(f"patterns: {text!r:.60} matches every content")
    return compiled


def has_unwanted(event: FrozenEvent, _: Context, these: Unwanted) -> str | None:
    """Say which word content has, or that a pattern matches."""
    if these.words and (found := these.words.intersection(_WORD.findall(folded(event.content)))):
        return f"blocked: the word {min(found)!r} is not taken here"
    if any(pattern.contains(event.content) for pattern in these.patterns):
        return "blocked: this content is not taken here"
    return None


def in_words(value: Any) -> str:
    """The value for a summary."""
    listed = [f"the {name} {', '.join(value[name])}" for name in value]
    return f"content without {' and '.join(listed)}"


CONTENT: Final = Criterion(
    name="x_content",
    unit="words and patterns",
    says=in_words,
    read=unwanted,
    shape=object_shape({"words": texts_shape(), "patterns": texts_shape()}),
    refuses=has_unwanted,
)


@hookimpl
def criteria() -> Collection[Criterion]:
    """Add ``x_content`` to rules."""
    return [CONTENT]
