"""Following a file's content: events are hints, the bytes are the truth.

::

    watcher           the thread: looks when hinted or when the heart beats, and reports
     +-- folder_events     the hints: watchdog on the folders that matter
     |    +-- watched_folders   which folders those are, symlinks and missing ones included
     +-- settling          reading no half-written file
     +-- knowledge         when the file must be read again
    folder_watcher    the same for folders of files that are renamed into place
"""

from .folder_watcher import FolderWatcher
from .watcher import FileWatcher

__all__ = ["FileWatcher", "FolderWatcher"]
