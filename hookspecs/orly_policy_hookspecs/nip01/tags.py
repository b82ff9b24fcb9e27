"""What a relay itself reads in an event's tags. Pure."""

import re
from collections.abc import Collection, Container, Iterator, Mapping
from typing import Final

from .events import Event

_UNIX_SECONDS: Final = re.compile(r"0*([0-9]{1,18})")

TagValues = Mapping[str, set[str]]
"""Of every tag that a filter can ask for, the values, by the one-letter name."""


def values_of(event: Event, name: str) -> Iterator[str]:
    """The values of the tags of a name, in their order; those without one are left out."""
    return (tag[1] for tag in event.tags if tag[0] == name and len(tag) > 1)


def value_of(event: Event, name: str) -> str | None:
    """The value of the first tag of a name."""
    return next(values_of(event, name), None)


def tag_values(event: Event) -> TagValues:
    """What filters look at: all values of the tags with a name of one letter."""
    values: dict[str, set[str]] = {}
    for tag in event.tags:
        if len(tag[0]) == 1 and len(tag) > 1:
            values.setdefault(tag[0], set()).add(tag[1])
    return values


def expires_at(event: Event) -> int | None:
    """When an event expires (NIP-40), in Unix seconds; ``None`` for never. A value that is no
    time is none.
    """
    for tag in event.tags:  # a generator costs more than a short loop
        if tag[0] == "expiration" and len(tag) > 1:
            match = _UNIX_SECONDS.fullmatch(tag[1])
            return int(match[1]) if match else None
    return None


def is_expired(event: Event, now: int) -> bool:
    """Whether an event has expired by ``now``, in Unix seconds."""
    at = expires_at(event)
    return at is not None and at <= now


def is_protected(event: Event) -> bool:
    """Whether an event has a ``-`` tag (NIP-70)."""
    return any(tag[0] == "-" for tag in event.tags)


def names_one_of(event: Event, pubkeys: Container[str]) -> bool:
    """Whether a ``p`` tag names one of these pubkeys, in capitals or not. What is not 64 hex
    characters names nobody: it equals no key.
    """
    for tag in event.tags:  # noqa: SIM110 -- a generator costs more than a short loop
        if tag[0] == "p" and len(tag) > 1 and tag[1].lower() in pubkeys:
            return True
    return False


def is_party(event: Event, pubkeys: Collection[str]) -> bool:
    """Whether one of these is the event's author, or named in a ``p`` tag."""
    return bool(pubkeys) and (event.pubkey in pubkeys or names_one_of(event, pubkeys))
