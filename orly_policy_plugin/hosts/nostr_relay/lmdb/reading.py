"""What is read of the database, a slice at a time."""

from collections.abc import Callable, Sequence
from typing import Final

import attrs

from orly_policy_hookspecs.nip01 import Filter, FrozenEvent, Position

from . import keys
from .choosing import Choice, choose
from .indexing import entry_of, has_words
from .judging import stored
from .keys import LATEST, Span, Start
from .rows import decoded, kind_and_author
from .scanning import Entry, Transaction, newest_first, position

_ENTRIES_IN_A_SLICE: Final = 4_000
"""Some 20 ms."""


@attrs.frozen
class Slice:
    """What was found in a part of an index."""

    events: Sequence[FrozenEvent]
    reached: Position | None
    """Up to where it was looked; ``None`` where there is no more."""


def askable(wanted: Filter) -> Filter | None:
    """A filter without what no stored event has; ``None`` where nothing can match."""
    kinds = None if wanted.kinds is None else wanted.kinds - wanted.except_kinds
    tags = {name: frozenset(filter(_is_unicode, values)) for name, values in wanted.tags.items()}
    left = attrs.evolve(wanted, kinds=kinds, tags=tags)
    names_are_right = all(len(name) == 1 and _is_unicode(name) for name in tags)
    is_early = wanted.since is None or wanted.since <= LATEST
    return left if left.can_match and names_are_right and is_early else None


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half a surrogate pair
        return False
    return True


def look(
    transaction: Transaction,
    wanted: Filter,
    before: Position | None,
    most: int,
    words: Sequence[Span] = (),
) -> Slice:
    """The next events that match, as far as a slice goes.

    :param wanted: is :func:`askable`.
    :param most: at least one.
    :param words: of which an event has to have each.
    """
    if wanted.ids is not None:
        return Slice(_with_ids(transaction, wanted, before, words)[:most], None)
    start = Start.of(wanted.until, before)
    choice = choose(transaction, wanted, start, words)
    entries = newest_first(transaction, choice.spans, start, wanted.since or 0)
    picks = picking(transaction, wanted, choice, words)
    events: list[FrozenEvent] = []
    for number, entry in enumerate(entries, 1):
        event = picks(entry)
        if event is not None:
            events.append(event)
        if len(events) == most or number == _ENTRIES_IN_A_SLICE:
            return Slice(events, position(entry))
    return Slice(events, None)


def _with_ids(
    transaction: Transaction, wanted: Filter, before: Position | None, words: Sequence[Span]
) -> list[FrozenEvent]:
    assert wanted.ids is not None
    events = []
    for event_id in wanted.ids:
        event = stored(transaction, bytes.fromhex(event_id))
        if event is not None and has_words(transaction, words, entry_of(event)):
            events.append(event)
    return sorted(
        (
            event
            for event in events
            if wanted.matches(event) and (before is None or Position.of(event) > before)
        ),
        key=Position.of,
    )


def picking(
    transaction: Transaction, wanted: Filter, choice: Choice, words: Sequence[Span] = ()
) -> Callable[[Entry], FrozenEvent | None]:
    """What finds the event of an entry, or ``None`` where it does not match."""
    authors, kinds, except_kinds = choice.authors, choice.kinds, wanted.except_kinds
    looks_first = authors is not None or kinds is not None or bool(except_kinds)

    def pick(entry: Entry) -> FrozenEvent | None:
        if words and not has_words(transaction, words, entry):
            return None
        value = transaction.get(keys.of_event(entry[1]))
        if value is None:
            return None
        if looks_first:
            kind, author = kind_and_author(value)
            if (kinds is not None and kind not in kinds) or kind in except_kinds:
                return None
            if authors is not None and author not in authors:
                return None
        event = decoded(value)
        return event if not choice.tags or wanted.matches(event) else None

    return pick
