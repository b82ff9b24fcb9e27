"""Packages of npm's, for scripts that Node runs."""

import shutil
import subprocess
from pathlib import Path

import pytest

_UNCHANGED = ("--no-package-lock", "--no-save", "--ignore-scripts", "--engine-strict")
_HASTILY = ("--prefer-offline", "--fetch-retries=0", "--fetch-timeout=20000", "--no-audit")
SECONDS = 180
"""How long an installation may take."""


def put_into(folder: Path, script: Path, *packages: str) -> Path:
    """Copy a script into a folder in which Node finds the packages, or skip the test where that
    cannot be.

    :param packages: with their versions: ``ws@8.23.0``.
    :return: the copy.
    """
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"there is no {program} on the PATH")
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
    return Path(shutil.copy(script, folder))
