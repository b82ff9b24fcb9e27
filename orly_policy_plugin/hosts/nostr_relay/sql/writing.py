"""Change the database. Each function is the work of one transaction."""

# ruff: noqa: S608 -- statements are made of pieces of our own; what clients send is a parameter

from collections.abc import Collection, Sequence

from orly_policy_hookspecs.nip01 import FrozenEvent, kinds

from ....session import Added, Deletion, Known, Vanishing
from ....session.deletions import deletion_of
from .dialects import Bytes
from .judging import judge, stored_among, versions_at
from .rows import binary, insert
from .statements import Statements

_KEPT = f"({kinds.DELETION}, {kinds.VANISH})"
"""What no deletion removes."""


def add(
    statements: Statements, events: Sequence[FrozenEvent], relay_urls: Collection[str]
) -> list[Added]:
    """Store events that have nothing to do with one another. A deletion comes alone."""
    judged = judge(statements, events, relay_urls)
    remove(statements, [older.id for each in judged for older in each.older])
    new = [event for event, each in zip(events, judged, strict=True) if each.known is None]
    insert(statements, new)
    for event in new:
        if event.kind == kinds.DELETION:  # what has come since it was obeyed
            delete(statements, deletion_of(event))
    return [each.known or Known.STORED for each in judged]


def delete(statements: Statements, deletion: Deletion) -> None:
    """Remove what a deletion covers."""
    covered = {
        version.id
        for versions in versions_at(statements, deletion.addresses).values()
        for version in versions
        if deletion.covers(version)
    }
    remove(statements, covered)
    if not deletion.ids:
        return
    named = statements.dialect.is_in("id", "ids", Bytes(binary(deletion.ids)))
    statements.run(
        f"DELETE FROM events WHERE {named.sql} AND pubkey = :author AND kind NOT IN {_KEPT}",
        named,
        author=bytes.fromhex(deletion.author),
    )


def vanish(statements: Statements, vanishing: Vanishing, request: FrozenEvent) -> None:
    """Remove what a request to vanish covers, and store it, which is what remembers it."""
    author = bytes.fromhex(vanishing.author)
    statements.run(
        "DELETE FROM events WHERE pubkey = :author AND created_at <= CAST(:until AS bigint) "
        f"AND kind <> {kinds.VANISH}",
        author=author,
        until=vanishing.until,
    )
    statements.run(
        f"DELETE FROM events WHERE kind = {kinds.GIFT_WRAP} "
        "AND created_at <= CAST(:until AS bigint) "
        "AND id IN (SELECT t.id FROM tags AS t "
        "WHERE t.name = 'p' AND t.value IN (:author, :capitals))",
        author=vanishing.author,
        capitals=vanishing.author.upper(),
        until=vanishing.until,
    )
    if not stored_among(statements, [request]):
        insert(statements, [request])


def remove(statements: Statements, ids: Collection[str]) -> None:
    """Remove events; the database itself removes their tags."""
    if ids:
        named = statements.dialect.is_in("id", "ids", Bytes(binary(ids)))
        statements.run(f"DELETE FROM events WHERE {named.sql}", named)
