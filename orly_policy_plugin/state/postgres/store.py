"""A policy in PostgreSQL, which the relays of a fleet share."""

import contextlib
import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import attrs

from orly_policy_hookspecs import Event
from orly_policy_hookspecs.logs import get_log

from ...authority.freshness import Freshness, Mark
from ...counted import counted
from ...errors import Busy, PolicyError, Unreachable, Unreadable
from ...follows import FollowList
from ...policy import Problem
from ...policy_file import MOST_POLICY_BYTES
from ..address import Address
from ..entry import Entry, How
from ..rollouts import Line
from ..store import (
    Change,
    ContributionAdded,
    FirstLists,
    FollowListsKept,
    PolicyReplaced,
    Recorded,
    Step,
    Stored,
    StoredContribution,
    Watch,
    Watcher,
)
from . import history
from .copy import Copy
from .line import Head, Seen
from .link import CHANGING, Link, Patience
from .listening import Listening
from .reading import Known, lock_fleet, read_content, read_head, read_rows
from .trust import Asked, Untrusted, check_signed, owners_in, owners_through
from .watching import PostgresWatch
from .writing import Writing, is_written

_PUBLISH: Final = "`orly-policy publish FILE` puts one there"
_ALLOW_MORE: Final = "ORLY_POLICY_MAX_BYTES, or the setting largest_policy_bytes, allows more"
_NO_VERSION: Final = "0" * 12

log = get_log(__name__)


class OlderDatabase(Unreachable):
    """The database lacks what this node has seen, as after a failover to an older one."""


class PostgresStore:
    """The policy of a fleet in PostgreSQL: a :class:`.Store`.

    One connection works, for one thread at a time, and a watch has one that listens. What the
    database holds is believed as far as it is signed; the operator's own policy, which is not,
    where the settings trust the database.
    """

    def __init__(
        self,
        address: Address,
        *,
        copy: Copy | None = None,
        owners: Sequence[str] = (),
        asked: Asked | None = None,
        of_file: bytes | None = None,
        most_bytes: int = MOST_POLICY_BYTES,
        patience: Patience | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """:param copy: what a node keeps of the store; none where ``None``, as for a command.
        :param owners: those of the environment.
        :param asked: what is asked of an owner's event, where no policy counts that no owner has
            signed; ``None`` where the database is trusted.
        :param of_file: the policy of the operator's file on this node, which counts unsigned.
        :param most_bytes: a larger policy is not read.
        :param clock: Unix seconds.
        """
        self._address = address
        self._clock = clock
        self._patience = patience or Patience()
        self._copy = copy
        self._owners = tuple(owners)
        self._asked = asked
        self._of_file = of_file
        self._most_bytes = most_bytes
        self._link = Link(address, self._patience)
        self.listening = Listening(address, self._patience)
        """The connection that listens. Others may listen on it."""
        self._lock = threading.RLock()
        self._step: _PostgresStep | None = None
        self._known = Known()
        self._given: dict[str, StoredContribution] = {}
        self._content: tuple[bytes, bytes] | None = None  # of the database, and the policy
        self._uncounted: PolicyError | None = None  # why that of the database is not that one
        self._seen: Seen | None = None
        self._first_lists: FirstLists = lambda _: frozenset()
        self._has_read_copy = False
        self._was_reached = False

    @property
    def name(self) -> str:
        """The database and the fleet, without a password."""
        return str(self._address)

    @contextlib.contextmanager
    def lent(self) -> Iterator[Link]:
        """The connection that works, for a short work of somebody else's.

        :raises Busy: another thread uses it for too long.
        """
        with self._held():
            if self._step is not None:
                raise RuntimeError("this thread is changing the store")
            yield self._link

    # --- reading

    def has_policy(self) -> bool:
        """See :meth:`.Store.has_policy`."""
        try:
            with self._transaction() as head:
                return head.digest is not None or self._taken() is not None
        except Unreachable as error:
            return self._copy_instead(error).has_policy()

    def read_policy(self) -> bytes:
        """See :meth:`.Store.read_policy`."""
        try:
            with self._transaction() as head:
                return self._policy(head)
        except Unreachable as error:
            return self._copy_instead(error).read_policy()

    def read_policy_there(self) -> bytes:
        """The policy that the database holds; never the copy's.

        :raises Untrusted: it does not count here.
        :raises Unreadable: it holds none.
        """
        with self._transaction() as head:
            content = self._policy(head)
            if self._uncounted is not None:
                raise self._uncounted
            return content

    def read(self, first_lists: FirstLists, policy: bytes | None = None) -> Stored:
        """See :meth:`.Store.read`."""
        try:
            return self._read(first_lists, policy)
        except Unreachable as error:
            stored = self._copy_instead(error).read(first_lists, policy)
            what = Problem("", f"{error}; what was kept here of it counts until it does")
            return attrs.evolve(stored, problems=(*stored.problems, what))

    def _read(self, first_lists: FirstLists, policy: bytes | None) -> Stored:
        self._first_lists = first_lists
        with self._transaction() as head:
            content = self._policy(head) if policy is None else policy
            first = first_lists(content)
            found = read_rows(
                self._link, self._address.fleet, head, self._known, first, self._given
            )
            self._known = known = found.known
            self._given = {
                k: each for k, each in self._given.items() if k not in known.contributions
            }
            stored = Stored(
                content=content,
                contributions=known.contributions,
                withdrawn=known.withdrawn,
                follow_lists=known.lists,
                freshness=known.freshness,
                problems=known.problems,
            )
            unkept = self._keep(head, stored, dict(found.lists))
        return attrs.evolve(stored, problems=(*stored.problems, *unkept))

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[Head]:
        """A transaction to read in; that of the step, where this thread has one."""
        with self._held():
            if self._step is not None:
                yield self._step.begun()
                return
            with self._link.reading():
                yield self._head()

    @contextlib.contextmanager
    def _held(self) -> Iterator[None]:
        if not self._lock.acquire(timeout=self._patience.lock_seconds):
            raise Busy(f"another thread of this process has been using {self.name} for too long")
        try:
            yield
        finally:
            self._lock.release()

    def _head(self) -> Head:
        """The newest revision, which lacks nothing that was seen.

        :raises OlderDatabase: it does.
        """
        self._read_copy()
        head = read_head(self._link, self._address, self._seen)
        if not head.goes_on_from(self._seen):
            assert self._seen is not None
            newest = self._known.freshness.owner
            if not head.is_decided_since(newest):
                raise OlderDatabase(_older(self.name, head, self._seen, newest, self._copy))
            log.warning(
                "%s lacks changes that were seen here; its policy is newer than all of them, and "
                "counts",
                self.name,
            )
            self._known = self._known.from_the_start()
        self._was_reached = True
        self._seen = head.seen or self._seen
        return head

    def _policy(self, head: Head) -> bytes:
        if head.digest is None:
            return self._instead_of(f"{self.name} holds no policy", _PUBLISH)
        if self._content is None or self._content[0] != head.digest:
            content, event = read_content(self._link, self._address.fleet, self._most_bytes)
            if content is None:
                most = counted(self._most_bytes, "byte")
                return self._instead_of(f"the policy of {self.name} is over {most}", _ALLOW_MORE)
            self._content = head.digest, self._counted(content, event)
        return self._content[1]

    def _instead_of(self, what: str, would_do: str) -> bytes:
        """The policy that counts where the database has none that can be read: the last that did,
        and not that of the node's file, which may be older.
        """
        error = Unreadable(f"{what}; {would_do}")
        if (taken := self._taken()) is None:
            raise error
        self._uncounted = error
        return taken

    def _counted(self, content: bytes, event: str | None) -> bytes:
        """The policy that counts: that of the database, or the last that did. An owner's event
        is applied to that, and takes the place of what does not count.
        """
        try:
            self._check(content, event)
        except Untrusted as error:
            if (own := self._own()) is None:
                raise
            self._uncounted = error
            return own
        self._uncounted = None
        return content

    def _check(self, content: bytes, event: str | None) -> None:
        """:raises Untrusted: a policy of the database does not count here."""
        own = self._own()
        if self._asked is None or content == own:
            return
        newest = self._known.freshness.owner
        owners = frozenset(owners_in(own or b"")).union(self._owners)
        try:
            events = history.events(self._link, self._address.fleet)
            owners = owners_through(events, owners, self._owners, newest, self._asked)
            check_signed(
                content,
                event,
                owners,
                newest=newest,
                asked=self._asked,
                before=own,
                now=int(self._clock()),
            )
        except Untrusted as error:
            raise Untrusted(
                f"the policy of {self.name} does not count: {error}. This relay does not trust "
                "the database (store_is_trusted); an owner signs with `orly-policy sign-update`"
            ) from error

    # --- the node's copy

    def _taken(self) -> bytes | None:
        """The policy that this node took from the store last."""
        if self._content is not None:
            return self._content[1]
        if self._copy is not None and self._copy.has_policy():
            return self._copy.read_policy()
        return None

    def _own(self) -> bytes | None:
        """That policy; or the one of this node's file, where there is none."""
        taken = self._taken()
        return self._of_file if taken is None else taken

    def _read_copy(self) -> None:
        """Learn what the node has seen, once."""
        if self._has_read_copy:
            return
        if self._copy is not None:
            self._seen = self._copy.seen()
            if self._seen is not None:
                stored = self._copy.what_never_falls()
                self._known = Known(
                    withdrawn=stored.withdrawn,
                    lists=stored.follow_lists,
                    freshness=stored.freshness,
                    contributions=stored.contributions,
                )
        self._has_read_copy = True

    def _copy_instead(self, error: Unreachable) -> Copy:
        """The copy, where the store was never reached since the start.

        :raises Unreachable: there is none; or what is in force is newer than it.
        """
        if self._was_reached or self._copy is None or not self._copy.has_policy():
            raise error
        return self._copy

    def _keep(
        self, head: Head, stored: Stored, lists: dict[str, tuple[FollowList, Event]]
    ) -> tuple[Problem, ...]:
        """Keep a copy of what was read, before it comes into force.

        :return: why it is not kept.
        """
        is_there = hashlib.sha256(stored.content).digest() == head.digest
        if self._copy is None or not is_there:  # or it is a policy that is only looked at
            return ()
        try:
            if head.seen is not None and self._copy.seen() != head.seen:
                content = stored.content
                entry = history.newest_entry(self._link, self._address.fleet, content)
                self._copy.keep(head.seen, entry or _by_hand(content), stored, lists)
        except PolicyError as error:
            return (Problem("", f"what the store holds is not kept here: {error}"),)
        return ()

    # --- changing

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[Step]:
        """See :meth:`.Store.exclusive`. Other nodes respect it.

        :raises Unreachable: the database does not answer, or is older than what was seen.
        """
        with self._held():
            if self._step is not None:
                raise RuntimeError("a step is not reentrant")
            self._step = step = _PostgresStep(self)
            try:
                step.begun()
                yield step
            finally:
                self._step = None
                self._link.undo()
            if step.has_written and self._copy is not None:
                self._keep_what_was_written()

    def _keep_what_was_written(self) -> None:
        """Keep a copy of a change before anybody is told of it: a failover may lose it, and then
        this node is to know.
        """
        try:
            self._read(self._first_lists, None)
        except PolicyError as error:  # the watch keeps it as soon as it can
            log.warning("a change is in the store, and not kept here yet: %s", error)

    def _begin_step(self) -> Head:
        self._link.begin(CHANGING)
        lock_fleet(self._link, self._address.fleet)
        return self._head()

    def _write(self, head: Head, change: Change) -> tuple[Problem, ...]:
        """Write a change and commit it."""
        writing = Writing(self._link, self._address.fleet, head.revision + 1)
        problems = writing.write(change)
        try:
            self._link.commit()
        except Unreachable:
            # It may count all the same: the answer was lost, or the change.
            if not self._is_written(writing):
                raise
        if isinstance(change, ContributionAdded):
            self._given[change.event_id] = change.contribution
        if isinstance(change, PolicyReplaced):
            content = change.entry.content
            self._content, self._uncounted = (hashlib.sha256(content).digest(), content), None
        return problems

    def _is_written(self, writing: Writing) -> bool:
        """Whether a change counts. The transaction that was to make it may not have ended yet: it
        has locked the fleet, and so it is waited for.
        """
        self._link.begin(CHANGING)
        try:
            lock_fleet(self._link, self._address.fleet)
            return is_written(self._link, self._address.fleet, writing.token)
        finally:
            self._link.undo()

    # --- the history

    def how_it_came(
        self, content: bytes, mark: Mark | None, in_force: bytes | None, applied: Freshness
    ) -> How | None:
        """See :meth:`.Store.how_it_came`. Every change is recorded as it is made; so what is not
        was put there by hand.
        """
        try:
            with self._transaction():
                newest = history.newest_digest(self._link, self._address.fleet)
        except Unreachable:
            return None  # it is recorded, or will be
        if newest is None and in_force is None:
            return "start"
        return None if newest == hashlib.sha256(content).digest() else "hand edit"

    def history(self, problems: list[Problem]) -> Iterator[Entry]:
        """See :meth:`.Store.history`."""
        with self._transaction():
            found = list(history.entries(self._link, self._address.fleet, problems))
        yield from found

    def find_entry(self, version_prefix: str) -> Entry:
        """See :meth:`.Store.find_entry`."""
        with self._transaction():
            return history.find_entry(self._link, self._address.fleet, version_prefix)

    def line(self) -> Line:
        """The policies of the history."""
        with self._transaction():
            return history.digests(self._link, self._address.fleet)

    # --- watching

    def watch(self, content: bytes, watcher: Watcher) -> Watch:
        """See :meth:`.Store.watch`."""
        return PostgresWatch(
            self.read_policy_there,
            lambda: self._seen,
            self.listening,
            self._address.fleet,
            content,
            watcher,
        )

    def close(self) -> None:
        """See :meth:`.Store.close`."""
        with self._lock:
            self._link.close()


class _PostgresStep:
    """A step: the fleet's row is locked. Each change in it is committed by itself, and then the
    row is locked again: a change that was made ready before is refused if somebody came between.
    """

    def __init__(self, store: PostgresStore) -> None:
        self._store = store
        self._head: Head | None = None
        self._revision: int | None = None

    def begun(self) -> Head:
        """The newest revision, in a transaction in which nobody else changes the fleet."""
        if self._head is None:
            self._head = self._store._begin_step()
        return self._head

    def read_policy(self) -> bytes:
        """See :meth:`.Step.read_policy`."""
        return self._store.read_policy()

    def read(self, first_lists: FirstLists, policy: bytes | None = None) -> Stored:
        """See :meth:`.Step.read`."""
        return self._store.read(first_lists, policy)

    def apply(self, change: Change) -> tuple[Problem, ...]:
        """See :meth:`.Step.apply`."""
        head = self.begun()
        came_between = self._revision not in (None, head.revision)
        if came_between and not isinstance(change, (FollowListsKept, Recorded)):
            raise Busy(f"somebody else has changed {self._store.name} in between; try again")
        try:
            problems = self._store._write(head, change)
        except BaseException:
            self._store._link.undo()
            raise
        finally:
            self._head = None
        self._revision = head.revision + 1
        return problems

    @property
    def has_written(self) -> bool:
        """Whether it has changed anything."""
        return self._revision is not None


def _by_hand(content: bytes) -> Entry:
    """The entry of a policy that somebody has put into the database by hand."""
    return Entry(version=_NO_VERSION, recorded_at=0, how="hand edit", content=content)


def _older(name: str, head: Head, seen: Seen, newest: Mark | None, copy: Copy | None) -> str:
    moved = "" if copy is None else f". Where the node was of another fleet, remove {copy.folder}"
    since = "" if newest is None else f" of after {newest.created_at} (Unix seconds)"
    return (
        f"{name} lacks changes that were seen here: it is at revision {head.revision}, and "
        f"revision {seen.revision} was seen, or it has others in their place. Bring back the "
        f"database that has them; or say what counts by a policy{since}: an owner's event, or "
        f"`orly-policy publish FILE`{moved}"
    )
