"""Withdrawal of contributions by kind 5 events (NIP-09; section 8 of SPEC.md)."""

from collections.abc import Container, Mapping
from typing import Final

from orly_policy_hookspecs import Event

DELETION_KIND: Final = 5


def named_by(event: Event) -> tuple[str, ...]:
    """The event ids, 64 lowercase hex characters, that an event's ``e`` tags name, each once.

    Whatever is no id names nothing. Never raises.
    """
    tags = event.tags if isinstance(event.tags, (list, tuple)) else ()
    values = (
        tag[1].lower()
        for tag in tags
        if isinstance(tag, (list, tuple))
        and len(tag) > 1
        and tag[0] == "e"
        and isinstance(tag[1], str)
    )
    return tuple(dict.fromkeys(value for value in values if _is_id(value)))


def withdrawn_by(
    event: Event, contributions_known: Mapping[str, str], owners: Container[str]
) -> tuple[str, ...]:
    """The contributions that a kind 5 withdraws: those of its author, or any if by an owner.

    Whether the event is what its author signed is for the caller to verify before it acts.
    Never raises.

    :param contributions_known: event id to author.
    :param owners: those of the environment included.
    :return: event ids, in the order of the tags.
    """
    if event.kind != DELETION_KIND or not isinstance(event.pubkey, str):
        return ()
    return tuple(
        event_id
        for event_id in named_by(event)
        if event_id in contributions_known
        and (contributions_known[event_id] == event.pubkey or event.pubkey in owners)
    )


def _is_id(text: str) -> bool:
    return len(text) == 64 and all(character in "0123456789abcdef" for character in text)
