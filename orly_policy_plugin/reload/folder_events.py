"""Hints that something happened in a folder, from the system's file events."""

import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import attrs
from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver, ObservedWatch

from orly_policy_hookspecs.logs import get_log

from .watched_folders import FolderId

log = get_log(__name__)

_WRITTEN: Final = FileClosedEvent if sys.platform == "linux" else FileModifiedEvent
"""A writer has closed the file. A single write does not hint, for a database may lie in the same
folder; a file that stays open while it is written is seen at the next heartbeat.
"""
_CHANGES: Final[list[type[FileSystemEvent]]] = [
    FileCreatedEvent,
    _WRITTEN,
    FileMovedEvent,
    FileDeletedEvent,
    DirCreatedEvent,
    DirMovedEvent,
    DirDeletedEvent,
]
"""The events that the system is asked for. Two kinds are left out: what reading a file raises, or
each reading of the watcher's would hint at the next one; and the change of a folder itself, which
watchdog adds to each of these."""


class _Hinting(FileSystemEventHandler):
    """Takes an event for a hint, whichever file it names: a ConfigMap's swap names another one."""

    def __init__(self, hint: threading.Event) -> None:
        self._hint = hint

    def on_any_event(self, event: FileSystemEvent) -> None:
        self._hint.set()


@attrs.frozen
class _Armed:
    folder_id: FolderId
    watch: ObservedWatch


class FolderEvents:
    """Sets ``hint`` when something happens in one of the folders that it follows.

    Where the system has no file events to give (inotify's watches or instances are exhausted),
    it warns once in the log, and never hints. It is used from one thread.
    """

    def __init__(self, hint: threading.Event, name: str) -> None:
        """
        :param hint: is set, and never cleared.
        :param name: of the thread that sets it.
        """
        self._handler = _Hinting(hint)
        self._name = name
        self._observer: BaseObserver | None = None
        self._armed: dict[Path, _Armed] = {}

    def start(self) -> None:
        """Start the threads. They follow nothing yet."""
        try:
            self._observer = Observer()
            self._observer.name = self._name
            self._observer.start()
        except (OSError, RuntimeError) as error:
            self._give_up(error)

    def stop(self) -> None:
        """Follow nothing any more, and return when the threads have ended. May be called again."""
        observer, self._observer = self._observer, None
        self._armed.clear()
        if observer is not None:
            observer.stop()
            if observer.is_alive():
                observer.join()

    def follow(self, folders: Mapping[Path, FolderId]) -> None:
        """Follow these folders and no others.

        A folder that was removed and created again is armed anew: its old watch is dead.
        """
        if self._observer is None:
            return
        try:
            self._disarm_all_but(folders, self._observer)
            self._arm_missing(folders, self._observer)
        except (OSError, RuntimeError) as error:
            self._give_up(error)

    def _disarm_all_but(self, folders: Mapping[Path, FolderId], observer: BaseObserver) -> None:
        # A new folder often gets the inode number of the one just removed, so that the number
        # alone does not tell them apart. Watchdog ends the emitter of a folder that was removed.
        live = {emitter.watch for emitter in observer.emitters if emitter.is_alive()}
        for folder, armed in tuple(self._armed.items()):
            if folders.get(folder) != armed.folder_id or armed.watch not in live:
                del self._armed[folder]
                observer.unschedule(armed.watch)

    def _arm_missing(self, folders: Mapping[Path, FolderId], observer: BaseObserver) -> None:
        for folder in folders.keys() - self._armed.keys():
            try:
                watch = observer.schedule(self._handler, str(folder), event_filter=_CHANGES)
            except (FileNotFoundError, NotADirectoryError):
                continue  # removed meanwhile: the next look asks for other folders
            self._armed[folder] = _Armed(folders[folder], watch)

    def _give_up(self, error: Exception) -> None:
        log.warning("the system gives no file events, so changes are polled for: %s", error)
        self.stop()
