"""The limits of a policy that a relay tells in NIP-11, before anybody connects. Pure."""

from collections.abc import Iterable
from typing import Self

import attrs


@attrs.frozen
class RelayLimits:
    """Members of NIP-11's ``limitation`` that a policy decides."""

    restricted_writes: bool = False
    """Whether some may not write what others may."""
    auth_required: bool = False
    """Whether nothing at all works without authenticating (NIP-42)."""

    @classmethod
    def of_all(cls, limits: Iterable[Self]) -> Self:
        """Combine the limits of several plugins."""
        given = list(limits)
        return cls(
            any(each.restricted_writes for each in given),
            any(each.auth_required for each in given),
        )
