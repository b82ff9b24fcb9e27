"""The store of files: a policy file, what is kept beside it, and how all of that is written so
that a crash at any moment loses nothing.
"""

from .store import FileStore

__all__ = ["FileStore"]
