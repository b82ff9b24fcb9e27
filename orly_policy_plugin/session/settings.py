"""Bounds on what a client may ask of a relay, with the names that NIP-11 has for them."""

from typing import Any, Final

import attrs

from orly_policy_hookspecs.nip01 import FilterBounds

_positive: Any = attrs.validators.gt(0)


@attrs.frozen(kw_only=True)
class SessionSettings:
    """The settings of a session."""

    relay_urls: tuple[str, ...] = ()
    """Under which clients reach the relay: AUTH (NIP-42) and requests to vanish name one."""

    message_bytes: int = attrs.field(default=1_114_112, validator=_positive)
    """Of one message: a policy event of 1 MiB fits. NIP-11: ``max_message_length``."""
    nesting: int = attrs.field(default=16, validator=_positive)
    """Lists and objects within one another in a message."""
    filters: int = attrs.field(default=100, validator=_positive)
    """In a REQ or COUNT."""
    filter_values: int = attrs.field(default=5_000, validator=_positive)
    """In all lists of one filter together."""
    value_bytes: int = attrs.field(default=1_024, validator=_positive)
    """Of one value of a tag filter, and of ``search``."""
    subscriptions: int = attrs.field(default=100, validator=_positive)
    """Of a connection. NIP-11: ``max_subscriptions``."""
    subscription_values: int = attrs.field(default=30_000, validator=_positive)
    """In the lists of all filters of a connection's subscriptions together."""
    limit: int = attrs.field(default=500, validator=_positive)
    """Stored events that one filter is answered with at most. NIP-11: ``max_limit``."""
    connections_an_address: int = attrs.field(default=200, validator=_positive)
    """Of an IPv4 address, or of the first 64 bits of an IPv6 one; not of this machine's own, which
    may be a proxy's."""
    unread_bytes: int = attrs.field(default=4 * 1024 * 1024, validator=_positive)
    """That a client has not read. A subscription whose live events would go beyond is closed."""
    requests_in_flight: int = attrs.field(default=10, validator=_positive)
    """REQs and COUNTs of a connection that the store is asked for at a time."""
    events_in_flight: int = attrs.field(default=64, validator=_positive)
    """EVENTs of a connection that are decided and stored at a time."""
    event_bytes_in_flight: int = attrs.field(default=262_144, validator=_positive)
    """Of those together; a larger one is alone."""
    event_tags: int = attrs.field(default=5_000, validator=_positive)
    """Of one event. NIP-11: ``max_event_tags``."""
    deletion_targets: int = attrs.field(default=1_000, validator=_positive)
    """``e`` and ``a`` tags of a deletion."""
    first_page_events: int = attrs.field(default=100, validator=_positive)
    """That a store is asked for at first, where as many are wanted: nobody knows yet how large
    they are. Later pages have up to 500."""
    scanned_events: int = attrs.field(default=20_000, validator=_positive)
    """Stored events that may be looked at for one filter, the hidden ones included. Each time it
    is between half of it and all, at random: so nobody learns by it how many are hidden."""
    counted_events: int = attrs.field(default=20_000, validator=_positive)
    """The same for one COUNT; beyond it is refused."""
    reads_at_a_time: int = attrs.field(default=3, validator=_positive)
    """Of the store, for all clients of a process; addresses, and their connections, take turns."""
    keys: int = attrs.field(default=64, validator=_positive)
    """That may authenticate on one connection: each is looked at with every event."""
    send_seconds: float = attrs.field(default=60.0, validator=_positive)
    """So long one message may take to be sent; then the connection is ended."""
    live_events_held: int = attrs.field(default=1_000, validator=_positive)
    """Live events that wait while the stored ones of a subscription are sent."""

    @property
    def frame_bytes(self) -> int:
        """For the server, of one websocket message before it is inflated and after: what is a
        little too long is told so.
        """
        return self.message_bytes + 1024

    @property
    def filter_bounds(self) -> FilterBounds:
        """For reading filters."""
        return FilterBounds(values=self.filter_values, value_bytes=self.value_bytes)


SUBSCRIPTION_ID_LENGTH: Final = 64
"""Characters (NIP-01)."""
