"""The words by which a text is found: those of nostr-relay's own index. Pure.

They are what Whoosh's ``StemmingAnalyzer`` makes of a text: letters and digits, lowercase, without
the commonest words of English, and without the ends that English puts to a stem. Only its parts
are taken, as the whole cannot be used by several threads.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Final

from orly_policy_hookspecs.nip01 import UnreadableFilter

_MOST_CHARACTERS: Final = 16_384
"""Of a text, in which words are looked for."""
_MOST_WORDS: Final = 500
"""Different ones by which a text is found: the first."""
_MOST_WORDS_ASKED: Final = 16
_LONGEST: Final = 64
"""Characters of a word that count: those of a key are all there, and a database's key has room."""

_WORD: Final = re.compile(r"\w+(?:\.?\w+)*")
_EXTENSION: Final = re.compile(r"(?<!\S)\w+:(?!//)\S+")
"""``name:value`` (NIP-50). None is supported, so all are to be passed over."""


def words_of(text: str) -> frozenset[str]:
    """The words by which a text is found."""
    return _first_words(text[:_MOST_CHARACTERS])


@lru_cache(64)
def _first_words(text: str) -> frozenset[str]:
    """Remembered for a while: each subscription to a search has the same live event looked at."""
    return frozenset(islice(dict.fromkeys(_words(text)), _MOST_WORDS))


def words_asked(search: str) -> frozenset[str]:
    """The words that a text to be found has to have, all of them.

    :raises UnreadableFilter: there are none, or too many.
    """
    asked = frozenset(_words(_EXTENSION.sub("", search)))
    if not asked:
        raise UnreadableFilter("there is no word to search for, but the commonest or a letter")
    if len(asked) > _MOST_WORDS_ASKED:
        raise UnreadableFilter(
            f"there are {len(asked)} words to search for, at most {_MOST_WORDS_ASKED} may be"
        )
    return asked


def _words(text: str) -> Iterator[str]:
    for found in _WORD.finditer(text.lower()):
        if (word := _stem(found[0][:_LONGEST])) is not None:
            yield word


@lru_cache(20_000)
def _stem(word: str) -> str | None:
    """What a word is found by; ``None`` for one that is not."""
    from whoosh.analysis.filters import STOP_WORDS  # needed where there is search alone
    from whoosh.lang.porter import stem

    return None if len(word) < 2 or word in STOP_WORDS else str(stem(word))
