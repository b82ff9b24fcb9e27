"""Files of a JSON value a line, plain or gzipped, and standard input: read line by line."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, Final

from orly_policy_plugin.errors import PolicyError

from .inputs import MOST_BYTES, TOO_LARGE, opened, shown_name

_GZIP: Final = b"\x1f\x8b"


class UnreadableLines(PolicyError):
    """A file that cannot be read, or not beyond some line. The text names both."""

    def __init__(self, where: str, problem: str) -> None:
        self.where, self.problem = where, problem
        super().__init__(f"{where}: {problem}")


def lines_of(path: Path, most_text_bytes: int | None = None) -> Iterator[bytes]:
    """The lines of a file, unzipped where its content is zipped, whatever its name says.

    :param path: ``-`` is standard input.
    :param most_text_bytes: of all lines together, once they are unzipped: a few kilobytes can be
        gigabytes zipped. ``None``: no bound.
    :raises UnreadableLines: it cannot be read, or not to its end.
    """
    name, number = shown_name(path), 0
    try:
        with opened(path) as file, _unzipped(file) as source:
            for line in _bounded(name, source, most_text_bytes):
                number += 1
                yield line
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        where = f"{name}, after line {number}"
        raise UnreadableLines(where, f"the gzip file is damaged: {error}") from error
    except OSError as error:
        raise UnreadableLines(name, error.strerror or str(error)) from error


def _unzipped(file: BufferedReader) -> AbstractContextManager[BinaryIO | gzip.GzipFile]:
    zipped = file.peek(len(_GZIP)).startswith(_GZIP)
    return gzip.open(file) if zipped else nullcontext(file)


def _bounded(
    name: str, file: BinaryIO | gzip.GzipFile, most_text_bytes: int | None
) -> Iterator[bytes]:
    """:raises UnreadableLines: a line, or all of them together, is too large."""
    left, number = most_text_bytes, 0
    most = MOST_BYTES + 1
    while line := file.readline(most if left is None else min(MOST_BYTES, left) + 1):
        number += 1
        if len(line) > MOST_BYTES:
            raise UnreadableLines(f"{name}, line {number}", TOO_LARGE)
        if left is not None:
            left -= len(line)
            if left < 0:
                assert most_text_bytes is not None
                many = f"the text is over {most_text_bytes >> 20} MiB; make it several files"
                raise UnreadableLines(f"{name}, line {number}", many)
        yield line
