"""Events that are well formed and that nostr-relay's storages would choke on."""

from aionostr.event import Event

from orly_policy_hookspecs.nip01 import is_hex32, kinds

_MOST_BYTES_OF_A_TAG = 471
"""A key of LMDB has at most 511 bytes, a tag's has 40 besides the name and the value."""


def unstorable(event: Event) -> str | None:
    """Why an event cannot be stored, or ``None``: SQL storage fails at these tags, and LMDB
    storage loses the event.
    """
    for tag in event.tags:
        if tag[0] in ("expiration", "delegation") and len(tag) == 1:
            return f"the {tag[0]} tag has no value"
        if event.kind == kinds.DELETION and tag[0] == "e" and not is_hex32("".join(tag[1:2])):
            return "an e tag of a deletion is not 64 lowercase hex characters"
    return None


def unstorable_in_lmdb(event: Event) -> str | None:
    """Why LMDB cannot hold an event's index, or ``None``."""
    for name, value in (tag[:2] for tag in event.tags if len(tag) > 1):
        if len(name) == 1 or name in ("expiration", "delegation"):
            size_bytes = len(name.encode()) + len(value.encode())
            if size_bytes > _MOST_BYTES_OF_A_TAG:
                return (
                    f"a tag of one letter has {size_bytes} bytes, "
                    f"the limit is {_MOST_BYTES_OF_A_TAG}"
                )
    return None
