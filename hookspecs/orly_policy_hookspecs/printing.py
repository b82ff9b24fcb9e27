"""Texts that a stranger wrote, made harmless before anybody sees them. Pure.

Events, policies, scripts and headers hold what their authors like: escape sequences that a
terminal obeys, line ends that forge a line of a log, marks that turn the direction of writing.
"""

from typing import Final

_HARMLESS: Final = frozenset(
    "\u200c\u200d"  # join letters and emoji
    "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
)
"""What Python does not call printable, and what misleads nobody: joiners and spaces."""
_MOST_CHARACTERS: Final = 2000
_KEPT_FOR_COUNT: Final = 40


def printable(text: str) -> str:
    """The text in one line, with all that a terminal or a reader of a log would be misled by
    escaped, as Python writes it: ``\\\\x1b``, ``\\\\n``, ``\\\\u202e``. Idempotent.
    """
    text = str.__str__(text)  # a subclass may lie in its methods
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in _HARMLESS else _escaped(c) for c in text)


def in_a_line(text: str) -> str:
    """The text in one harmless line of at most 2,000 characters. Where it is longer, the line
    says by how much. Idempotent.
    """
    shown = printable(text)
    if len(shown) <= _MOST_CHARACTERS:
        return shown
    cut = _MOST_CHARACTERS - _KEPT_FOR_COUNT
    return f"{shown[:cut]}… ({len(shown) - cut} more characters)"


def _escaped(character: str) -> str:
    return ascii(character)[1:-1]
