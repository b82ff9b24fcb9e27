"""Writing a change, in an order in which a crash at any moment is safe.

A policy, under the lock:

1. ``freshness.json`` rises to the marks as they are, that of the file that is there among them.
   (A crash may have come between steps 3 and 4 of the last time; then this file alone knows its
   mark, and is about to go.)
2. The file that is there goes into the history.
3. The new file is renamed over it, its mark inside: **this is when the policy changes.**
4. ``freshness.json`` rises to the new marks.
5. The new file goes into the history.
6. Only then is anybody told.

A crash before 3 leaves the old policy and its marks, and at most an entry in the history that is
true anyway. A crash after 3 leaves the new policy; what was not done yet, whoever loads it can do
from the file, which names its event: the higher of the file's mark and ``freshness.json`` counts,
and a content that is not the newest entry is recorded. So at any moment the marks together are as
high as that of the last policy in force, and every content that was ever in force is in the file
or in the history.

A contribution goes the same way: its event's file is renamed into its folder, which is when it
counts, then ``freshness.json`` rises, then it is recorded, then what it replaces is withdrawn. A
withdrawal: ``freshness.json`` rises, its mark is written, which is when it counts, the event's
file goes, then it is recorded.

What fails before a change counts is raised, and nothing has changed. What fails afterwards changes
nothing about that, and is returned.
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Final

import attrs

from ...atomic import write_atomically
from ...authority.freshness import Freshness
from ...errors import PolicyError
from ...policy.problems import Problem
from ..entry import Entry
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
from .contribution_files import ContributionFiles
from .folders import StateFolders
from .follow_files import FollowFiles
from .freshness_file import FreshnessFile
from .history_files import History
from .locks import Held

_DIGITS: Final = 12

Problems = tuple[Problem, ...]


@attrs.frozen
class Commit:
    """Writes one change at a time, under the lock."""

    folders: StateFolders
    contributions: ContributionFiles
    follows: FollowFiles
    marks: FreshnessFile
    history: History
    held: Held

    def apply(self, change: Change) -> Problems:
        """Write a change: see :meth:`.Step.apply`."""
        match change:
            case PolicyReplaced():
                return self._replace_policy(change)
            case ContributionAdded():
                return self._add(change)
            case ContributionsWithdrawn():
                return self._withdraw(change)
            case FollowListsKept():
                return self._keep(change)
            case Recorded():
                return self._record(change)

    def _replace_policy(self, change: PolicyReplaced) -> Problems:
        kept: Problems = ()
        if change.before is not None:
            self._raise_marks(change.freshness_before)
            self.history.record(change.before, self.held)
        if change.unusable is not None:
            kept = (self._keep_aside(change.unusable, change.entry.recorded_at),)
        write_atomically(self.folders.policy_file, change.entry.content)
        return (*kept, *self._afterwards(change.freshness, change.entry))

    def _keep_aside(self, content: bytes, now: int) -> Problem:
        """Keep what is no policy and is about to be replaced: the history takes policies only.
        Its mark counts all the same, as in a file that can be used.
        """
        self._raise_marks(Freshness(mark_of(content)))
        digest = hashlib.sha256(content).hexdigest()[:_DIGITS]  # two may come in one second
        kept = self.folders.history / f"unusable-{now}-{digest}.json"
        write_atomically(kept, content)
        return Problem("", f"what was in the policy file could not be used; it is kept as {kept}")

    def _add(self, change: ContributionAdded) -> Problems:
        self.contributions.add(change.event_id, change.contribution)  # now it counts
        return _problems(
            "a contribution is in force, but: ",
            *self._marks_and_record(change.freshness, change.entry),
            lambda: self._mark_withdrawn(change.replaces),
        )

    def _withdraw(self, change: ContributionsWithdrawn) -> Problems:
        self._raise_marks(change.freshness)
        self._mark_withdrawn(change.withdrawn)  # from now on they do not count
        return _problems(
            "a contribution is withdrawn, but: ",
            lambda: self.history.record(change.entry, self.held),
        )

    def _keep(self, change: FollowListsKept) -> Problems:
        self.follows.keep_newer(change.lists)
        return ()

    def _record(self, change: Recorded) -> Problems:
        return self._afterwards(change.freshness, change.entry)

    def _afterwards(self, freshness: Freshness, entry: Entry) -> Problems:
        return _problems(
            "the policy's history is not kept: ", *self._marks_and_record(freshness, entry)
        )

    def _marks_and_record(
        self, freshness: Freshness, entry: Entry
    ) -> tuple[Callable[[], object], ...]:
        return (
            lambda: self._raise_marks(freshness),
            lambda: self.history.record(entry, self.held),
        )

    def _raise_marks(self, freshness: Freshness) -> None:
        self.marks.raise_to(freshness, self.held)

    def _mark_withdrawn(self, withdrawn: Mapping[str, Withdrawn]) -> None:
        for event_id, remembered in withdrawn.items():
            self.contributions.withdraw(event_id, remembered)


def _problems(what: str, *steps: Callable[[], object]) -> Problems:
    """Do each step, whatever became of the others, and return what failed."""
    problems = []
    for step in steps:
        try:
            step()
        except PolicyError as error:
            problems.append(Problem("", f"{what}{error}"))
    return tuple(problems)
