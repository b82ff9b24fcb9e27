"""The folders that matter for a path: a change in one of them may make it lead elsewhere."""

import os
import stat
from pathlib import Path
from typing import Final

FolderId = tuple[int, int]
"""Device and inode. They stay when a folder is renamed, and differ when it is replaced."""

_MOST_LINKS: Final = 40
"""Symlinks followed in one path, as in Linux."""


def watched_folders(*paths: Path) -> dict[Path, FolderId]:
    """The real folders to watch for some absolute paths, as they are now.

    They are the folder that a path leads to, or the one in which the file lies that it leads to,
    and the folder of every symlink on the way, be it the last component or one in between. For a
    missing folder it is the nearest one above that exists. The folders' own paths go through no
    symlink.
    """
    folders = {folder for path in paths for folder in _folders(path)}
    return {Path(folder): known for folder in folders if (known := _folder_id(folder))}


def _folders(path: Path) -> set[str]:
    # Not by pathlib, which takes twice as long for what is done four times a second.
    folders = set()
    here, ahead, links = path.anchor, _reversed_parts(path), 0
    while ahead and links <= _MOST_LINKS:
        name = ahead.pop()
        step = os.path.dirname(here) if name == ".." else os.path.join(here, name)  # noqa: PTH118, PTH120
        try:
            mode = os.lstat(step).st_mode
            target = os.readlink(step) if stat.S_ISLNK(mode) else None  # noqa: PTH115
        except OSError:
            break
        if target is not None:
            folders.add(here)
            ahead += _reversed_parts(Path(target))
            links += 1
        elif stat.S_ISDIR(mode):
            here = step
        else:
            break
    return folders | {here}


def _reversed_parts(path: Path) -> list[str]:
    """The path's components, the last one first.

    The root of an absolute path is one of them: any folder joined with it is the root.
    """
    return list(reversed(path.parts))


def _folder_id(folder: str) -> FolderId | None:
    try:
        found = os.stat(folder)  # noqa: PTH116
    except OSError:
        return None
    return found.st_dev, found.st_ino
