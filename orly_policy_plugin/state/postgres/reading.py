"""Reading what has changed since the last reading."""

from collections.abc import Callable, Collection, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Final, TypeVar

import attrs

from orly_policy_hookspecs import Event

from ...authority.freshness import Freshness, Mark
from ...counted import counted
from ...errors import PolicyError
from ...follows import FollowList
from ...policy import Problem
from ..address import Address
from ..store import StoredContribution, Withdrawn
from .line import Head, Seen
from .link import Link
from .rows import (
    MOST_ROW_BYTES,
    OWNERS,
    as_first_known,
    check_not_replayed,
    key_of,
    read_contribution,
    read_list,
    read_marks,
    read_withdrawal,
)

MOST_BYTES_FOR_ADMINS: Final = 16 * 1024 * 1024
"""Of the follow lists that only contributions use, all together, as of those in files."""
_BYTES_AT_ONCE: Final = 8 * 1024 * 1024
"""Of lists, in one answer."""
_NOTHING_YET: Final = -1

_T = TypeVar("_T")


@attrs.frozen
class _ListRow:
    size: int
    revision: int


@attrs.frozen(kw_only=True)
class Known:
    """What was read so far."""

    revision: int = _NOTHING_YET
    contributions: Mapping[str, StoredContribution] = MappingProxyType({})
    withdrawn: Mapping[str, Withdrawn | None] = MappingProxyType({})
    lists: Mapping[str, FollowList] = MappingProxyType({})
    """By the name under which each is kept."""
    freshness: Freshness = attrs.field(factory=Freshness)
    list_rows: Mapping[str, _ListRow] = MappingProxyType({})
    """All that there are, read or not."""
    lists_read: Mapping[str, int] = MappingProxyType({})
    """By key: the revision of the row that was read."""
    faults: Mapping[tuple[str, str], Problem] = MappingProxyType({})
    """By table and key: rows that say nothing that could be used."""
    left_out: int = 0
    """Lists that are not read, as they are too large together."""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What cannot be used."""
        found = tuple(self.faults.values())
        if not self.left_out:
            return found
        what = f"{counted(self.left_out, 'follow list')} left out, which grant nobody"
        why = "those that only contributions use are too large together"
        return (*found, Problem("orly_policy.list", f"{what}: {why}"))

    def from_the_start(self) -> "Known":
        """What is known, of a database that is to be read anew. What was withdrawn stays so, and
        of lists the newest counts.
        """
        return Known(
            contributions=self.contributions,
            withdrawn=self.withdrawn,
            lists=self.lists,
            freshness=self.freshness,
        )


@attrs.frozen(kw_only=True)
class Read:
    """What a reading has found."""

    known: Known
    lists: Mapping[str, tuple[FollowList, Event]]
    """Those that are new, with their events, by the name under which each is kept."""


def read_head(link: Link, address: Address, seen: Seen | None) -> Head:
    """The newest revision. Called in a transaction.

    :raises PolicyError: the database has no such fleet.
    """
    rows = link.run(
        """
        SELECT revision, sha256(content),
            (SELECT token FROM orly_policy.change WHERE fleet = name AND revision = f.revision),
            (SELECT token FROM orly_policy.change WHERE fleet = name AND revision = %s),
            (SELECT min(revision) FROM orly_policy.change WHERE fleet = name),
            (SELECT created_at FROM orly_policy.mark WHERE fleet = name AND author = %s),
            (SELECT event_id FROM orly_policy.mark WHERE fleet = name AND author = %s)
        FROM orly_policy.fleet f WHERE name = %s
        """,
        [seen.revision if seen else 0, OWNERS, OWNERS, address.fleet],
    )
    if not rows:
        raise PolicyError(
            f"{address}: there is no such fleet; `orly-policy store init URL --fleet "
            f"{address.fleet}` adds it, or name another"
        )
    revision, digest, token, token_seen, oldest, created_at, event_id = rows[0]
    return Head(
        revision=revision,
        token=token,
        digest=digest,
        token_seen=token_seen,
        oldest=revision if oldest is None else oldest,
        owner=None if created_at is None else Mark(created_at, event_id),
    )


def lock_fleet(link: Link, fleet: str) -> None:
    """Let nobody else change the fleet until the transaction ends, and have that be on the disk
    when it is said to be: a database may be set to answer before.
    """
    link.run(
        "SELECT set_config('synchronous_commit', 'on', true) "
        "WHERE current_setting('synchronous_commit') = 'off'"
    )
    link.run("SELECT FROM orly_policy.fleet WHERE name = %s FOR UPDATE", [fleet])


def read_content(link: Link, fleet: str, most_bytes: int) -> tuple[bytes | None, str | None]:
    """The policy, and the owner's event that it came in, neither of them checked; ``None`` in
    place of what is larger.
    """
    [(content, event)] = link.run(
        "SELECT CASE WHEN octet_length(content) <= %s THEN content END, "
        "CASE WHEN octet_length(event) <= %s THEN event END "
        "FROM orly_policy.fleet WHERE name = %s",
        [most_bytes, MOST_ROW_BYTES, fleet],
    )
    return content and bytes(content), event


def read_rows(
    link: Link,
    fleet: str,
    head: Head,
    known: Known,
    first: Collection[str],
    given: Mapping[str, StoredContribution],
) -> Read:
    """All that is beside the policy. Only what has changed is read.

    :param first: see :data:`.FirstLists`.
    :param given: contributions that this process has written, by event id: of these the same
        object is known, so that nobody verifies it again.
    """
    found = _Found(link, fleet, known)
    if head.revision != known.revision:
        found.read_withdrawals()
        found.read_contributions(given)
        found.read_marks()
        found.read_list_rows()
    found.read_lists(first)
    return Read(known=found.known(head.revision), lists=found.new_lists)


class _Found:
    """What is found while the tables are read."""

    def __init__(self, link: Link, fleet: str, known: Known) -> None:
        self._link = link
        self._fleet = fleet
        self._known = known
        self._contributions: Mapping[str, StoredContribution] = known.contributions
        self._withdrawn: Mapping[str, Withdrawn | None] = known.withdrawn
        self._freshness = known.freshness
        self._list_rows = known.list_rows
        self._lists = dict(known.lists)
        self._lists_read = dict(known.lists_read)
        self._faults = dict(known.faults)
        self._left_out = known.left_out
        self.new_lists: dict[str, tuple[FollowList, Event]] = {}

    @property
    def _since(self) -> list[Any]:
        return [self._fleet, self._known.revision]

    def read_withdrawals(self) -> None:
        rows = self._link.run(
            "SELECT event_id, author, created_at, by FROM orly_policy.withdrawal "
            "WHERE fleet = %s AND revision > %s",
            self._since,
        )
        new: dict[str, Withdrawn | None] = {}
        for event_id, author, created_at, by in rows:
            if event_id not in self._known.withdrawn:
                new[event_id] = self._usable(
                    "withdrawal",
                    event_id,
                    partial(read_withdrawal, event_id, author, created_at, by),
                )
        if new:  # else the same object, of which nobody looks again at thousands
            self._withdrawn = MappingProxyType({**self._known.withdrawn, **new})

    def read_contributions(self, given: Mapping[str, StoredContribution]) -> None:
        """:attr:`_known` may be of another database: then those that are not there are gone."""
        is_first = self._known.revision == _NOTHING_YET
        before = self._known.contributions
        found = {} if is_first else dict(before)
        rows = self._link.run(
            "SELECT event_id, CASE WHEN octet_length(event) <= %s THEN event END, "
            "CASE WHEN octet_length(difference) <= %s THEN difference END "
            "FROM orly_policy.contribution WHERE fleet = %s AND revision > %s",
            [MOST_ROW_BYTES, MOST_ROW_BYTES, *self._since],
        )
        for event_id, event, difference in rows:
            known = given.get(event_id) or before.get(event_id)
            is_news = known is None and not is_first
            read = partial(self._contribution, event_id, event, difference, is_news=is_news)
            made = self._usable("contribution", event_id, read)
            if made is not None and known is not None:
                found[event_id] = as_first_known(event_id, known, made)
            elif (one := made or known) is not None:
                found[event_id] = one  # what was known and denies stays denied
        for event_id in self._withdrawn.keys() & found.keys():
            del found[event_id]
        self._contributions = MappingProxyType(found)

    def _contribution(
        self, event_id: str, event: str | None, difference: bytes | None, *, is_news: bool
    ) -> StoredContribution:
        """:raises ValueError: the row says none, or one that is no news."""
        made = read_contribution(event_id, event, difference)
        if is_news:
            check_not_replayed(made, self._known.freshness)
        return made

    def read_marks(self) -> None:
        """They are few, and only rise, whatever the table says."""
        rows = self._link.run(
            "SELECT author, created_at, event_id FROM orly_policy.mark WHERE fleet = %s",
            [self._fleet],
        )
        self._freshness = self._freshness.raised(read_marks(rows))

    def read_list_rows(self) -> None:
        rows = self._link.run(
            "SELECT key, octet_length(event), revision FROM orly_policy.list "
            "WHERE fleet = %s AND revision > %s",
            self._since,
        )
        new = {key: _ListRow(size, revision) for key, size, revision in rows}
        self._list_rows = {**self._known.list_rows, **new}

    def read_lists(self, first: Collection[str]) -> None:
        """Read those that are wanted and new."""
        sizes = {key: row.size for key, row in self._list_rows.items()}
        left_out = _beyond(sizes, frozenset(map(key_of, first)))
        self._left_out = len(left_out)
        for name in [name for name in self._lists if left_out and key_of(name) in left_out]:
            del self._lists[name]
            self._lists_read.pop(key_of(name), None)
        wanted = {
            key: row.size
            for key, row in self._list_rows.items()
            if key not in left_out and self._lists_read.get(key) != row.revision
        }
        for keys in _batches(wanted):
            rows = self._link.run(
                "SELECT key, CASE WHEN octet_length(event) <= %s THEN event END "
                "FROM orly_policy.list WHERE fleet = %s AND key = ANY(%s)",
                [MOST_ROW_BYTES, self._fleet, keys],
            )
            for key, event in rows:
                self._take_list(key, event)

    def _take_list(self, key: str, event: str | None) -> None:
        self._lists_read[key] = self._list_rows[key].revision
        made = self._usable("list", key, partial(read_list, key, event))
        if made is not None:
            name, newer, signed = made
            if newer.replaces(self._lists.get(name)):
                self._lists[name] = newer
                self.new_lists[name] = newer, signed

    def _usable(self, table: str, key: str, read: Callable[[], _T]) -> _T | None:
        """What a row says; ``None``, with a problem, where it says nothing that could be used."""
        try:
            made = read()
        except (ValueError, TypeError, PolicyError) as error:
            where = f"orly_policy.{table} {key[:64]!r}"
            self._faults[table, key] = Problem(where, f"{error}; what was known of it counts")
            return None
        self._faults.pop((table, key), None)
        return made

    def known(self, revision: int) -> Known:
        return Known(
            revision=revision,
            contributions=self._contributions,
            withdrawn=self._withdrawn,
            lists=MappingProxyType(self._lists),
            freshness=self._freshness,
            list_rows=self._list_rows,
            lists_read=self._lists_read,
            faults=self._faults,
            left_out=self._left_out,
        )


def _beyond(sizes: Mapping[str, int], first: Collection[str]) -> frozenset[str]:
    """The lists that are not read: the largest of those that only contributions use."""
    total, beyond = 0, set()
    others = sorted((size, key) for key, size in sizes.items() if key not in first)
    for size, key in others:
        total += size
        if total > MOST_BYTES_FOR_ADMINS:
            beyond.add(key)
    return frozenset(beyond)


def _batches(sizes: Mapping[str, int]) -> list[list[str]]:
    """Keys whose rows together fit into one answer."""
    batches: list[list[str]] = []
    total = _BYTES_AT_ONCE
    for key, size in sizes.items():
        if total + size > _BYTES_AT_ONCE:
            batches.append([])
            total = 0
        batches[-1].append(key)
        total += size
    return batches
