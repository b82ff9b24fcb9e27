"""The policy file of a node whose policy is in a store elsewhere: what the operator saves there
goes into the store.
"""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from orly_policy_hookspecs.logs import get_log

from ..errors import PolicyError
from ..policy import InvalidPolicy, Problem
from ..policy_file import read_policy_file
from ..reload import ContentLook, FileWatcher
from ..settings import Settings
from ..state import Store
from ..state.rollouts import Line, first_place, later_place, newest_place
from .in_force import InForce
from .replacing import replace_policy

log = get_log(__name__)


class StoreOfFleet(Store, Protocol):
    """A store that many nodes share."""

    def line(self) -> Line:
        """The policies that were in it."""


class UnknownFile(PolicyError):
    """The policy file of a node says what the store never had."""


class OperatorsFile:
    """The file, which need not be there."""

    def __init__(self, settings: Settings, store: StoreOfFleet, content: bytes | None) -> None:
        """:param content: the file's; ``None`` where there is none."""
        self._path = settings.path.absolute()
        self._most_bytes = settings.largest_policy_bytes
        self._store = store
        self._content = content
        self._place: int | None = None
        self._watcher: FileWatcher | None = None

    @classmethod
    def read(cls, settings: Settings) -> bytes | None:
        """The content of the file that the settings name; ``None`` where there is none.

        :raises Unreadable: it is there and cannot be read.
        """
        if not settings.path.is_symlink() and not settings.path.exists():
            return None
        return read_policy_file(settings.path, settings.largest_policy_bytes)

    def first_policy(self) -> bytes | None:
        """At start: the content that goes into the store, which has no policy yet. Called in a
        step.

        :return: ``None`` where the store has one, and the file has no other.
        :raises UnknownFile: it has another, which the store never had.
        """
        if not self._store.has_policy():
            self._place = _next_place(self._store.line())
            return self._content
        if self._content is not None:
            self._place = first_place(self._content, self._store.line())
            if self._place is None and self._content != self._store.read_policy():
                raise UnknownFile(_unknown(self._path, self._store.name))
        return None

    def start(self, force: InForce) -> None:
        """Follow the file from now on. May be called again."""
        if self._watcher is None:
            look = ContentLook(
                self._path,
                self._content,
                lambda content: self._saved(content, force),
                lambda _: None,  # that it is gone says nothing of the policy
                read=lambda: read_policy_file(self._path, self._most_bytes),
            )
            self._watcher = FileWatcher((look,))
            self._watcher.start()

    def stop(self) -> None:
        """Stop following it."""
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher.stop()

    def _saved(self, content: bytes, force: InForce) -> bool:
        """The file has another content.

        :return: whether that is dealt with: else it is told again.
        """
        try:
            replace_policy(force, content, self._is_edit(content))
        except InvalidPolicy as error:
            force.refused(error.problems)
        except PolicyError as error:  # not the file's fault: it may be over in a while
            force.refused((Problem("", f"{self._path} is not in the store yet: {error}"),))
            return False
        self._content = content
        return True

    def _is_edit(self, content: bytes) -> Callable[[], bool]:
        """Whether the content is an edit, once nobody else changes the store."""

        def is_edit() -> bool:
            line = self._store.line()
            if self._store.has_policy() and self._store.read_policy() == content:
                self._place = newest_place(content, line)
                return False
            later = later_place(content, self._place, line)
            if later is None:
                self._place = _next_place(line)
                return True
            self._place = later
            log.warning(
                "%s has what the store had before, and changes nothing; `orly-policy rollback` "
                "puts a version back",
                self._path,
            )
            return False

        return is_edit


def _next_place(line: Line) -> int:
    return max((number for number, _ in line), default=0) + 1


def _unknown(path: Path, store: str) -> str:
    file = shlex.quote(str(path))
    return (
        f"{path} says what {store} never had, so nobody knows which of them counts. If the file "
        f"does: `orly-policy publish {file} --store URL`; if the store does: `mv {file} "
        f"{file}.old`"
    )
