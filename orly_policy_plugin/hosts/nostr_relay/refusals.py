"""Ways in which a write ends without being stored.

None is nostr-relay's ``StorageError``, for which it would make the connection wait longer and
longer.
"""

import logging
import sys

from orly_policy_hookspecs import PREFIXES


class NotStored(Exception):
    """A write that ends without being stored.

    ::

        NotStored
         +-- Refused      the client is told no
         +-- Shadowed     the client is told yes
         +-- Superseded   there is a newer version
    """


class Refused(NotStored):
    """The client is told why, with a prefix of NIP-01."""

    def __init__(self, message: str) -> None:
        super().__init__(message if message.startswith(PREFIXES) else f"blocked: {message}")


class Shadowed(NotStored):
    """A shadow reject: the client is told OK."""


class Superseded(NotStored):
    """A replaceable event of which a newer version is stored (NIP-01)."""


class WithoutRefusals(logging.Filter):
    """Keeps out of nostr-relay's error log what it logs of our refusals: they are no errors."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is not about a refusal."""
        return not isinstance(sys.exc_info()[1], NotStored)
