"""A file of one key a line, in hex or as ``npub1…``. Pure."""

from collections.abc import Iterator
from itertools import chain
from typing import Final

from ..policy import InvalidPolicy, Problem, parse_pubkey

MOST_PROBLEMS: Final = 5
"""Of one file; whoever mends these finds the next."""

_BLOCK_BYTES: Final = 65_536
"""Lines are read so many at a time: a file may have a million, and no other thread runs while one
block is cut into lines."""
_OF_KEYS: Final = b"0123456789abcdef\n"
_KEY_LENGTH: Final = 64
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


def read_lines(content: bytes) -> frozenset[str]:
    """The keys of a file with one a line; blank lines and what follows a ``#`` do not count.

    :raises InvalidPolicy: some lines are no keys; their places are their numbers.
    """
    problems: list[Problem] = []
    blocks = _blocks(content)
    keys = frozenset(chain.from_iterable(_keys(blocks, problems)))
    if problems:
        raise InvalidPolicy(problems[:MOST_PROBLEMS])
    return keys


def _keys(blocks: Iterator[bytes], problems: list[Problem]) -> Iterator[list[str]]:
    """The keys of each block, until there are problems enough."""
    number = 1
    for block in blocks:
        yield _pure(block) or _one_by_one(block, number, problems)
        if len(problems) >= MOST_PROBLEMS:
            return
        number += block.count(b"\n")


def _pure(block: bytes) -> list[str]:
    """The keys of a block of nothing but keys in hex; none where it is another."""
    if block.translate(None, _OF_KEYS):
        return []
    lines = block.decode("ascii").removesuffix("\n").split("\n")
    return lines if {_KEY_LENGTH}.issuperset(map(len, lines)) else []


def _one_by_one(block: bytes, number: int, problems: list[Problem]) -> list[str]:
    """:param number: of the block's first line."""
    keys = []
    for i, line in enumerate(block.split(b"\n"), number):
        # What is not UTF-8 is no key, and does not matter in a comment.
        if text := line.decode("utf-8", "replace").partition("#")[0].strip():
            try:
                keys.append(parse_pubkey(text))
            except ValueError as error:
                problems.append(Problem(f"{i}", str(error)))
    return keys


def _blocks(content: bytes) -> Iterator[bytes]:
    """The content in pieces that end where a line ends."""
    start = len(_BYTE_ORDER_MARK) if content.startswith(_BYTE_ORDER_MARK) else 0
    while start < len(content):
        end = content.find(b"\n", start + _BLOCK_BYTES) + 1 or len(content)
        yield content[start:end]
        start = end
