"""A policy in a file, and what is kept of it in folders beside the file."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import attrs

from ...authority.freshness import Freshness, Mark
from ...policy import Problem
from ...policy_file import MOST_POLICY_BYTES, read_policy_file
from ...reload import ContentLook, FileWatcher, FolderWatcher
from ..entry import Entry, How
from ..store import Change, FirstLists, Step, Stored, Watch, Watcher
from .arrival import how_it_came
from .commit import Commit
from .contribution_files import ContributionFiles
from .folders import StateFolders
from .follow_files import FollowFiles
from .freshness_file import FreshnessFile
from .history_files import History
from .locks import Held, exclusive


class FileStore:
    """The store of one policy file (sections 7 to 9 of the spec): a :class:`.Store`.

    Nothing is there until something is written. Where the policy file is a symlink, its state lies
    beside the link: what the link leads to may be another file tomorrow.
    """

    def __init__(
        self,
        policy_file: Path,
        state_folder: Path | None = None,
        *,
        most_bytes: int = MOST_POLICY_BYTES,
    ) -> None:
        """:param state_folder: the policy file's own folder where ``None``.
        :param most_bytes: a larger policy file cannot be read.
        """
        root = state_folder or policy_file.absolute().parent
        self._folders = StateFolders(policy_file, root)
        self._most_bytes = most_bytes
        self._contributions = ContributionFiles(self._folders.contributions)
        self._follows = FollowFiles(self._folders.follows)
        self._marks = FreshnessFile(self._folders.history)
        self._history = History(self._folders.history, self._folders.policy_file)

    @property
    def name(self) -> str:
        """The path of the policy file."""
        return str(self._folders.policy_file)

    def has_policy(self) -> bool:
        """See :meth:`.Store.has_policy`. What cannot be looked at may be there."""
        try:
            return self._folders.policy_file.exists()
        except OSError:
            return True

    def read_policy(self) -> bytes:
        """See :meth:`.Store.read_policy`."""
        return read_policy_file(self._folders.policy_file, self._most_bytes)

    def read(self, first_lists: FirstLists, policy: bytes | None = None) -> Stored:
        """See :meth:`.Store.read`."""
        content = self.read_policy() if policy is None else policy
        first = first_lists(content)
        contributions = self._contributions.read()
        follows = self._follows.read(first)
        return Stored(
            content=content,
            contributions=contributions.contributions,
            withdrawn=contributions.withdrawn,
            follow_lists=follows.lists,
            freshness=self._marks.load(),
            problems=(*contributions.problems, *follows.problems),
        )

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[Step]:
        """See :meth:`.Store.exclusive`. Other processes on the machine respect it."""
        with exclusive(self._folders.lock_file) as held:
            yield _FileStep(self, self._commit_under(held))

    def _commit_under(self, held: Held) -> Commit:
        return Commit(
            folders=self._folders,
            contributions=self._contributions,
            follows=self._follows,
            marks=self._marks,
            history=self._history,
            held=held,
        )

    def how_it_came(
        self, content: bytes, mark: Mark | None, in_force: bytes | None, applied: Freshness
    ) -> How | None:
        """See :meth:`.Store.how_it_came`."""
        marks = applied.raised(self._marks.load())
        return how_it_came(content, mark, self._history.newest_content(), in_force, marks)

    def history(self, problems: list[Problem]) -> Iterator[Entry]:
        """See :meth:`.Store.history`."""
        return self._history.entries(problems)

    def find_entry(self, version_prefix: str) -> Entry:
        """See :meth:`.Store.find_entry`."""
        return self._history.find(version_prefix)

    def watch(self, content: bytes, watcher: Watcher) -> Watch:
        """See :meth:`.Store.watch`."""
        folders = (self._folders.contributions, self._folders.follows)
        policy = ContentLook(
            self._folders.policy_file,
            content,
            watcher.policy_changed,
            watcher.policy_lost,
            read=self.read_policy,
        )
        return _FileWatch((FileWatcher((policy,)), FolderWatcher(folders, watcher.others_changed)))

    def close(self) -> None:
        """See :meth:`.Store.close`. Nothing is held open."""


@attrs.frozen
class _FileStep:
    """A step under the lock."""

    _store: FileStore
    _commit: Commit

    def read_policy(self) -> bytes:
        """See :meth:`.Step.read_policy`."""
        return self._store.read_policy()

    def read(self, first_lists: FirstLists, policy: bytes | None = None) -> Stored:
        """See :meth:`.Step.read`."""
        return self._store.read(first_lists, policy)

    def apply(self, change: Change) -> tuple[Problem, ...]:
        """See :meth:`.Step.apply`."""
        return self._commit.apply(change)


@attrs.frozen
class _FileWatch:
    """The watchers of the file and of the folders beside it."""

    _watchers: tuple[FileWatcher | FolderWatcher, ...]

    def start(self) -> None:
        """See :meth:`.Watch.start`."""
        for watcher in self._watchers:
            watcher.start()

    def stop(self) -> None:
        """See :meth:`.Watch.stop`."""
        for watcher in self._watchers:
            watcher.stop()
