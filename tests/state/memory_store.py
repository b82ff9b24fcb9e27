"""A store that forgets when it ends, for tests: what the port asks for, and nothing more."""

import contextlib
import threading
from collections.abc import Iterator, Mapping

import attrs

from orly_policy_plugin.authority.freshness import Freshness, Mark
from orly_policy_plugin.errors import Busy, Unreadable
from orly_policy_plugin.policy import Problem
from orly_policy_plugin.state import Entry, How, Stored
from orly_policy_plugin.state.entry import meant_version
from orly_policy_plugin.state.store import (
    Change,
    ContributionAdded,
    ContributionsWithdrawn,
    FirstLists,
    FollowListsKept,
    PolicyReplaced,
    Step,
    Watch,
    Watcher,
    Withdrawn,
)

NOT_THERE = "memory is empty"


class MemoryStore:
    """One policy in memory. Whoever puts one there by hand uses :meth:`edit`."""

    name = "memory"

    def __init__(self, content: bytes | None = None, *, timeout_seconds: float = 10) -> None:
        self._timeout_seconds = timeout_seconds
        self._lock = threading.Lock()
        self._policy = content
        self._stored = Stored(content=b"")  # what is beside the policy
        self._recorded: list[Entry] = []
        self._watchers: list[Watcher] = []

    def edit(self, content: bytes | None) -> None:
        """Another hand puts a policy there, or takes it away."""
        self._policy = content
        for watcher in tuple(self._watchers):
            if content is None:
                watcher.policy_lost(Unreadable(NOT_THERE))
            else:
                watcher.policy_changed(content)

    def has_policy(self) -> bool:
        return self._policy is not None

    def read_policy(self) -> bytes:
        if self._policy is None:
            raise Unreadable(NOT_THERE)
        return self._policy

    def read(self, first_lists: FirstLists, policy: bytes | None = None) -> Stored:
        content = self.read_policy() if policy is None else policy
        first_lists(content)
        return attrs.evolve(self._stored, content=content)

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[Step]:
        if not self._lock.acquire(timeout=self._timeout_seconds):
            raise Busy("another thread holds the memory")
        try:
            yield self
        finally:
            self._lock.release()

    def apply(self, change: Change) -> tuple[Problem, ...]:
        match change:
            case PolicyReplaced():
                if change.before is not None:
                    self._raise(change.freshness_before)
                    self._record(change.before)
                self._policy = change.entry.content
            case ContributionAdded() if change.event_id not in self._stored.withdrawn:
                added = {change.event_id: change.contribution}
                self._stored = attrs.evolve(
                    self._stored, contributions={**self._stored.contributions, **added}
                )
                self._withdraw(change.replaces)
            case ContributionsWithdrawn():
                self._withdraw(change.withdrawn)
            case FollowListsKept():
                lists = dict(self._stored.follow_lists)
                for author, (newer, _) in change.lists.items():
                    if newer.replaces(lists.get(author)):
                        lists[author] = newer
                self._stored = attrs.evolve(self._stored, follow_lists=lists)
                return ()
        self._raise(change.freshness)
        self._record(change.entry)
        return ()

    def _raise(self, freshness: Freshness) -> None:
        raised = self._stored.freshness.raised(freshness)
        self._stored = attrs.evolve(self._stored, freshness=raised)

    def _withdraw(self, gone: Mapping[str, Withdrawn]) -> None:
        if gone:
            left = {k: each for k, each in self._stored.contributions.items() if k not in gone}
            withdrawn = {**self._stored.withdrawn, **gone}
            self._stored = attrs.evolve(self._stored, contributions=left, withdrawn=withdrawn)

    def _record(self, entry: Entry) -> None:
        if self._recorded:
            newest = self._recorded[-1]
            if (newest.version, newest.content) == (entry.version, entry.content):
                return
        self._recorded.append(entry)

    def how_it_came(
        self, content: bytes, mark: Mark | None, in_force: bytes | None, applied: Freshness
    ) -> How | None:
        if in_force is None and not self._recorded:
            return "start"
        newest = self._recorded[-1].content if self._recorded else None
        return None if newest == content else "hand edit"

    def history(self, problems: list[Problem]) -> Iterator[Entry]:
        yield from reversed(tuple(self._recorded))

    def find_entry(self, version_prefix: str) -> Entry:
        entries = self._recorded[::-1]
        version = meant_version(version_prefix, [entry.version for entry in entries])
        return next(entry for entry in entries if entry.version == version)

    def watch(self, content: bytes, watcher: Watcher) -> Watch:
        return _Watch(self, content, watcher)

    def close(self) -> None:
        pass


@attrs.frozen
class _Watch:
    store: MemoryStore
    content: bytes
    watcher: Watcher

    def start(self) -> None:
        self.store._watchers.append(self.watcher)
        if self.store.has_policy() and self.store.read_policy() != self.content:
            self.watcher.policy_changed(self.store.read_policy())
        self.watcher.others_changed()

    def stop(self) -> None:
        if self.watcher in self.store._watchers:
            self.store._watchers.remove(self.watcher)
