"""The keys of nostr-relay's LMDB database. Pure.

An event is under 0 and its id. Every other key is of an index: what the event is found by, a
zero, ``created_at`` in four bytes, a zero, the id; there is nothing under it, but in
:data:`WITH_WORDS`. Keys are in the
order of their bytes, so that of one index the entries of a value are in the order of time.
"""

from collections.abc import Iterator
from typing import Final

import attrs

from orly_policy_hookspecs.nip01 import FrozenEvent, Position

from ..capacity import indexed_tags

_ENTRY_BYTES: Final = 38
"""What follows in the key of an entry: zero, time, zero, id."""

MOST_BYTES: Final = 511
"""Of a key. A longer one cannot even be looked for."""

LATEST: Final = 2**32 - 1
"""Unix seconds in four bytes."""


def of_event(event_id: bytes) -> bytes:
    """Under which an event is."""
    return b"\x00" + event_id


@attrs.frozen
class Span:
    """The entries of one value in an index."""

    stem: bytes
    """With which their keys begin."""
    length: int
    """Of their keys. Others that begin alike are of a longer value, with zeros in it."""

    def second(self, created_at: int) -> bytes:
        """With which the keys of a second begin."""
        return self.stem + created_at.to_bytes(4, "big") + b"\x00"

    def entry(self, created_at: int, event_id: bytes) -> bytes:
        """The key of an event."""
        return self.second(created_at) + event_id


class _EveryEvent(Span):
    """All events: their index is of ``created_at``, which is in its keys twice."""

    def second(self, created_at: int) -> bytes:
        time = created_at.to_bytes(4, "big")
        return b"%s%s\x00%s\x00" % (self.stem, time, time)


EVERY_EVENT: Final = _EveryEvent(b"\x01", 1 + 4 + _ENTRY_BYTES)


def _span(value: bytes) -> Span:
    return Span(value + b"\x00", len(value) + _ENTRY_BYTES)


def of_kind(kind: int) -> Span:
    """All of a kind."""
    return _span(b"\x02" + kind.to_bytes(4, "big"))


def of_author(pubkey: str) -> Span:
    """All of an author."""
    return _span(b"\x03" + bytes.fromhex(pubkey))


def of_author_and_kind(pubkey: str, kind: int) -> Span:
    """All of an author and kind."""
    return _span(b"\x04%s\x00%s" % (bytes.fromhex(pubkey), kind.to_bytes(4, "big")))


def of_tag(name: str, value: str) -> Span:
    """All that have a tag."""
    return _span(b"\x09%s\x00%s" % (name.encode(), value.encode()))


def of_word(word: str) -> Span:
    """All in which a word occurs. This index is ours: nostr-relay passes over it."""
    return _span(b"w" + word.encode())


WITH_WORDS: Final = of_word("")
"""All in the index of words; under the key of an event are its words."""

EXPIRATION_STEM: Final = b"\x09expiration\x00"
"""With which the keys of all events begin that expire; the time follows as text."""


def entries(event: FrozenEvent) -> Iterator[bytes]:
    """The keys of an event in all indexes, those of equal tags more than once."""
    spans = [
        EVERY_EVENT,
        of_kind(event.kind),
        of_author(event.pubkey),
        of_author_and_kind(event.pubkey, event.kind),
        *(of_tag(name, value) for name, value in indexed_tags(event)),
    ]
    event_id = bytes.fromhex(event.id)
    return (span.entry(event.created_at, event_id) for span in spans)


@attrs.frozen
class Start:
    """Where in the order of pages something begins."""

    second: int
    """Unix seconds."""
    after: bytes = b""
    """Of that second only events with a larger id."""

    @classmethod
    def of(cls, until: int | None, before: Position | None) -> "Start":
        """The first that may be in a page.

        :param until: Unix seconds, inclusive.
        """
        latest = LATEST if until is None else min(until, LATEST)
        if before is None or before.created_at > latest:
            return cls(latest)
        return cls(before.created_at, bytes.fromhex(before.id))
