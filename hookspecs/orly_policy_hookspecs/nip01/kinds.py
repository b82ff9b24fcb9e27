"""Kinds: the numbers that a relay itself has to know, and the four classes of NIP-01. Pure."""

import enum
from typing import Final

FOLLOW_LIST: Final = 3
"""NIP-02."""
DELETION: Final = 5
"""NIP-09."""
REPOSTS: Final = frozenset({6, 16})
"""NIP-18; the content may hold the event that is reposted."""
VANISH: Final = 62
"""NIP-62: a request to vanish."""
GIFT_WRAP: Final = 1059
"""NIP-59."""
MUTE_LIST: Final = 10_000
"""NIP-51."""
AUTHENTICATION: Final = 22242
"""NIP-42: sent as AUTH, never as EVENT."""
FOLLOW_SET: Final = 30_000
"""NIP-51: of an author one for each ``d`` tag."""

LISTS: Final = frozenset({FOLLOW_LIST, MUTE_LIST, FOLLOW_SET})
"""An author's lists of people: their ``p`` tags."""

LARGEST_KIND: Final = 65_535

EPHEMERAL_KINDS: Final = range(20_000, 30_000)
"""Of the class :attr:`KindClass.EPHEMERAL`."""


class KindClass(enum.Enum):
    """What a relay does with an event of a kind."""

    REGULAR = "regular"
    """It is kept."""
    REPLACEABLE = "replaceable"
    """Of an author and kind the newest is kept."""
    ADDRESSABLE = "addressable"
    """Of an author, kind and ``d`` tag the newest is kept."""
    EPHEMERAL = "ephemeral"
    """It is sent on and not kept."""


def class_of(kind: int) -> KindClass:
    """The class of a kind."""
    if kind in (0, 3) or 10_000 <= kind < 20_000:
        return KindClass.REPLACEABLE
    if kind in EPHEMERAL_KINDS:
        return KindClass.EPHEMERAL
    if 30_000 <= kind < 40_000:
        return KindClass.ADDRESSABLE
    return KindClass.REGULAR
