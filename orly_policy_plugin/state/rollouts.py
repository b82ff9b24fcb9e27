"""Whether a file that has changed is an edit, where many nodes have a copy of it. Pure.

A file is rolled out over a fleet one node after the other. The first node puts it into the store;
those that come later bring what the store has had, and must not bring it back once it has gone on.
"""

import hashlib
from collections.abc import Sequence

Line = Sequence[tuple[int, bytes]]
"""The number and the SHA-256 of each policy of the history, in any order."""


def first_place(content: bytes, line: Line) -> int | None:
    """The number of the oldest entry that has this content; ``None``: it never was in the store.

    A node that starts late may have an old file and be given all that came after it.
    """
    return min(_places(content, line), default=None)


def newest_place(content: bytes, line: Line) -> int | None:
    """The number of the newest entry that has this content."""
    return max(_places(content, line), default=None)


def later_place(content: bytes, place: int | None, line: Line) -> int | None:
    """The number of the newest entry that has this content, if that came after the file's content
    of before: then the file follows the store, and is no edit. ``None``: it is one.

    :param place: of the content of before; ``None`` where that never was in the store.
    """
    newest = newest_place(content, line)
    if newest is None or (place is not None and newest <= place):
        return None
    return newest


def _places(content: bytes, line: Line) -> list[int]:
    digest = hashlib.sha256(content).digest()
    return [number for number, each in line if each == digest]
