"""Reading the file of a named list."""

import os
from pathlib import Path
from typing import Final

from ..counted import counted
from ..errors import Unreadable
from ..ordinary_files import ordinary_file
from ..policy import ListSource

MOST_BYTES: Final = 256 * 1024 * 1024
"""Of a list's file: some four million keys."""


def read_file(source: ListSource, folder: Path) -> bytes:
    """The content of a list's file.

    :param folder: the policy file's.
    :raises Unreadable: it cannot be read.
    """
    path = source.path
    assert path is not None
    with ordinary_file(folder / path, path) as file:
        # Not so many bytes at once: Python sets aside the memory for them before it reads.
        if os.fstat(file.fileno()).st_size <= MOST_BYTES:
            return file.read()
    raise Unreadable(f"{path} is over {counted(MOST_BYTES, 'byte')}")
