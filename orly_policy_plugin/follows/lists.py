"""One author's list of people, as the newest of its events has it: a follow list (kind 3), a mute
list (kind 10000) or a follow set (kind 30000).
"""

from collections.abc import Iterator

import attrs

from orly_policy_hookspecs.nip01 import Address, Event, address_of, is_hex32, kinds


@attrs.frozen
class FollowList:
    """The keys that an author follows, mutes or has put into a set."""

    author: str
    created_at: int
    """Unix seconds."""
    event_id: str
    followed: frozenset[str]
    """64 lowercase hex characters each."""

    def replaces(self, other: "FollowList | None") -> bool:
        """Whether this one is the newer: later, or of the same second with the lower id."""
        return other is None or (-self.created_at, self.event_id) < (
            -other.created_at,
            other.event_id,
        )


def follow_list(event: Event) -> FollowList:
    """The list that an event holds. A ``p`` value that is no key names nobody, and nor does what
    is encrypted in the content.

    The event must have been verified.
    """
    values = (tag[1].lower() for tag in event.tags if tag[0] == "p" and len(tag) > 1)
    followed = frozenset(value for value in values if is_hex32(value))
    return FollowList(event.pubkey, event.created_at, event.id, followed)


def kept_as(event: Event) -> Iterator[str]:
    """The names under which a list may be kept: an author's key for whom the author follows, which
    is the newest list whatever is in it; and what :func:`name_of` says for a list that a policy
    names, which is the newest with keys enough. A kind 3 may be both.
    """
    if event.kind in kinds.LISTS:
        if event.kind == kinds.FOLLOW_LIST:
            yield event.pubkey
        address = address_of(event)
        assert address is not None
        yield name_of(address)


def is_follow_list(name: str) -> bool:
    """Whether it is follow lists that are kept under a name."""
    return is_hex32(name) or name.startswith(f"{kinds.FOLLOW_LIST}:")


def name_of(address: Address) -> str:
    """The name under which a list is kept that a policy names: ``<kind>:<author>:<d>``."""
    return str(address)
