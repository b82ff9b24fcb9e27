"""What a deletion (NIP-09) and a request to vanish (NIP-62) cover. Pure."""

from collections.abc import Collection
from typing import Final

import attrs

from orly_policy_hookspecs.nip01 import (
    Address,
    Event,
    address_of,
    is_hex32,
    kinds,
    name_one_relay,
    names_one_of,
    values_of,
)

EVERY_RELAY: Final = "ALL_RELAYS"
_NOT_DELETED: Final = frozenset({kinds.DELETION, kinds.VANISH})


@attrs.frozen
class Deletion:
    """A kind 5: the events of its author that it deletes, by id or by address."""

    author: str
    ids: frozenset[str]
    addresses: frozenset[Address]
    """Addresses whose versions up to :attr:`until` are deleted."""
    until: int
    """Unix seconds, inclusive."""

    def covers(self, event: Event) -> bool:
        """Whether this deletes an event. It never deletes a deletion."""
        if event.pubkey != self.author or event.kind in _NOT_DELETED:
            return False
        if event.id in self.ids:
            return True
        return event.created_at <= self.until and address_of(event) in self.addresses


def deletion_of(event: Event) -> Deletion:
    """Read a kind 5. Tags that name no event, or another author's, are passed over."""
    addresses = (Address.parse(value) for value in values_of(event, "a"))
    return Deletion(
        author=event.pubkey,
        ids=frozenset(value for value in values_of(event, "e") if is_hex32(value)),
        addresses=frozenset(each for each in addresses if each and each.pubkey == event.pubkey),
        until=event.created_at,
    )


@attrs.frozen
class Vanishing:
    """A kind 62: all events of its author are to go, and gift wraps for its author."""

    author: str
    until: int
    """Unix seconds, inclusive."""
    request: Event
    """The kind 62 itself."""

    def covers(self, event: Event) -> bool:
        """Whether an event is to be removed. Requests to vanish stay: they are still obeyed."""
        if event.created_at > self.until or event.kind == kinds.VANISH:
            return False
        if event.pubkey == self.author:
            return True
        return event.kind == kinds.GIFT_WRAP and names_one_of(event, (self.author,))

    def forbids(self, event: Event) -> bool:
        """Whether an event is refused from now on."""
        return event.pubkey == self.author and self.covers(event)


def vanishing_of(event: Event, relay_urls: Collection[str]) -> Vanishing | None:
    """Read a kind 62; ``None`` where it is for other relays.

    :param relay_urls: this relay's.
    """
    named = set(values_of(event, "relay"))
    if EVERY_RELAY in named or name_one_relay(named, relay_urls):
        return Vanishing(event.pubkey, event.created_at, event)
    return None
