"""Narrow a filter to what its reader may see, so that a REQ costs no more than that. Pure.

Where nobody may read a kind, whatever is in the event, it is not asked for; where only the parties
may, only theirs are. So neither ``limit`` nor time tells of what is hidden.
"""

from collections.abc import Iterator
from typing import Final

import attrs

from orly_policy_hookspecs.nip01 import Filter
from orly_policy_hookspecs.reading import CombinedScopes, Kinds

MOST_EXCEPTED_KINDS: Final = 500
"""A store is not told of more; what it then finds in vain is passed over."""


def narrowed(wanted: Filter, scopes: CombinedScopes, keys: tuple[str, ...]) -> list[Filter]:
    """Filters that together find all of a filter that the reader might be given, and little else.
    None where the reader is given nothing.

    :param scopes: the reader's.
    :param keys: the pubkeys that have authenticated.
    """
    if wanted.kinds is not None:
        found = _of_kinds(wanted, Kinds.by_scope(wanted.kinds, scopes), keys)
    else:
        found = _of_all_kinds(wanted, scopes, keys)
    return [each for each in found if each.can_match]


def _of_kinds(wanted: Filter, kinds: Kinds, keys: tuple[str, ...]) -> Iterator[Filter]:
    if kinds.open:
        yield attrs.evolve(wanted, kinds=kinds.open)
    if kinds.for_parties:
        yield from _for_parties(attrs.evolve(wanted, kinds=kinds.for_parties), keys)


def _of_all_kinds(
    wanted: Filter, scopes: CombinedScopes, keys: tuple[str, ...]
) -> Iterator[Filter]:
    named, others = scopes.named_kinds, scopes.others
    if others.denial is not None:
        yield from _of_kinds(wanted, named, keys)
    elif others.denial_of_others is not None:
        if named.open:
            yield attrs.evolve(wanted, kinds=named.open)
        yield from _for_parties(_except(wanted, named.closed | named.open), keys)
    else:
        yield _except(wanted, named.closed | named.for_parties)
        if named.for_parties:
            yield from _for_parties(attrs.evolve(wanted, kinds=named.for_parties), keys)


def _except(wanted: Filter, kinds: frozenset[int]) -> Filter:
    if len(kinds) > MOST_EXCEPTED_KINDS:
        return wanted
    return attrs.evolve(wanted, except_kinds=wanted.except_kinds | kinds)


def _for_parties(wanted: Filter, keys: tuple[str, ...]) -> Iterator[Filter]:
    """Filters for the events that name the reader, and for those by the reader."""
    mine = frozenset(keys)
    named = mine | frozenset(key.upper() for key in mine)
    written = mine if wanted.authors is None else wanted.authors & mine
    asks_for_mine = wanted.authors == written
    names_me = wanted.tags.get("p", frozenset()) <= named and "p" in wanted.tags
    if not asks_for_mine:
        # A store looks for a tag once: what else is asked of p is held against what it finds.
        yield attrs.evolve(wanted, tags={**wanted.tags, "p": named})
    if asks_for_mine or not names_me:
        yield attrs.evolve(wanted, authors=written)
