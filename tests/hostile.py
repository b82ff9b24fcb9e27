"""What strangers write to mislead whoever reads a terminal or a log, and a look for what got
through.
"""

import unicodedata

FORGED = "policy:  version aaaaaaaaaaaa -> bbbbbbbbbbbb"
"""A line that the example relay prints of its own."""

HOSTILE = (
    f"a\x1b[2J\x1b]0;title\x07\x9b31m\x7f\r\n{FORGED}\n\v\f\x85\u2028{FORGED}\u2029\t"
    "\u202etxet\u202c\u2066x\u2069\u200e\u200f\u061c\ufeff\u200b"
)
"""Terminal escapes, every end of a line, and every turn of the direction of writing."""

_CATEGORIES = {"Cc", "Cs", "Zl", "Zp"}
_DIRECTIONS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
_MARKS = set("\u200e\u200f\u061c\ufeff\u200b")


def obeyed(text: str) -> set[str]:
    """What a terminal obeys or nobody sees in a text, but for ends of lines."""
    return {
        char
        for char in set(text) - {"\n"}
        if unicodedata.category(char) in _CATEGORIES
        or unicodedata.bidirectional(char) in _DIRECTIONS
        or char in _MARKS
    }


def assert_harmless(output: str) -> None:
    """Nothing in it is obeyed, and no line of it is what a stranger wrote."""
    assert obeyed(output) == set()
    assert not [line for line in output.split("\n") if line.strip().startswith(FORGED)]
