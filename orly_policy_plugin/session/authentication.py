"""AUTH (NIP-42): a client proves to hold a key. Pure, but for the challenge."""

import secrets
from collections.abc import Collection
from typing import Final

from orly_policy_hookspecs.nip01 import (
    FrozenEvent,
    MalformedEvent,
    kinds,
    name_one_relay,
    read_event,
    value_of,
)

from ..authority import verify

MOST_SECONDS_OFF: Final = 600
"""The most seconds between an AUTH event's time and ours."""


class NotAuthenticated(Exception):
    """An AUTH that proves nothing; the text is for the client, with a prefix."""


def new_challenge() -> str:
    """A challenge that only the client on this connection can sign."""
    return secrets.token_hex(16)


def authenticated(
    value: object, challenge: str, relay_urls: Collection[str], now: float
) -> FrozenEvent:
    """The AUTH event that a client sent, which proves that its author is there.

    :param value: a decoded JSON value.
    :param now: Unix seconds.
    :raises NotAuthenticated: it does not.
    """
    try:
        event = read_event(value)
    except MalformedEvent as error:
        raise NotAuthenticated(f"invalid: {error}") from error
    if problem := _problem(event, challenge, relay_urls, now):
        raise NotAuthenticated(f"invalid: {problem}")
    return event


def _problem(
    event: FrozenEvent, challenge: str, relay_urls: Collection[str], now: float
) -> str | None:
    if event.kind != kinds.AUTHENTICATION:
        return f"kind {event.kind} is not {kinds.AUTHENTICATION}"
    if abs(now - event.created_at) > MOST_SECONDS_OFF:
        return f"created_at is more than {MOST_SECONDS_OFF} seconds off"
    if value_of(event, "challenge") != challenge:
        return "the challenge is not the one sent on this connection"
    if not name_one_relay([value_of(event, "relay") or ""], relay_urls):
        return "the relay tag does not name this relay"
    return None if verify(event) else "the id or the signature is wrong"
