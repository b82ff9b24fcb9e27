"""Nodes tell each other what they have let through: once a second, by a table.

The table is not logged: what it holds is over in a minute. A node reads what has been committed
since its last look, by the numbers of the transactions, and no clock of a node counts.
"""

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from typing import Final

import orjson

from orly_policy_hookspecs.logs import get_log
from orly_policy_hookspecs.nip01 import is_unicode

from ...errors import PolicyError
from ...rates import SharedRateLimiter, Told
from .link import CHANGING, Link

THREAD_NAME: Final = "orly-policy-rates"
EXCHANGE_SECONDS: Final = 1.0
_TIME_CONSTANTS: Final = 10
"""After so many an average has come down to a hundred-thousandth."""
_ROWS_AT_ONCE: Final = 5_000
LONGEST_SUBMITTER: Final = 64
_TIDY_EVERY: Final = 10
"""Exchanges."""

log = get_log(__name__)


class RatesExchange:
    """A thread that tells and hears. Where the database is away a node limits by itself."""

    def __init__(
        self,
        link: Callable[[], AbstractContextManager[Link]],
        fleet: str,
        limiter: SharedRateLimiter,
        *,
        every_seconds: float = EXCHANGE_SECONDS,
    ) -> None:
        """:param link: lends a connection."""
        self._link = link
        self._fleet = fleet
        self._limiter = limiter
        self._old_seconds = _TIME_CONSTANTS * limiter.time_constant_seconds
        self._every_seconds = every_seconds
        self._read_from = "0"
        """The first transaction that may not have been read."""
        self._exchanges = 0
        self._is_alone = False
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @cached_property
    def _node(self) -> str:
        """The name of this node. It is not made before the first exchange: a server loads the
        policy, and then forks its workers, each of which is a node.
        """
        return secrets.token_hex(8)

    def start(self) -> None:
        """Exchange from now on. Starts a thread."""
        self._thread = threading.Thread(target=self._run, name=THREAD_NAME, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Exchange no more; the thread has ended on return. May be called again."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            begun = time.monotonic()
            try:
                self.exchange()
            except PolicyError as error:
                self._is_on_its_own(error)
            except Exception:
                log.exception("rates could not be exchanged")
            else:
                self._is_not_alone()
            self._stopping.wait(max(begun + self._every_seconds - time.monotonic(), 0.01))

    def exchange(self) -> None:
        """Tell what has changed here, and take what has changed elsewhere.

        :raises PolicyError: the database does not answer.
        """
        untold = [each for each in self._limiter.untold() if _can_be_told(each.key[1])]
        try:
            while len(untold) > _ROWS_AT_ONCE:
                with self._changing() as link:
                    self._tell(link, untold[:_ROWS_AT_ONCE])
                del untold[:_ROWS_AT_ONCE]
            with self._changing() as link:
                if untold:
                    self._tell(link, untold)
                told, read_to = self._heard(link)
        except BaseException:
            self._limiter.tell_again(untold)
            raise
        self._limiter.take(told)
        self._read_from = read_to
        self._exchanges += 1
        if self._exchanges % _TIDY_EVERY == 1:
            self._limiter.forget_others(self._old_seconds)
            self._tidy()

    def _tell(self, link: Link, told: Sequence[Told]) -> None:
        # One text, which is made faster than an array for each column.
        rows = orjson.dumps([(*each.key, each.average, each.age_seconds) for each in told])
        link.run(
            "INSERT INTO orly_policy.rate SELECT %s, %s, told ->> 0, told ->> 1, "
            "(told ->> 2)::float8, clock_timestamp() - (told ->> 3)::float8 * interval "
            "'1 second', pg_current_xact_id() FROM jsonb_array_elements(%s::jsonb) AS told "
            "ON CONFLICT (fleet, node, place, submitter) DO UPDATE SET "
            "average = excluded.average, at = excluded.at, written = excluded.written",
            [self._fleet, self._node, rows.decode()],
        )

    def _heard(self, link: Link) -> tuple[list[tuple[str, Told]], str]:
        """What others have told since the last look, and how far it goes.

        No more than is kept of it: who fills the table with more finds nobody who reads it.
        """
        [(read_to,)] = link.run("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")
        # A database that took another's place counts its transactions anew.
        begin = min(self._read_from, read_to, key=int)
        rows = link.run(
            "SELECT node, place, submitter, average, "
            "extract(epoch FROM clock_timestamp() - at)::float8 FROM orly_policy.rate "
            "WHERE fleet = %s AND node <> %s AND written >= %s::text::xid8 "
            "AND at > clock_timestamp() - %s * interval '1 second' LIMIT %s",
            [self._fleet, self._node, begin, self._old_seconds, self._limiter.most_keys],
        )
        told = [
            (node, Told((place, submitter), average, age))
            for node, place, submitter, average, age in rows
        ]
        return told, read_to

    def _tidy(self) -> None:
        """Remove what has come down to nothing, of nodes that are gone, too."""
        with self._changing() as link:
            link.run(
                "DELETE FROM orly_policy.rate WHERE ctid = ANY (ARRAY("
                "SELECT ctid FROM orly_policy.rate WHERE fleet = %s "
                "AND at < clock_timestamp() - %s * interval '1 second' "
                "LIMIT %s FOR UPDATE SKIP LOCKED))",
                [self._fleet, self._old_seconds, _ROWS_AT_ONCE * _TIDY_EVERY],
            )

    @contextmanager
    def _changing(self) -> Iterator[Link]:
        with self._link() as link:
            link.begin(CHANGING)
            try:
                yield link
                link.commit()
            except BaseException:
                link.undo()
                raise

    # --- the log

    def _is_on_its_own(self, error: PolicyError) -> None:
        if not self._is_alone:
            log.warning("rate limits hold for this node alone: %s", error)
        self._is_alone = True

    def _is_not_alone(self) -> None:
        if self._is_alone:
            log.info("rate limits hold for the fleet again")
        self._is_alone = False


def _can_be_told(submitter: str) -> bool:
    """Whether a submitter can stand in the table. What a host that knows no addresses calls one
    may be anything; then each node limits it by itself.
    """
    return (
        len(submitter) <= LONGEST_SUBMITTER and submitter.isprintable() and is_unicode(submitter)
    )
