"""The index of words: put with an event, in its transaction, and removed with it."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

import attrs

from orly_policy_hookspecs.nip01 import FrozenEvent, Position

from . import keys
from .judging import stored
from .keys import Span, Start
from .scanning import Entry, Transaction, newest_first, position
from .words import words_of

_ENTRIES_IN_A_SLICE: Final = 4_000
_EVENTS_AT_A_TIME: Final = 50
"""That are indexed in one transaction, which writers wait for."""


@attrs.frozen
class Unindexed:
    """Events that are not in the index yet."""

    ids: Sequence[bytes]
    reached: Position | None
    """Up to where it was looked; ``None`` where there is no more."""


def index(transaction: Transaction, event: FrozenEvent) -> None:
    """Enter an event's words, and remember which they are: what removes it need not know how they
    were found.
    """
    words = words_of(event.content)
    entry = entry_of(event)
    transaction.put(_key(keys.WITH_WORDS, entry), "\0".join(words).encode())
    for key in _keys(words, entry):
        transaction.put(key, b"")


def forget(transaction: Transaction, event: FrozenEvent) -> None:
    """Remove an event's words, if it has any there."""
    entry = entry_of(event)
    value = transaction.pop(_key(keys.WITH_WORDS, entry))
    if value:
        for key in _keys(bytes(value).decode().split("\0"), entry):
            transaction.delete(key)


def has_words(transaction: Transaction, spans: Iterable[Span], entry: Entry) -> bool:
    """Whether an event has all of some words.

    :param spans: of the words.
    """
    return all(transaction.get(_key(span, entry)) is not None for span in spans)


def unindexed(
    transaction: Transaction, kinds: Collection[int], before: Position | None
) -> Unindexed:
    """The next events of some kinds that are not in the index, as far as a slice goes."""
    ids: list[bytes] = []
    spans = list(map(keys.of_kind, kinds))
    entries = newest_first(transaction, spans, Start.of(None, before), 0)
    for number, entry in enumerate(entries, 1):
        if not has_words(transaction, [keys.WITH_WORDS], entry):
            ids.append(entry[1])
        if len(ids) == _EVENTS_AT_A_TIME or number == _ENTRIES_IN_A_SLICE:
            return Unindexed(ids, position(entry))
    return Unindexed(ids, None)


def index_stored(transaction: Transaction, ids: Iterable[bytes]) -> None:
    """Enter the words of events, as far as they are still stored."""
    for event_id in ids:
        event = stored(transaction, event_id)
        if event is not None:
            index(transaction, event)


def entry_of(event: FrozenEvent) -> Entry:
    """Where an event stands in each index."""
    return -event.created_at, bytes.fromhex(event.id)


def _key(span: Span, entry: Entry) -> bytes:
    return span.entry(-entry[0], entry[1])


def _keys(words: Iterable[str], entry: Entry) -> Iterator[bytes]:
    return (_key(keys.of_word(word), entry) for word in words)
