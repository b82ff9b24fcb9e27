"""Named lists (section 14 of the spec): their files, the events that others are made of, and the
keys that were last read of them.

::

    known             the last good content of each list
     +-- files        reading a list's file
     +-- content      its keys (pure)
          +-- members      one key a line (pure)
          +-- nostr_json   names and keys as NIP-05 has them (pure)
    events            which event of an author is the list (pure)
"""

from .events import made_of, not_known, too_few
from .files import read_file
from .known import KnownList, KnownLists, UnreadableLists

__all__ = [
    "KnownList",
    "KnownLists",
    "UnreadableLists",
    "made_of",
    "not_known",
    "read_file",
    "too_few",
]
