"""What the upstream says of itself (NIP-11), and what of that the proxy can say, too. Pure."""

from collections.abc import Mapping
from typing import Any, Final

import attrs

DELETION_NIP: Final = 9
VANISHING_NIP: Final = 62
_NOT_THROUGH_HERE: Final = frozenset({29, 42, 43, 45, 50, 70, 77, 86})
"""NIPs for which an upstream has to know who is connected, or that are no REQ, EVENT or CLOSE.
What of them is true here the session says.
"""
_STILL_TRUE: Final = (
    "created_at_lower_limit",
    "created_at_upper_limit",
    "max_content_length",
    "min_pow_difficulty",
    "payment_required",
)
_SMALLER_COUNTS: Final = ("max_event_tags", "max_message_length")


@attrs.frozen
class UpstreamInformation:
    """The upstream's document; empty where it has none."""

    members: Mapping[str, Any] = attrs.field(factory=dict)

    @property
    def largest_limit(self) -> int | None:
        """``max_limit``, where it is told and can be right."""
        largest = self.limitation.get("max_limit")
        return largest if type(largest) is int and largest > 0 else None

    @property
    def largest_message_bytes(self) -> int | None:
        """``max_message_length``, likewise."""
        largest = self.limitation.get("max_message_length")
        return largest if type(largest) is int and largest > 0 else None

    @property
    def nips(self) -> frozenset[int]:
        """Which it says that it supports."""
        nips = self.members.get("supported_nips")
        if not isinstance(nips, list):
            return frozenset()
        return frozenset(nip for nip in nips if type(nip) is int)

    @property
    def limitation(self) -> Mapping[str, Any]:
        """Its bounds."""
        limitation = self.members.get("limitation")
        return limitation if isinstance(limitation, dict) else {}


def corrected(upstream: UpstreamInformation) -> dict[str, Any]:
    """The upstream's document, for the session to say the rest."""
    limitation = {
        name: upstream.limitation[name] for name in _STILL_TRUE if name in upstream.limitation
    }
    return {
        **upstream.members,
        "supported_nips": sorted(upstream.nips - _NOT_THROUGH_HERE),
        "limitation": limitation,
    }


def finished(document: Mapping[str, Any], upstream: UpstreamInformation) -> dict[str, Any]:
    """The session's document, where the upstream can do less than the session.

    :param document: what the session makes of :func:`corrected`.
    """
    limitation = dict(document["limitation"])
    for name in _SMALLER_COUNTS:
        bound = upstream.limitation.get(name)
        if type(bound) is int and 0 < bound < limitation[name]:
            limitation[name] = bound
    nips = [
        nip
        for nip in document["supported_nips"]
        if nip != DELETION_NIP or nip in upstream.nips or not upstream.nips
    ]
    return {**document, "limitation": limitation, "supported_nips": nips}
