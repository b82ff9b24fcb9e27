"""Following the files of the lists that the policy in force names (section 14 of the spec)."""

import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

from orly_policy_hookspecs.logs import get_log

from ..errors import PolicyError, Unreadable
from ..lists import KnownList, read_file
from ..policy import ListSource
from ..policy.named_lists import list_in_words
from ..reload import ContentLook, FileWatcher
from .in_force import InForce

log = get_log(__name__)

THREAD_NAME: Final = "orly-policy-lists"


class NamedLists:
    """Puts in force what the files of named lists say, while it is running.

    :param noticed: called when something is newly wrong with a file, or right again.
    """

    def __init__(self, force: InForce, noticed: Callable[[], None]) -> None:
        self._force = force
        self._noticed = noticed
        self._lock = threading.Lock()
        self._looks: dict[ListSource, ContentLook] = {}
        self._watcher: FileWatcher | None = None
        self._is_running = False

    def start(self) -> None:
        """Follow the files from now on; what has changed since they were read counts. Starts
        threads where there are any.
        """
        with self._lock:
            self._is_running = True
        self.follow()

    def stop(self) -> None:
        """Stop following them; no thread is left on return."""
        with self._lock:
            self._is_running = False
            watcher, self._watcher = self._watcher, None
            self._looks = {}
        if watcher is not None:
            watcher.stop()

    def follow(self) -> None:
        """Follow the files of the lists that are in force now, and no others."""
        with self._lock:
            lists = self._force.snapshot.policy.lists.values()
            sources = frozenset(source for source in lists if source.path is not None)
            if not self._is_running or sources == self._looks.keys():
                return
            self._looks = {
                source: self._looks.get(source) or self._look_at(source) for source in sources
            }
            files = tuple(self._looks.values())
            if self._watcher is not None:
                self._watcher.follow(files)
            else:
                self._watcher = FileWatcher(files, THREAD_NAME)
                self._watcher.start()

    def _look_at(self, source: ListSource) -> ContentLook:
        assert source.path is not None
        return ContentLook(
            self._force.lists_from / source.path,
            None,
            partial(self._changed, source),
            partial(self._lost, source),
            read=partial(self._read, source),
        )

    def _read(self, source: ListSource) -> bytes:
        content = read_file(source, self._force.lists_from)
        self._force.lists.prepare(source, content)
        return content

    def _changed(self, source: ListSource, content: bytes) -> bool:
        self._take(source, content)
        return True

    def _lost(self, source: ListSource, error: PolicyError) -> None:
        assert isinstance(error, Unreadable)
        self._take(source, error)

    def _take(self, source: ListSource, report: bytes | Unreadable) -> None:
        before, now = self._force.lists.take(source, report)
        old = self._force.snapshot
        names = [name for name, of in old.policy.lists.items() if of == source]
        # Not told by what was known before: that may have failed to come into force.
        if now.keys is not None and any(old.lists[name] is not now.keys for name in names):
            self._force.load_lists()
        if now.problems != before.problems:
            self._tell(names, now)
            self._force.note_lists()
            self._noticed()

    def _tell(self, names: Iterable[str], now: KnownList) -> None:
        """Log what is wrong with a list's file, or no longer is."""
        for name in names:
            if now.problems:
                told = "; ".join(map(str, now.problems))
                log.warning("the list %s stays as it is: %s", self._in_words(name), told)
            else:
                # As loud as the warning that it ends.
                log.warning("the list %s can be read again", self._in_words(name))

    def _in_words(self, name: str) -> str:
        return list_in_words(name, self._force.snapshot.lists)
