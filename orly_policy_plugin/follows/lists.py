"""One author's follow list, as the newest of the author's kind 3 events has it."""

import attrs

from orly_policy_hookspecs.nip01 import Event, is_hex32


@attrs.frozen
class FollowList:
    """The keys that an author follows."""

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
    """The list that a kind 3 event holds. A ``p`` value that is no key names nobody.

    The event must have been verified.
    """
    values = (tag[1].lower() for tag in event.tags if tag[0] == "p" and len(tag) > 1)
    followed = frozenset(value for value in values if is_hex32(value))
    return FollowList(event.pubkey, event.created_at, event.id, followed)
