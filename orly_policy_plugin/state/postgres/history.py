"""Reading the history of a fleet. Called in a transaction."""

import hashlib
from collections.abc import Iterator
from typing import Any, Final

from ...errors import Unreadable
from ...policy import Problem
from ..entry import Entry, meant_version
from .link import Link
from .rows import MOST_ROW_BYTES, read_entry

_AT_ONCE: Final = 20
"""Entries in one answer: each has a policy, and the policies of contributions are beside them."""


def entries(link: Link, fleet: str, problems: list[Problem]) -> Iterator[Entry]:
    """All versions, newest first.

    :param problems: gets those that cannot be read.
    """
    below: int | None = None
    while rows := _rows(link, fleet, below):
        below = rows[-1][0]
        yield from _read(link, fleet, rows, problems)


def newest_entry(link: Link, fleet: str, content: bytes) -> Entry | None:
    """The version that came last, if it has this policy and can be read."""
    if newest_digest(link, fleet) != hashlib.sha256(content).digest():
        return None
    newest = _read(link, fleet, _rows(link, fleet, most=1), [])
    return next((entry for entry in newest if entry.content == content), None)


def find_entry(link: Link, fleet: str, version_prefix: str) -> Entry:
    """The newest entry of the one version that begins like this.

    :raises UnknownVersion: there is none, or there are several; the message names them.
    :raises Unreadable: it is there and cannot be read.
    """
    rows = link.run(
        "SELECT version, number FROM orly_policy.history WHERE fleet = %s ORDER BY number DESC",
        [fleet],
    )
    version = meant_version(version_prefix, [row[0] for row in rows])
    problems: list[Problem] = []
    for found, number in rows:
        if found == version:
            for entry in _read(link, fleet, _rows(link, fleet, number + 1, most=1), problems):
                return entry
    raise Unreadable("; ".join(map(str, problems)))


def newest_digest(link: Link, fleet: str) -> bytes | None:
    """SHA-256 of the policy that came last."""
    rows = link.run(
        "SELECT digest FROM orly_policy.history WHERE fleet = %s ORDER BY number DESC LIMIT 1",
        [fleet],
    )
    return bytes(rows[0][0]) if rows else None


def digests(link: Link, fleet: str) -> list[tuple[int, bytes]]:
    """The number of each version, and SHA-256 of its policy, newest first."""
    rows = link.run(
        "SELECT number, digest FROM orly_policy.history WHERE fleet = %s ORDER BY number DESC",
        [fleet],
    )
    return [(number, bytes(digest)) for number, digest in rows]


def _rows(
    link: Link, fleet: str, below: int | None = None, most: int = _AT_ONCE
) -> list[tuple[Any, ...]]:
    return link.run(
        "SELECT number, version, recorded_at, how, author, event_id, by_user, content, "
        "contributions "
        "FROM orly_policy.history WHERE fleet = %s AND number < coalesce(%s, number + 1) "
        "ORDER BY number DESC LIMIT %s",
        [fleet, below, most],
    )


def _read(
    link: Link, fleet: str, rows: list[tuple[Any, ...]], problems: list[Problem]
) -> Iterator[Entry]:
    named = sorted({event_id for row in rows for event_id in row[-1]})
    said = {
        event_id: bytes(canonical)
        for event_id, canonical in link.run(
            "SELECT event_id, canonical FROM orly_policy.said "
            "WHERE fleet = %s AND event_id = ANY(%s)",
            [fleet, named],
        )
    }
    for number, *row in rows:
        try:
            yield read_entry(tuple(row), said)
        except (ValueError, TypeError) as error:
            problems.append(Problem(f"orly_policy.history {number}", str(error)))


def events(link: Link, fleet: str) -> list[str | None]:
    """The owners' events that policies came in, oldest first."""
    rows = link.run(
        "SELECT event FROM orly_policy.history WHERE fleet = %s AND octet_length(event) <= %s "
        "ORDER BY number",
        [fleet, MOST_ROW_BYTES],
    )
    return [event for (event,) in rows]
