"""Which folders matter for a path: those in which a change can make it name another file."""

from pathlib import Path
from typing import Final

FolderId = tuple[int, int]
"""Device and inode: what stays when a folder is renamed, and differs when it is replaced."""

_MOST_LINKS: Final = 40
"""Symlinks followed in one path, as in Linux."""


def watched_folders(path: Path) -> dict[Path, FolderId]:
    """The real folders to watch for an absolute path, as they are now.

    They are the file's own folder and the folder of every symlink on the way to it, be it the
    last component or one in between. Where a folder is missing, the nearest one above it that
    is there. None of the folders' own paths goes through a symlink.
    """
    return {folder: known for folder in _folders(path) if (known := _folder_id(folder))}


def _folders(path: Path) -> set[Path]:
    folders = set()
    here, ahead, links = Path(path.anchor), _reversed_parts(path), 0
    while ahead and links <= _MOST_LINKS:
        name = ahead.pop()
        step = here.parent if name == ".." else here / name
        target = _link_target(step)
        if target is not None:
            folders.add(here)
            ahead += _reversed_parts(target)
            links += 1
        elif step.is_dir():
            here = step
        else:
            break
    return folders | {here}


def _reversed_parts(path: Path) -> list[str]:
    """The root of an absolute path is one of them, and any folder joined with it is the root."""
    return list(reversed(path.parts))


def _link_target(path: Path) -> Path | None:
    try:
        return path.readlink()
    except OSError:
        return None


def _folder_id(folder: Path) -> FolderId | None:
    try:
        found = folder.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
