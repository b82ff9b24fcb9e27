"""Packages of npm's, for scripts that Node runs."""

import fcntl
import hashlib
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

KEPT = Path(__file__).parents[1] / ".pytest_cache" / "npm"
"""What was installed once stays for the next run."""
SECONDS = 180
"""How long an installation may take."""
_UNCHANGED = ("--no-package-lock", "--no-save", "--ignore-scripts", "--engine-strict")
_HASTILY = ("--prefer-offline", "--fetch-retries=0", "--fetch-timeout=20000", "--no-audit")


def put_into(folder: Path, script: Path, *packages: str) -> Path:
    """Copy a script into a folder in which Node finds the packages, or skip the test where that
    cannot be.

    :param packages: with their versions: ``ws@8.23.0``.
    :return: the copy.
    """
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"there is no {program} on the PATH")
    (folder / "node_modules").symlink_to(_installed(packages) / "node_modules")
    return Path(shutil.copy(script, folder))


def _installed(packages: Sequence[str]) -> Path:
    """A folder with the packages. One process installs, the others wait for it."""
    folder = KEPT / hashlib.sha256("\n".join(packages).encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "installing").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        is_done = folder / "installed"
        if not is_done.exists():
            _install(folder, packages)
            is_done.touch()
    return folder


def _install(folder: Path, packages: Sequence[str]) -> None:
    installing = subprocess.run(
        ["npm", "install", "--prefix", str(folder), *_UNCHANGED, *_HASTILY, *packages],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if installing.returncode:
        why = " ".join(installing.stderr.split())
        pytest.skip(f"npm cannot install {' '.join(packages)}: {why[:300]}")
