"""Ask the database what it knows of events that arrive, in a few statements for all of them."""

# ruff: noqa: S608 -- statements are made of pieces of our own; what clients send is a parameter

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

import attrs

from orly_policy_hookspecs.nip01 import (
    Address,
    FrozenEvent,
    KindClass,
    address_of,
    class_of,
    kinds,
    replaces,
)

from ....session import Known
from ....session.deletions import vanishing_of
from ..addresses import could_name, named_by
from .dialects import Bytes, Numbers, Texts
from .rows import COLUMNS, binary, event_of
from .statements import Statements

_FEW: Final = 100
"""Events of an author and kind among which the versions of an address are looked for directly."""

Versions = Mapping[Address, Sequence[FrozenEvent]]


@attrs.frozen
class Judged:
    """What is known of an event."""

    known: Known | None
    """``None`` where it can be stored."""
    older: Sequence[FrozenEvent] = ()
    """The versions that it replaces."""


def judge(
    statements: Statements, events: Sequence[FrozenEvent], relay_urls: Collection[str]
) -> list[Judged]:
    """Judge each event by what is stored. None is held against another of them."""
    stored = stored_among(statements, events)
    new = [event for event in events if event.id not in stored]
    versions = versions_at(statements, {at for event in new if (at := address_of(event))})
    deleted = _deleted_by_id(statements, new) | _deleted_by_address(statements, new)
    deleted |= _vanished(statements, new, relay_urls)
    return [
        Judged(Known.DUPLICATE) if event.id in stored else _judged(event, versions, deleted)
        for event in events
    ]


def _judged(event: FrozenEvent, versions: Versions, deleted: Collection[str]) -> Judged:
    address = address_of(event)
    older = versions.get(address, ()) if address else ()
    if any(replaces(version, event) for version in older):
        return Judged(Known.SUPERSEDED)
    return Judged(Known.DELETED) if event.id in deleted else Judged(None, older)


def stored_among(statements: Statements, events: Sequence[FrozenEvent]) -> set[str]:
    """The ids of the events that are stored."""
    if not events:
        return set()
    asked = statements.dialect.table("asked", id=Bytes(binary([event.id for event in events])))
    rows = statements.rows(
        f"SELECT e.id FROM {asked.sql} CROSS JOIN events AS e WHERE e.id = asked.id", asked
    )
    return {row[0].hex() for row in rows}


# --- versions


def versions_at(statements: Statements, addresses: Collection[Address]) -> Versions:
    """The stored versions of each address, those of one address in no order."""
    found: dict[Address, list[FrozenEvent]] = defaultdict(list)
    holds_nul = statements.dialect.capacity.holds_nul
    storable = [each for each in addresses if holds_nul or "\0" not in each.identifier]
    for event in _candidates(statements, storable):
        address = address_of(event)
        if address in addresses:
            assert address is not None
            found[address].append(event)
    return found


def _candidates(statements: Statements, addresses: Sequence[Address]) -> Iterator[FrozenEvent]:
    """The stored events that may have one of the addresses, each once. Addressable ones are found
    by their ``d`` tag where their author has many of the kind.
    """
    of_author: list[Address] = []
    of_tag: list[Address] = []
    for address, many in zip(addresses, _have_many(statements, addresses), strict=True):
        (of_tag if many and address.identifier else of_author).append(address)
    yield from _versions(statements, of_author, _OF_AUTHOR)
    yield from _versions(statements, of_tag, _OF_TAG)


_OF_AUTHOR: Final = """
    CROSS JOIN events AS e
    WHERE e.pubkey = asked.pubkey AND e.kind = asked.kind AND (
        asked.replaceable = 1
        OR EXISTS (
            SELECT 1 FROM tags AS t
            WHERE t.id = e.id AND t.name = 'd' AND t.value = asked.identifier
        )
        OR asked.identifier = '' AND NOT EXISTS (
            SELECT 1 FROM tags AS t WHERE t.id = e.id AND t.name = 'd'
        )
    )
"""
_OF_TAG: Final = """
    CROSS JOIN tags AS t CROSS JOIN events AS e
    WHERE t.name = 'd' AND t.value = asked.identifier
    AND e.id = t.id AND e.pubkey = asked.pubkey AND e.kind = asked.kind
"""


def _versions(
    statements: Statements, addresses: Sequence[Address], how: str
) -> Iterator[FrozenEvent]:
    if not addresses:
        return
    asked = statements.dialect.table(
        "asked",
        pubkey=Bytes(binary([each.pubkey for each in addresses])),
        kind=Numbers([each.kind for each in addresses]),
        replaceable=Numbers([int(not _is_addressable(each)) for each in addresses]),
        identifier=Texts([each.identifier for each in addresses]),
    )
    yield from map(event_of, statements.rows(f"SELECT {COLUMNS} FROM {asked.sql} {how}", asked))


def _have_many(statements: Statements, addresses: Sequence[Address]) -> list[bool]:
    """Of each address, whether it is addressable and its author has many of the kind."""
    if not any(map(_is_addressable, addresses)):
        return [False] * len(addresses)
    asked = statements.dialect.table(
        "asked",
        pubkey=Bytes(binary([each.pubkey for each in addresses])),
        kind=Numbers([each.kind for each in addresses]),
    )
    rows = statements.rows(
        "SELECT asked.n, (SELECT count(*) FROM (SELECT 1 FROM events AS e WHERE "
        f"e.pubkey = asked.pubkey AND e.kind = asked.kind LIMIT {_FEW + 1}) AS few) "
        f"FROM {asked.sql}",
        asked,
    )
    counts: dict[int, int] = dict(map(tuple, rows))
    return [
        _is_addressable(address) and counts[number] > _FEW
        for number, address in enumerate(addresses)
    ]


def _is_addressable(address: Address) -> bool:
    return class_of(address.kind) is KindClass.ADDRESSABLE


# --- deletions


def _deleted_by_id(statements: Statements, events: Sequence[FrozenEvent]) -> set[str]:
    """The ids of those that their author has deleted by an ``e`` tag."""
    events = [event for event in events if event.kind not in (kinds.DELETION, kinds.VANISH)]
    if not events:
        return set()
    asked = statements.dialect.table(
        "asked",
        id=Texts([event.id for event in events]),
        pubkey=Bytes(binary([event.pubkey for event in events])),
    )
    rows = statements.rows(
        f"SELECT asked.n FROM {asked.sql} CROSS JOIN tags AS t CROSS JOIN events AS e "
        "WHERE t.name = 'e' AND t.value = asked.id "
        f"AND e.id = t.id AND e.kind = {kinds.DELETION} AND e.pubkey = asked.pubkey",
        asked,
    )
    return {events[row[0]].id for row in rows}


def _deleted_by_address(statements: Statements, events: Sequence[FrozenEvent]) -> set[str]:
    """The ids of those that their author has deleted by an ``a`` tag. Looked for among the
    author's deletions, as others' ``a`` tags may be many.
    """
    asked_for = [
        (event, address, span)
        for event in events
        if (address := address_of(event))
        for span in could_name(address)
    ]
    if not asked_for:
        return set()
    asked = statements.dialect.table(
        "asked",
        pubkey=Bytes(binary([event.pubkey for event, _, _ in asked_for])),
        since=Numbers([event.created_at for event, _, _ in asked_for]),
        lowest=Texts([lowest for _, _, (lowest, _) in asked_for]),
        highest=Texts([highest for _, _, (_, highest) in asked_for]),
    )
    value = f"t.value{statements.dialect.by_bytes}"
    rows = statements.rows(
        f"SELECT asked.n, t.value FROM {asked.sql} CROSS JOIN events AS e CROSS JOIN tags AS t "
        f"WHERE e.pubkey = asked.pubkey AND e.kind = {kinds.DELETION} "
        "AND e.created_at >= asked.since AND t.id = e.id AND t.name = 'a' "
        f"AND {value} >= asked.lowest AND {value} <= asked.highest",
        asked,
    )
    return {
        asked_for[number][0].id for number, value in rows if named_by(value, asked_for[number][1])
    }


def _vanished(
    statements: Statements, events: Sequence[FrozenEvent], relay_urls: Collection[str]
) -> set[str]:
    """The ids of those whose author has asked to vanish since."""
    if not events:
        return set()
    asked = statements.dialect.table(
        "asked",
        pubkey=Bytes(binary([event.pubkey for event in events])),
        since=Numbers([event.created_at for event in events]),
    )
    rows = statements.rows(
        f"SELECT asked.n, {COLUMNS} FROM {asked.sql} CROSS JOIN events AS e "
        f"WHERE e.pubkey = asked.pubkey AND e.kind = {kinds.VANISH} "
        "AND e.created_at >= asked.since",
        asked,
    )
    found = set()
    for number, *row in rows:
        vanishing = vanishing_of(event_of(row), relay_urls)
        if vanishing is not None and vanishing.forbids(events[number]):
            found.add(events[number].id)
    return found
