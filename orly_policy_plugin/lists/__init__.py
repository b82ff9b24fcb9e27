"""Named lists (section 14 of the spec): their files, and the keys that were last read of them.

::

    known             the last good content of each list
     +-- files        reading a list's file
     +-- content      its keys (pure)
          +-- members      one key a line (pure)
          +-- nostr_json   names and keys as NIP-05 has them (pure)
"""

from .files import read_file
from .known import KnownList, KnownLists, UnreadableLists

__all__ = ["KnownList", "KnownLists", "UnreadableLists", "read_file"]
