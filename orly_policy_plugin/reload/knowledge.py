"""When a file whose identity did not change must be read again all the same."""

from typing import Final

import attrs

from .settling import Identity

TICK_SECONDS: Final = 2.0
"""The coarsest clock of a file system (FAT): two changes within it may leave the same identity,
as ``git`` calls it, *racily*."""
AGAIN_SECONDS: Final = 0.25
"""Between two readings of a file in doubt."""


@attrs.frozen
class Knowledge:
    """A reading of a file, and how far to trust it. Seconds are of a monotonic clock.

    No time of the file is compared with our clock, which need not agree with a file server's: a
    change within the same tick as the last one that we noticed is at most a tick after that.
    """

    identity: Identity
    readable: bool
    noticed_seconds: float
    """When that identity was noticed."""
    read_seconds: float
    """When the file was last read."""

    def in_doubt(self, now_seconds: float) -> bool:
        """Whether to read the file again although its identity is the same.

        So it is for a tick after a change, and as long as the file cannot be read, for that may
        end without any trace on it: too many open files, a mount that comes back.
        """
        if now_seconds - self.read_seconds < AGAIN_SECONDS:
            return False
        racy = self.read_seconds < self.noticed_seconds + TICK_SECONDS
        return racy or not self.readable
