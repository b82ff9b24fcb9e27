"""A validator for nostr-relay's list, in the place of its own ``is_signed``."""

from typing import Any

from aionostr.event import Event
from nostr_relay.errors import StorageError

from ...authority import has_right_id, is_signed


def is_authentic(event: Event, _config: Any) -> None:
    """The id is the event's hash, and its author signed it.

    nostr-relay's own validator never compares the id: it takes forged ones. Its check of a
    delegation (NIP-26) is kept.
    """
    if not has_right_id(event):
        raise StorageError("invalid: the id is not the hash of the event")
    if not is_signed(event):
        raise StorageError("invalid: the signature is wrong")
    if any(tag[0] == "delegation" for tag in event.tags) and not _delegated(event):
        raise StorageError("invalid: the delegation is wrong")


def _delegated(event: Event) -> bool:
    try:
        return bool(event.verify())
    except (ValueError, IndexError):
        return False
