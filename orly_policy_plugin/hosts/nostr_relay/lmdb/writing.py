"""What changes the database. Each function is a part of a transaction, which sees what was done
before in it.
"""

from collections.abc import Collection

from orly_policy_hookspecs.nip01 import FrozenEvent, kinds

from ....session import Added, Deletion, Known, Vanishing
from ....session.deletions import deletion_of
from . import keys
from .indexing import forget
from .judging import judge, stored, versions_at
from .keys import LATEST, Start
from .rows import encoded
from .scanning import Transaction, newest_first


def add(transaction: Transaction, event: FrozenEvent, relay_urls: Collection[str]) -> Added:
    """Store an event, and remove what it replaces."""
    known, older = judge(transaction, event, relay_urls)
    if known is not None:
        return known
    for version in older:
        _remove(transaction, version)
    put(transaction, event)
    if event.kind == kinds.DELETION:  # what has come since it was obeyed
        delete(transaction, deletion_of(event))
    return Known.STORED


def put(transaction: Transaction, event: FrozenEvent) -> None:
    """Store an event."""
    transaction.put(keys.of_event(bytes.fromhex(event.id)), encoded(event))
    for key in keys.entries(event):
        transaction.put(key, b"")


def delete(transaction: Transaction, deletion: Deletion) -> None:
    """Remove what a deletion covers."""
    found = [
        event
        for event_id in deletion.ids
        if (event := stored(transaction, bytes.fromhex(event_id))) is not None
    ]
    for address in deletion.addresses:
        found += versions_at(transaction, address)
    for event in {each.id: each for each in found}.values():
        if deletion.covers(event):
            _remove(transaction, event)


def vanish(transaction: Transaction, vanishing: Vanishing, request: FrozenEvent) -> None:
    """Remove what a request to vanish covers, and store it, which is what remembers it."""
    start = Start(min(vanishing.until, LATEST))
    names = (vanishing.author, vanishing.author.upper())
    spans = [keys.of_author(vanishing.author), *(keys.of_tag("p", name) for name in names)]
    for _, event_id in list(newest_first(transaction, spans, start, 0)):
        event = stored(transaction, event_id)
        if event is not None and vanishing.covers(event):
            _remove(transaction, event)
    if transaction.get(keys.of_event(bytes.fromhex(request.id))) is None:
        put(transaction, request)


def remove(transaction: Transaction, event_id: str) -> None:
    """Remove an event, if it is there."""
    event = stored(transaction, bytes.fromhex(event_id))
    if event is not None:
        _remove(transaction, event)


def _remove(transaction: Transaction, event: FrozenEvent) -> None:
    forget(transaction, event)
    for key in keys.entries(event):
        transaction.delete(key)
    transaction.delete(keys.of_event(bytes.fromhex(event.id)))
