"""A store in memory that nodes reach over a network which loses, delays and reorders."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import attrs
from state.memory_store import MemoryStore

from orly_policy_plugin.authority.freshness import Freshness, Mark
from orly_policy_plugin.errors import Unreachable
from orly_policy_plugin.plugin import PolicyPlugin
from orly_policy_plugin.policy import Problem
from orly_policy_plugin.settings import Settings
from orly_policy_plugin.state import Entry, How, Stored
from orly_policy_plugin.state.store import Change, FirstLists, Step, Watch, Watcher

Fault = Literal["the commit is lost", "the answer is lost"]


@attrs.define(eq=False)
class Shared:
    """The store, and all lines to it."""

    memory: MemoryStore
    lines: list["Line"] = attrs.Factory(list)

    def notify(self) -> None:
        """Tell every node that something has changed; what is told is no more than a hint."""
        for line in self.lines:
            line.notices.append(self.memory.read_policy())


@attrs.define(eq=False)
class Line:
    """The store, as one node reaches it: a :class:`.Store`. Nothing arrives by itself."""

    shared: Shared
    name: str = "a distant memory"
    is_cut: bool = False
    fault: Fault | None = None
    """Of the next change."""
    before_step: Callable[[], object] | None = None
    """What others do just before the next step begins."""
    notices: list[bytes] = attrs.Factory(list)
    """The policy as it was when each was sent: those that have not arrived."""
    _watch: "_Watch | None" = None

    def __attrs_post_init__(self) -> None:
        self.shared.lines.append(self)

    def arrives(self, number: int) -> None:
        """One of the notices arrives, whichever was sent first."""
        if self.notices:
            notice = self.notices.pop(number % len(self.notices))
            if self._watch is not None and not self.is_cut:
                self._watch.take_up(notice)

    def is_lost(self, number: int) -> None:
        """One of the notices never arrives."""
        if self.notices:
            self.notices.pop(number % len(self.notices))

    def look(self) -> None:
        """Look at the store, as a node does once a second, whatever it has heard."""
        if self._watch is not None and not self.is_cut:
            self._watch.take_up(self.read_policy())

    def _reached(self) -> MemoryStore:
        if self.is_cut:
            raise Unreachable(f"{self.name} does not answer")
        return self.shared.memory

    def has_policy(self) -> bool:
        return self._reached().has_policy()

    def read_policy(self) -> bytes:
        return self._reached().read_policy()

    def read(self, first_lists: FirstLists, policy: bytes | None = None) -> Stored:
        return self._reached().read(first_lists, policy)

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[Step]:
        before, self.before_step = self.before_step, None
        if before is not None:
            before()
        with self._reached().exclusive() as step:
            yield _Step(self, step)

    def how_it_came(
        self, content: bytes, mark: Mark | None, in_force: bytes | None, applied: Freshness
    ) -> How | None:
        return self._reached().how_it_came(content, mark, in_force, applied)

    def history(self, problems: list[Problem]) -> Iterator[Entry]:
        return self._reached().history(problems)

    def find_entry(self, version_prefix: str) -> Entry:
        return self._reached().find_entry(version_prefix)

    def watch(self, content: bytes, watcher: Watcher) -> Watch:
        return _Watch(self, content, watcher)

    def close(self) -> None:
        pass


@attrs.frozen
class _Step:
    line: Line
    step: Step

    def read_policy(self) -> bytes:
        return self.step.read_policy()

    def read(self, first_lists: FirstLists, policy: bytes | None = None) -> Stored:
        return self.step.read(first_lists, policy)

    def apply(self, change: Change) -> tuple[Problem, ...]:
        fault, self.line.fault = self.line.fault, None
        if fault == "the commit is lost":
            raise Unreachable(fault)
        problems = self.step.apply(change)
        self.line.shared.notify()
        if fault == "the answer is lost":
            raise Unreachable(fault)
        return problems


@attrs.define(eq=False)
class _Watch:
    line: Line
    told: bytes
    watcher: Watcher

    def start(self) -> None:
        self.line._watch = self

    def stop(self) -> None:
        self.line._watch = None

    def take_up(self, content: bytes) -> None:
        """As every store's watch: what is dealt with is not told again."""
        if content != self.told:
            if not self.watcher.policy_changed(content):
                return
            self.told = content
        self.watcher.others_changed()


def node_on(line: Line, folder: Path, clock: Callable[[], float]) -> PolicyPlugin:
    """A relay's engine on such a line. What changes elsewhere it obeys as it arrives."""
    settings = Settings(path=folder / "policy.json", missing_follow_lists="warn")
    plugin = PolicyPlugin(settings, store=line, clock=clock)
    plugin._watching.start()
    return plugin
