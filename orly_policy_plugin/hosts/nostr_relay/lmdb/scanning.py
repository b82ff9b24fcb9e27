"""Entries of nostr-relay's indexes in the order of pages."""

from collections.abc import Iterator, Sequence
from heapq import merge
from typing import Any, Final

from orly_policy_hookspecs.nip01 import Position

from ..garbage import EPHEMERAL_KINDS, Suspect
from .keys import EXPIRATION_STEM, MOST_BYTES, Span, Start, of_kind

_GATHERED: Final = 64
"""Entries of a second that are turned round in memory. One that has more is read forwards."""

Transaction = Any
"""Of lmdb, with buffers or without."""


Entry = tuple[int, bytes]
"""Minus ``created_at`` and the id: in the order of :class:`.Position`. No class of its own, as
one is made for each event that is looked at."""


def position(entry: Entry) -> Position:
    """Where an entry stands, as pages have it."""
    return Position(entry[0], entry[1].hex())


def newest_first(
    transaction: Transaction, spans: Sequence[Span], start: Start, since: int
) -> Iterator[Entry]:
    """The entries of all spans, each event once. Those that are not asked for are not read.

    :param since: Unix seconds, inclusive.
    """
    if len(spans) == 1:
        yield from _of_span(transaction.cursor(), spans[0], start, since)
        return
    last = None
    for entry in merge(*(_of_span(transaction.cursor(), each, start, since) for each in spans)):
        if entry != last:
            yield entry
        last = entry


def _of_span(cursor: Any, span: Span, start: Start, since: int) -> Iterator[Entry]:
    """The database's order has the largest id of a second first when it is read backwards."""
    if span.length > MOST_BYTES:
        return
    second: int | None = start.second
    if start.second >= since:
        yield from _of_second(cursor, span, start.second, start.after)
    while second is not None and second > since:
        crowded = None
        for created_at, ids in _seconds_before(cursor, span, second):
            if created_at < since:
                return
            if len(ids) > _GATHERED:
                crowded = created_at
                break
            for event_id in reversed(ids):
                yield -created_at, event_id
        if crowded is not None:
            yield from _of_second(cursor, span, crowded, b"")
        second = crowded


def _of_second(cursor: Any, span: Span, second: int, after: bytes) -> Iterator[Entry]:
    """The entries of a second, the lowest id first."""
    head = span.second(second)
    if not cursor.set_range(head + after + b"\x00" if after else head):
        return
    for key in map(bytes, cursor.iternext(keys=True, values=False)):
        if not key.startswith(head):
            return
        if len(key) == span.length:
            yield -second, key[-32:]


def _seconds_before(cursor: Any, span: Span, second: int) -> Iterator[tuple[int, list[bytes]]]:
    """Seconds and the ids in them, the latest first; of a second with many ids only some, and then
    no further one.
    """
    ids: list[bytes] = []
    current = b""
    for key in _keys_before(cursor, span, span.second(second)):
        if key[-37:-33] != current:
            if ids:
                yield int.from_bytes(current, "big"), ids
            ids, current = [], key[-37:-33]
        ids.append(key[-32:])
        if len(ids) > _GATHERED:
            break
    if ids:
        yield int.from_bytes(current, "big"), ids


def _keys_before(cursor: Any, span: Span, bound: bytes) -> Iterator[bytes]:
    if not (cursor.prev() if cursor.set_range(bound) else cursor.last()):
        return
    for key in map(bytes, cursor.iterprev(keys=True, values=False)):
        if not key.startswith(span.stem):
            return
        if len(key) == span.length:
            yield key


def suspects(transaction: Transaction) -> Iterator[Suspect]:
    """Events that may be garbage: those of ephemeral kinds, and all that expire."""
    for key in _keys_between(
        transaction.cursor(),
        of_kind(EPHEMERAL_KINDS.start).stem[:-1],
        of_kind(EPHEMERAL_KINDS.stop).stem[:-1],
    ):
        yield Suspect(key[-32:].hex())
    stem = EXPIRATION_STEM
    for key in _keys_between(transaction.cursor(), stem, stem[:-1] + b"\x01"):
        value = key[len(stem) : -38].decode("utf-8", "replace")
        yield Suspect(key[-32:].hex(), value)


def _keys_between(cursor: Any, first: bytes, end: bytes) -> Iterator[bytes]:
    if not cursor.set_range(first):
        return
    for key in map(bytes, cursor.iternext(keys=True, values=False)):
        if key >= end:
            return
        yield key
