"""The files of scripts: where they are, and whether they can be run (section 5 of the spec)."""

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ..policy import InvalidPolicy, Policy, Problem, scripts_of
from .endings import is_ours

FOLDER_NAME: Final = "scripts"
"""A folder beside the policy file. A policy in a signed event may name the scripts in it."""

_FIRST_LINE_BYTES: Final = 256


FileId = tuple[int, ...] | None
"""Numbers of which one differs when a file was changed; ``None``: there is no file."""


def identify(path: Path) -> FileId:
    """The file's identity as it is now."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


class FollowedFile:
    """A file whose change counts once the file has settled: a save is seldom one step.

    Seconds are of any clock.
    """

    def __init__(self, path: Path, now: float) -> None:
        self._path = path
        self._seen: FileId = None
        self._since = now

    def look(self, now: float) -> FileId:
        """Return the file's identity as it is now, and take it as :attr:`seen` from now on."""
        self._seen, self._since = identify(self._path), now
        return self._seen

    def has_settled(self, now: float, changed_seconds: float, gone_seconds: float) -> bool:
        """Look at the file, and say whether it has not changed for so many seconds.

        :param gone_seconds: counts where there is no file.
        """
        if identify(self._path) != self._seen:
            self.look(now)
        return now - self._since >= (changed_seconds if self._seen else gone_seconds)

    @property
    def seen(self) -> FileId:
        """The file's identity when it was last looked at."""
        return self._seen


def script_path(folder: Path, script: str) -> Path:
    """The absolute path of a script.

    :param folder: the policy file's.
    :param script: as the policy file names it.
    """
    return (folder / script).absolute()


def check_scripts(policy: Policy, folder: Path) -> None:
    """Refuse a policy that names a script which cannot be run.

    :param folder: of the policy file.
    :raises InvalidPolicy: with every place that names one, and what is wrong with it.
    """
    problems = [
        Problem(place, f"{script!r} {wrong}")
        for place, script in scripts_of(policy)
        if (wrong := why_not_run(script_path(folder, script)))
    ]
    if problems:
        raise InvalidPolicy(problems)


def why_not_run(path: Path) -> str | None:
    """Say why a file cannot be run as a script; ``None`` where nothing is seen to prevent it."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return f"cannot be looked at: {error.strerror}"
        return "is a symlink that leads nowhere" if path.is_symlink() else "is not there"
    if not stat.S_ISREG(mode):
        return "is a directory" if stat.S_ISDIR(mode) else "is no ordinary file"
    if not os.access(path, os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        return "may not be executed by this user; chmod +x it"
    return _why_no_interpreter(path)


def _why_no_interpreter(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            first_line = file.read(_FIRST_LINE_BYTES).split(b"\n")[0]
    except PermissionError:
        return None  # a program need not be readable
    except OSError as error:
        return None if is_ours(error) else f"cannot be read: {error.strerror}"
    if not first_line.startswith(b"#!"):
        return None
    if first_line.endswith(b"\r"):
        return "has Windows line ends, so its first line names no interpreter; make them Unix ones"
    words = os.fsdecode(first_line[2:]).split()
    if not words:
        return "names no interpreter in its first line; write '#!/bin/sh' or the like"
    return (
        None
        if Path(words[0]).exists()
        else f"is for the interpreter {words[0]!r}, which is not there"
    )


def known_scripts(policy: Policy, folder: Path) -> frozenset[str]:
    """The scripts that a policy in a signed event may name, as it would write them: those that
    the local policy names, and those in the folder ``scripts`` beside it.
    """
    named = {script for _, script in scripts_of(policy)}
    return frozenset(named | set(_in_the_folder(folder / FOLDER_NAME)))


def _in_the_folder(folder: Path) -> Iterator[str]:
    try:
        held = sorted(folder.absolute().iterdir())
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return
    for path in held:
        yield f"{FOLDER_NAME}/{path.name}"
        yield str(path)
