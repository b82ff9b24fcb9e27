from .watcher import FileWatcher

__all__ = ["FileWatcher"]
