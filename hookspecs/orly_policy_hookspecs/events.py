"""The event that crosses the contract: any object with the seven fields of NIP-01."""

from collections.abc import Sequence
from typing import Protocol


class Event(Protocol):
    """A Nostr event (NIP-01). A relay's own event class passes as it is, without copying.

    The contract promises plugins nothing about an event's honesty: a host verifies the id and
    the signature before it asks, and gives kind 12345 to ``on_policy_event`` alone.
    """

    @property
    def id(self) -> str:
        """SHA-256 of the serialised event, 64 lowercase hex characters."""

    @property
    def pubkey(self) -> str:
        """The author, 64 lowercase hex characters."""

    @property
    def created_at(self) -> int:
        """Unix seconds."""

    @property
    def kind(self) -> int:
        """0 to 65535."""

    @property
    def tags(self) -> Sequence[Sequence[str]]:
        """Each tag a sequence of texts, the first of which is its name."""

    @property
    def content(self) -> str:
        """Any text."""

    @property
    def sig(self) -> str:
        """BIP-340 signature of the id, 128 lowercase hex characters."""
