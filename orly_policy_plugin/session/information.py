"""What a relay says of itself (NIP-11): the truth about what is supported, and the bounds."""

from collections.abc import Mapping
from typing import Any

from orly_policy_hookspecs.limits import RelayLimits

from .host import Abilities
from .settings import SUBSCRIPTION_ID_LENGTH, SessionSettings

MEDIA_TYPE = "application/nostr+json"

_ALWAYS = (1, 11, 40, 42, 45, 70)


def asks_for_information(accept: str | None) -> bool:
    """Whether an HTTP request for the relay's URL asks for the document of NIP-11.

    :param accept: the header.
    """
    types = (each.partition(";")[0].strip().lower() for each in (accept or "").split(","))
    return MEDIA_TYPE in types


def information(
    able: Abilities, settings: SessionSettings, limits: RelayLimits, own: Mapping[str, Any]
) -> dict[str, Any]:
    """The document of NIP-11.

    :param own: what the relay's operator says: ``name``, ``description``, …, and further members
        of ``limitation``; and further ``supported_nips`` of the relay's own.
    """
    nips = {*_ALWAYS, *own.get("supported_nips", ())}
    can = {9: able.deletes, 50: able.searches, 62: able.forgets}
    nips.update(nip for nip, ability in can.items() if ability)
    limitation = {
        "max_message_length": settings.message_bytes,
        "max_subscriptions": settings.subscriptions,
        "max_event_tags": settings.event_tags,
        "max_limit": settings.limit,
        "default_limit": settings.limit,
        "max_subid_length": SUBSCRIPTION_ID_LENGTH,
        "auth_required": limits.auth_required,
        "restricted_writes": limits.restricted_writes,
        **own.get("limitation", {}),
    }
    return {**own, "supported_nips": sorted(nips), "limitation": limitation}
