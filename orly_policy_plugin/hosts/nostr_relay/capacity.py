"""The well-formed events that nostr-relay's storages cannot hold. Pure."""

from collections.abc import Iterator
from typing import Final

import attrs

from orly_policy_hookspecs.nip01 import Event

from ...counted import counted
from ...session import NotStored

_NAMED_TOO: Final = ("expiration", "delegation")
"""Names of tags that nostr-relay keeps in its index besides those of one letter."""


@attrs.frozen(kw_only=True)
class Capacity:
    """The limits of a storage."""

    latest: int
    """Of ``created_at``, in Unix seconds. The earliest is 1: nostr-relay takes 0 for now."""
    tag_bytes: int | None = None
    """Of a tag in the index, name and value together; ``None`` for any number."""
    holds_nul: bool = True
    """Whether a text may have the character U+0000."""

    def refusal(self, event: Event) -> NotStored | None:
        """Why an event cannot be stored; ``None``: it can."""
        if not 0 < event.created_at <= self.latest:
            return NotStored(f"invalid: created_at is not between 1 and {self.latest}")
        if not self.holds_nul and _has_nul(event):
            return NotStored("invalid: the character U+0000 cannot be stored")
        return self._refusal_of_tags(event) if self.tag_bytes is not None else None

    def _refusal_of_tags(self, event: Event) -> NotStored | None:
        assert self.tag_bytes is not None
        for name, value in indexed_tags(event):
            size_bytes = len(name.encode()) + len(value.encode())
            if size_bytes > self.tag_bytes:
                return NotStored(
                    f"invalid: a tag of one letter has {counted(size_bytes, 'byte')}, "
                    f"the limit is {self.tag_bytes}"
                )
        return None


SQLITE: Final = Capacity(latest=2**63 - 1)
POSTGRESQL: Final = Capacity(latest=2**31 - 1, holds_nul=False, tag_bytes=2_600)
"""PostgreSQL's INTEGER is signed and has four bytes. A row of an index has at most 2,704, a tag's
some 60 besides name and value.
"""
LMDB: Final = Capacity(latest=2**32 - 1, tag_bytes=471)
"""A time has four bytes there. A key has at most 511, a tag's 40 besides name and value."""


def indexed_tags(event: Event) -> Iterator[tuple[str, str]]:
    """Name and value of the tags that nostr-relay's indexes hold, as often as they occur."""
    for tag in event.tags:
        if len(tag) > 1 and (len(tag[0]) == 1 or tag[0] in _NAMED_TOO):
            yield tag[0], tag[1]


def _has_nul(event: Event) -> bool:
    return "\0" in event.content or any("\0" in item for tag in event.tags for item in tag)
