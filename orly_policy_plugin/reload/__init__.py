"""Watching the content of the policy file and of named lists, and the folders beside it.

::

    watcher                the thread: looks after a hint, and at every heartbeat
     +-- folder_events     the hints: watchdog on the folders that matter
     +-- watched_folders   which folders those are, symlinks and missing ones included
    file_watcher           follows files
     +-- content_look      a look at one file: its content, once it has settled
     +-- settling          reads no half-written file
     +-- last_reading      when to read again a file that looks unchanged
    folder_watcher         a look at folders: which files they list

An event is a hint; what is read from the disk decides. No library decides it for us. Watchdog says
that something happened, maybe several times for one save, and nothing more once a watched folder
was replaced. Watchfiles groups such events by time; it too passes on a half-written file, and
loses a folder that is replaced and a symlink that is switched in the middle of a path.
"""

from .content_look import ContentLook
from .file_watcher import FileWatcher
from .folder_watcher import FolderWatcher

__all__ = ["ContentLook", "FileWatcher", "FolderWatcher"]
