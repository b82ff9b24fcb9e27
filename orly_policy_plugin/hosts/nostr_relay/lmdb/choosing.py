"""Choose the index by which events are found: the one with the fewest entries, at a look."""

from collections.abc import Iterator, Sequence
from itertools import islice, product
from typing import Final

import attrs

from orly_policy_hookspecs.nip01 import Filter

from . import keys
from .keys import Span, Start
from .scanning import Transaction, newest_first

_MOST_PAIRS: Final = 5_000
"""Of author and kind, to look for each."""
_SPANS_LOOKED_AT: Final = 16
_ENTRIES_LOOKED_AT: Final = 48


@attrs.frozen
class Choice:
    """Spans in which every event is that a filter asks for, and what of it they leave open."""

    spans: Sequence[Span]
    authors: frozenset[bytes] | None = None
    """To be held against each event's author."""
    kinds: frozenset[int] | None = None
    """To be held against each event's kind."""
    tags: bool = False
    """Whether the filter's tags are to be held against each event."""


def choose(
    transaction: Transaction, wanted: Filter, start: Start, words: Sequence[Span] = ()
) -> Choice:
    """The best way to find events.

    :param wanted: has no list without a value, and no ``ids``.
    :param words: spans in each of which an event has to be.
    """
    choices = [*_choices(wanted), *(_by_word(wanted, each) for each in words)]
    if len(choices) == 1:
        return choices[0]
    since = wanted.since or 0
    return min(choices, key=lambda choice: _expected(transaction, choice.spans, start, since))


def _by_word(wanted: Filter, word: Span) -> Choice:
    return Choice([word], _authors(wanted), wanted.kinds, bool(wanted.tags))


def _authors(wanted: Filter) -> frozenset[bytes] | None:
    return None if wanted.authors is None else frozenset(map(bytes.fromhex, wanted.authors))


def _choices(wanted: Filter) -> Iterator[Choice]:
    authors, kinds, has_tags = _authors(wanted), wanted.kinds, bool(wanted.tags)
    for name, values in wanted.tags.items():
        spans = [keys.of_tag(name, value) for value in values]
        yield Choice(spans, authors, kinds, len(wanted.tags) > 1)
    if wanted.authors is not None:
        if kinds is not None and len(wanted.authors) * len(kinds) <= _MOST_PAIRS:
            pairs = product(wanted.authors, kinds)
            spans = [keys.of_author_and_kind(author, kind) for author, kind in pairs]
            yield Choice(spans, tags=has_tags)
        else:
            yield Choice(list(map(keys.of_author, wanted.authors)), None, kinds, has_tags)
    elif kinds is not None:
        yield Choice(list(map(keys.of_kind, kinds)), tags=has_tags)
    elif not has_tags:
        yield Choice([keys.EVERY_EVENT])


def _expected(transaction: Transaction, spans: Sequence[Span], start: Start, since: int) -> float:
    """Estimate the number of entries, from how far back the newest of some spans reach."""
    some = spans[:_SPANS_LOOKED_AT]
    found = sum(_expected_of(transaction, span, start, since) for span in some)
    return found * len(spans) / len(some)


def _expected_of(transaction: Transaction, span: Span, start: Start, since: int) -> float:
    entries = newest_first(transaction, [span], start, since)
    seconds = [-minus for minus, _ in islice(entries, _ENTRIES_LOOKED_AT)]
    if len(seconds) < _ENTRIES_LOOKED_AT:
        return len(seconds)
    newest, oldest = seconds[0], seconds[-1]
    return len(seconds) * (newest - since + 1) / (newest - oldest + 1)
