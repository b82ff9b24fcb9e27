"""Texts that a stranger wrote, made harmless before anybody sees them. Pure.

Events, policies, scripts and headers hold what their authors like: escape sequences that a
terminal obeys, line ends that forge a line of a log, marks that turn the direction of writing.
"""

import re
from typing import Final

_ESCAPED: Final = re.compile(
    "["
    "\\u0000-\\u001f\\u007f-\\u009f"  # control characters
    "\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u206f"  # direction of writing
    "\\u2028\\u2029"  # ends of lines and paragraphs
    "\\u00ad\\u200b\\u2060-\\u2065\\ufeff\\ufff9-\\ufffb\\U000e0000-\\U000e0fff"  # seen by nobody
    "\\ud800-\\udfff"  # halves of surrogate pairs: no text of UTF-8 can hold them
    "]"
)


def printable(text: str) -> str:
    """The text in one line, with all that a terminal or a reader of a log would be misled by
    escaped, as Python writes it: ``\\\\x1b``, ``\\\\n``, ``\\\\u202e``.

    Idempotent. What joins letters and emoji (U+200C, U+200D) is left as it is.
    """
    return text if text.isprintable() else _ESCAPED.sub(_escape, text)


def _escape(match: "re.Match[str]") -> str:
    return match[0].encode("unicode_escape", "surrogatepass").decode("ascii")
