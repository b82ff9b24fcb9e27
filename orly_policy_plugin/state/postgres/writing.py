"""Writing a change, in the transaction of a step: it counts once that is committed."""

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from typing import Any, Final

import attrs

from ...authority.freshness import Freshness
from ...follows import FollowList
from ...policy import Problem
from ..entry import Entry, How
from ..policy_mark import mark_of
from ..store import (
    Change,
    ContributionAdded,
    ContributionsWithdrawn,
    FollowListsKept,
    PolicyReplaced,
    Recorded,
    Withdrawn,
)
from .link import Link
from .rows import MOST_ROW_BYTES, key_of, read_list, rows_of_marks, written_event

MOST_ENTRIES: Final = 1000
"""Versions of the history, as of that in files."""
_BY_FILE: Final[tuple[How, ...]] = ("start", "hand edit", "publish")
"""How a file of a node comes into the store."""
_TIDY_EVERY: Final = 100
_MOST_TOKENS: Final = 100_000
"""Revisions whose tokens are kept: a node that has seen none of them is not told from one that
has seen an older database."""


@attrs.frozen
class Writing:
    """A change that is being written, as the next revision of a fleet."""

    link: Link
    fleet: str
    revision: int
    token: str = attrs.field(factory=lambda: secrets.token_hex(16))

    def write(self, change: Change) -> tuple[Problem, ...]:
        """Write a change: see :meth:`.Step.apply`."""
        problems: tuple[Problem, ...] = ()
        match change:
            case PolicyReplaced():
                problems = self._replace_policy(change)
            case ContributionAdded():
                self._add(change)
                self._withdraw(change.replaces)
                self._raise_and_record(change.freshness, change.entry)
            case ContributionsWithdrawn():
                self._withdraw(change.withdrawn)
                self._raise_and_record(change.freshness, change.entry)
            case FollowListsKept():
                self._keep_newer(change.lists)
            case Recorded():
                self._raise_and_record(change.freshness, change.entry)
        self._count_up()
        return problems

    def _count_up(self) -> None:
        self.link.run(
            "UPDATE orly_policy.fleet SET revision = %s WHERE name = %s",
            [self.revision, self.fleet],
        )
        self.link.run(
            "INSERT INTO orly_policy.change VALUES (%s, %s, %s)",
            [self.fleet, self.revision, self.token],
        )
        self.link.run(
            "DELETE FROM orly_policy.change WHERE fleet = %s AND revision <= %s",
            [self.fleet, self.revision - _MOST_TOKENS],
        )
        self.link.run("SELECT pg_notify(%s, %s)", [channel_of(self.fleet), str(self.revision)])

    # --- the policy

    def _replace_policy(self, change: PolicyReplaced) -> tuple[Problem, ...]:
        problems: tuple[Problem, ...] = ()
        if change.before is not None:
            self._raise(change.freshness_before)
            self._record(change.before, None)
        if change.unusable is not None:
            problems = (self._set_aside(change.unusable, change.entry.recorded_at),)
        event = None if change.event is None else written_event(change.event)
        self.link.run(
            "UPDATE orly_policy.fleet SET content = %s, event = %s WHERE name = %s",
            [change.entry.content, event, self.fleet],
        )
        self._raise_and_record(change.freshness, change.entry, event)
        return problems

    def _set_aside(self, content: bytes, now: int) -> Problem:
        self._raise(Freshness(mark_of(content)))
        self.link.run(
            "INSERT INTO orly_policy.unusable VALUES (%s, %s, %s)", [self.fleet, now, content]
        )
        return Problem(
            "", "what stood for the policy could not be used; it is kept in orly_policy.unusable"
        )

    # --- contributions

    def _add(self, change: ContributionAdded) -> None:
        event = written_event(change.contribution.value)
        self.link.run(
            """
            INSERT INTO orly_policy.contribution
            SELECT %(fleet)s, %(id)s, %(revision)s, %(event)s, %(difference)s
            WHERE NOT EXISTS (
                SELECT FROM orly_policy.withdrawal WHERE fleet = %(fleet)s AND event_id = %(id)s
            )
            ON CONFLICT (fleet, event_id) DO UPDATE SET revision = excluded.revision,
                event = excluded.event, difference = excluded.difference
            """,
            {
                "fleet": self.fleet,
                "id": change.event_id,
                "revision": self.revision,
                "event": event,
                "difference": change.contribution.difference,
            },
        )

    def _withdraw(self, withdrawn: Mapping[str, Withdrawn]) -> None:
        for event_id, each in withdrawn.items():
            self.link.run(
                "INSERT INTO orly_policy.withdrawal VALUES (%s, %s, %s, %s, %s, %s) "
                "ON CONFLICT DO NOTHING",
                [self.fleet, event_id, self.revision, each.author, each.created_at, each.by],
            )
            self.link.run(
                "DELETE FROM orly_policy.contribution WHERE fleet = %s AND event_id = %s",
                [self.fleet, event_id],
            )

    # --- lists

    def _keep_newer(self, lists: Mapping[str, tuple[FollowList, Any]]) -> None:
        by_key = {key_of(name): each for name, each in lists.items()}
        for key, known in self._kept(by_key).items():
            newer, event = by_key[key]
            if newer.replaces(known):
                self.link.run(
                    """
                    INSERT INTO orly_policy.list VALUES (%s, %s, %s, %s, %s, %s)
                    ON CONFLICT (fleet, key) DO UPDATE SET revision = excluded.revision,
                        created_at = excluded.created_at, event_id = excluded.event_id,
                        event = excluded.event
                    """,
                    [
                        self.fleet,
                        key,
                        self.revision,
                        newer.created_at,
                        newer.event_id,
                        written_event(event),
                    ],
                )

    def _kept(self, keys: Iterable[str]) -> dict[str, FollowList | None]:
        """What is kept for these keys; ``None`` where that is nothing, or garbage."""
        found: dict[str, FollowList | None] = dict.fromkeys(keys)
        rows = self.link.run(
            "SELECT key, event FROM orly_policy.list "
            "WHERE fleet = %s AND key = ANY(%s) AND octet_length(event) <= %s",
            [self.fleet, list(found), MOST_ROW_BYTES],
        )
        for key, event in rows:
            try:
                _, found[key], _ = read_list(key, event)
            except ValueError:
                continue  # whoever reads the lists has said so
        return found

    # --- marks and the history

    def _raise_and_record(
        self, freshness: Freshness, entry: Entry, event: str | None = None
    ) -> None:
        self._raise(freshness)
        self._record(entry, event)

    def _raise(self, freshness: Freshness) -> None:
        self.link.run_each(
            """
            INSERT INTO orly_policy.mark VALUES (%s, %s, %s, %s)
            ON CONFLICT (fleet, author) DO UPDATE
                SET created_at = excluded.created_at, event_id = excluded.event_id
                WHERE (excluded.created_at, excluded.event_id)
                    > (mark.created_at, mark.event_id)
            """,
            [(self.fleet, *row) for row in rows_of_marks(freshness)],
        )

    def _record(self, entry: Entry, event: str | None) -> None:
        """Keep a version, unless it repeats the newest, and forget the oldest beyond
        :data:`MOST_ENTRIES`.
        """
        digest = hashlib.sha256(entry.content).digest()
        newest = self.link.run(
            "SELECT number, version, digest FROM orly_policy.history WHERE fleet = %s "
            "ORDER BY number DESC LIMIT 1",
            [self.fleet],
        )
        number = newest[0][0] + 1 if newest else 1
        if newest and (newest[0][1], newest[0][2]) == (entry.version, digest):
            return
        self.link.run(
            "INSERT INTO orly_policy.history "
            "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                self.fleet,
                number,
                entry.version,
                entry.recorded_at,
                entry.how,
                entry.author,
                entry.event_id,
                entry.content,
                digest,
                list(entry.contributions),
                event,
                entry.user,
            ],
        )
        self.link.run_each(
            "INSERT INTO orly_policy.said VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            [
                (self.fleet, event_id, canonical)
                for event_id, canonical in entry.contributions.items()
                if canonical is not None
            ],
        )
        self._prune(number)

    def _prune(self, newest: int) -> None:
        """What the operator brought is counted by itself: a node knows by it that its file is no
        edit, and no number of events makes it forget that.
        """
        self.link.run(
            "DELETE FROM orly_policy.history WHERE fleet = %(fleet)s AND number <= %(oldest)s "
            "AND NOT number IN (SELECT number FROM orly_policy.history WHERE fleet = %(fleet)s "
            "AND how = ANY(%(by_file)s) ORDER BY number DESC LIMIT %(most)s)",
            {
                "fleet": self.fleet,
                "oldest": newest - MOST_ENTRIES,
                "by_file": list(_BY_FILE),
                "most": MOST_ENTRIES,
            },
        )
        if newest % _TIDY_EVERY == 0:
            self.link.run(
                "DELETE FROM orly_policy.said WHERE fleet = %(fleet)s AND NOT event_id IN "
                "(SELECT unnest(contributions) FROM orly_policy.history WHERE fleet = %(fleet)s)",
                {"fleet": self.fleet},
            )


def is_written(link: Link, fleet: str, token: str) -> bool:
    """Whether the change of this token was committed. Called in a transaction."""
    rows = link.run(
        "SELECT 1 FROM orly_policy.change WHERE fleet = %s AND token = %s", [fleet, token]
    )
    return bool(rows)


def channel_of(fleet: str) -> str:
    """The channel on which a fleet's changes are notified. A name has at most 63 bytes."""
    return f"orly_policy_{hashlib.sha256(fleet.encode()).hexdigest()[:32]}"
