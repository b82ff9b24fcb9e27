"""The folders that matter for a path: a change in one of them may make it lead elsewhere."""

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
    return {folder: known for folder in folders if (known := _folder_id(folder))}


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
    """The path's components, the last one first.

    The root of an absolute path is one of them: any folder joined with it is the root.
    """
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
