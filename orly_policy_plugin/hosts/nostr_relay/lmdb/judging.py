"""What the database knows of an event that arrives."""

from collections.abc import Collection, Iterator, Sequence
from typing import Final

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
from ....session.deletions import deletion_of, vanishing_of
from ..addresses import could_name, named_by
from . import keys
from .keys import LATEST, Span, Start
from .rows import decoded
from .scanning import Entry, Transaction, newest_first

_BEGINNING: Final = Start(LATEST)


def judge(
    transaction: Transaction, event: FrozenEvent, relay_urls: Collection[str]
) -> tuple[Known | None, Sequence[FrozenEvent]]:
    """What is known of an event, ``None`` where it can be stored; then the versions that it
    replaces.
    """
    if transaction.get(keys.of_event(bytes.fromhex(event.id))) is not None:
        return Known.DUPLICATE, ()
    address = address_of(event)
    older = list(versions_at(transaction, address)) if address else []
    if any(replaces(version, event) for version in older):
        return Known.SUPERSEDED, ()
    if _is_deleted(transaction, event) or _has_vanished(transaction, event, relay_urls):
        return Known.DELETED, ()
    return None, older


def versions_at(transaction: Transaction, address: Address) -> Iterator[FrozenEvent]:
    """The stored versions of an address."""
    for _, event_id in _candidates(transaction, address):
        event = stored(transaction, event_id)
        if event is not None and address_of(event) == address:
            yield event


def stored(transaction: Transaction, event_id: bytes) -> FrozenEvent | None:
    """An event by its id."""
    value = transaction.get(keys.of_event(event_id))
    return None if value is None else decoded(value)


def _candidates(transaction: Transaction, address: Address) -> list[Entry]:
    """What may be versions: found by author and kind, and where they are addressable by the
    ``d`` tag, too.
    """
    of_author = keys.of_author_and_kind(address.pubkey, address.kind)
    if class_of(address.kind) is not KindClass.ADDRESSABLE or not address.identifier:
        return list(newest_first(transaction, [of_author], _BEGINNING, 0))
    of_tag = keys.of_tag("d", address.identifier)
    return _in_both(transaction, of_author, of_tag)


def _in_both(transaction: Transaction, one: Span, other: Span) -> list[Entry]:
    """The entries in both spans. The one that ends first is read, the other asked: an author may
    have many of a kind, and many authors a common identifier.
    """
    found: tuple[list[Entry], list[Entry]] = ([], [])
    asked = (other, one)
    ways = [newest_first(transaction, [span], _BEGINNING, 0) for span in (one, other)]
    while True:
        for entries, gathered, to_ask in zip(ways, found, asked, strict=True):
            entry = next(entries, None)
            if entry is None:
                return [each for each in gathered if _is_in(transaction, to_ask, each)]
            gathered.append(entry)


def _is_in(transaction: Transaction, span: Span, entry: Entry) -> bool:
    minus_created_at, event_id = entry
    key = span.entry(-minus_created_at, event_id)
    return transaction.get(key) is not None


# --- deletions


def _is_deleted(transaction: Transaction, event: FrozenEvent) -> bool:
    if event.kind in (kinds.DELETION, kinds.VANISH):
        return False
    deletions = keys.of_author_and_kind(event.pubkey, kinds.DELETION)
    if _in_both(transaction, deletions, keys.of_tag("e", event.id)):
        return True
    address = address_of(event)
    return address is not None and _is_address_deleted(transaction, event, address)


def _is_address_deleted(transaction: Transaction, event: FrozenEvent, address: Address) -> bool:
    """By what the author has deleted, or by what names the address, whichever ends first: an
    author may have deleted much, and anybody may name the address often.
    """
    deletions = keys.of_author_and_kind(event.pubkey, kinds.DELETION)
    by_author = newest_first(transaction, [deletions], _BEGINNING, event.created_at)
    for one, naming in zip(
        by_author, _naming(transaction, address, since=event.created_at), strict=False
    ):
        deletion = stored(transaction, one[1])
        if deletion is not None and deletion_of(deletion).covers(event):
            return True
        if naming is not None and _is_in(transaction, deletions, naming):
            return True
    return False


def _naming(transaction: Transaction, address: Address, since: int) -> Iterator[Entry | None]:
    """The events from then on that have an ``a`` tag with an address, in no order; ``None`` for
    each tag that was looked at in vain.

    :param since: Unix seconds, inclusive.
    """
    for lowest, highest in could_name(address):
        if lowest == highest:
            yield from newest_first(transaction, [keys.of_tag("a", lowest)], _BEGINNING, since)
        else:
            yield from _naming_by_range(transaction, address, lowest, highest, since)


def _naming_by_range(
    transaction: Transaction, address: Address, lowest: str, highest: str, since: int
) -> Iterator[Entry | None]:
    first, end = (keys.of_tag("a", text).stem[:-1] for text in (lowest, highest))
    cursor = transaction.cursor()
    if not cursor.set_range(first):
        return
    for key in map(bytes, cursor.iternext(keys=True, values=False)):
        if key >= end:
            return
        created_at = int.from_bytes(key[-37:-33], "big")
        names = created_at >= since and named_by(_tag_value(key), address)
        yield (-created_at, key[-32:]) if names else None


def _tag_value(key: bytes) -> str:
    """Of a key of a tag with a name of one byte."""
    return key[3:-38].decode()


def _has_vanished(
    transaction: Transaction, event: FrozenEvent, relay_urls: Collection[str]
) -> bool:
    requests = keys.of_author_and_kind(event.pubkey, kinds.VANISH)
    for _, event_id in newest_first(transaction, [requests], _BEGINNING, event.created_at):
        request = stored(transaction, event_id)
        vanishing = None if request is None else vanishing_of(request, relay_urls)
        if vanishing is not None and vanishing.forbids(event):
            return True
    return False
