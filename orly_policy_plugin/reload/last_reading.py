"""Deciding when to read a file again although it looks unchanged."""

from typing import Final

import attrs

from .settling import Identity

TICK_SECONDS: Final = 2.0
"""The coarsest clock of a file system (FAT). Two changes within one tick may leave the same
identity; ``git`` calls such a file *racily* clean."""
AGAIN_SECONDS: Final = 0.25
"""The shortest time between two readings of a file in doubt."""


@attrs.frozen
class LastReading:
    """The last reading of a file, and how far to trust it.

    All seconds are of our monotonic clock. A file's times are never compared with it, for a file
    server's clock need not agree with ours: a change that leaves the same identity comes within a
    tick after the last change that we noticed.
    """

    identity: Identity
    readable: bool
    noticed_seconds: float
    """When that identity was noticed."""
    read_seconds: float
    """When the file was last read."""

    def in_doubt(self, now_seconds: float) -> bool:
        """The file is to be read again although its identity is the same.

        That is so for a tick after a change, and as long as the file cannot be read: the cause may
        end and leave no trace on the file, as with too many open files or a mount that comes back.
        """
        if now_seconds - self.read_seconds < AGAIN_SECONDS:
            return False
        racy = self.read_seconds < self.noticed_seconds + TICK_SECONDS
        return racy or not self.readable
