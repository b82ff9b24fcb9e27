"""Replacing the policy, in an order in which a crash at any moment is safe.

Under the lock:

1. ``freshness.json`` rises to the mark of the file that stands. (A crash may have come between
   steps 3 and 4 of the last time; then this file alone knows its mark, and is about to go.)
2. The file that stands goes into the history.
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
counts, then ``freshness.json`` rises, then it is answered. A withdrawal: its mark, the event's
file goes, ``freshness.json`` rises.

What fails before 3 is raised, and nothing has changed. What fails after 3 changes nothing about
the policy being in force, and is returned.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path

from ..authority.freshness import Freshness
from ..errors import PolicyError
from ..policy.problems import Problem
from .atomic import write_atomically
from .folders import StateFolders
from .freshness_file import raise_freshness
from .history import Entry, History
from .locks import Held
from .policy_mark import mark_of

_DIGITS = 12


def replace_policy(
    folders: StateFolders,
    new: Entry,
    *,
    standing: Entry | None,
    seen: Freshness,
    held: Held,
) -> tuple[Problem, ...]:
    """Put a policy in the place of the one that stands.

    :param new: what to write and record.
    :param standing: the file as it is now, read under the lock; ``None`` where there is none.
    :param seen: the marks as they are once the new policy stands.
    :return: what could not be kept although the new policy stands; for the log.
    :raises PolicyError: nothing has changed.
    """
    history = History(folders.history)
    if standing is not None:
        mark = mark_of(standing.content)
        raise_freshness(folders.history, Freshness(owner=mark), held)
        history.record(standing, held)
    write_atomically(folders.policy_file, new.content)
    return _afterwards(
        lambda: raise_freshness(folders.history, seen, held),
        lambda: history.record(new, held),
    )


def keep_unusable(folders: StateFolders, content: bytes, now: int, held: Held) -> Path:
    """Keep what is no policy and is about to be replaced: the history takes policies only.

    :param now: Unix seconds.
    :return: where it is kept.
    :raises UnwritableFile: it is not kept.
    """
    held.check(folders.history)
    digest = hashlib.sha256(content).hexdigest()[:_DIGITS]  # two may come in one second
    kept = folders.history / f"unusable-{now}-{digest}.json"
    write_atomically(kept, content)
    return kept


def _afterwards(*steps: Callable[[], object]) -> tuple[Problem, ...]:
    problems = []
    for step in steps:
        try:
            step()
        except PolicyError as error:
            problems.append(Problem("", str(error)))
    return tuple(problems)
