"""Paths of Unix sockets, of which the system takes some hundred characters."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def short_path(folder: Path, name: str) -> Iterator[str]:
    """A socket's path in the few characters that the system takes, where it knows such paths.

    :raises OSError: the folder cannot be opened.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        own = Path(f"/proc/self/fd/{descriptor}")
        yield str((own if own.exists() else folder) / name)
    finally:
        os.close(descriptor)
