"""Clean environments: wheels of ours, what they say they need, and nothing else.

What is needed is not downloaded: it is what the environment of the tests has installed.
"""

import re
import subprocess
import sys
import venv
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution, distributions
from pathlib import Path

from packaging.requirements import Requirement


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """Run a command that succeeds.

    :return: what it has printed.
    """
    done = subprocess.run(
        command,
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def wheel_of(project: Path, folder: Path) -> Path:
    """Build a wheel.

    :param folder: for this wheel alone.
    """
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=project)
    (built,) = folder.iterdir()
    return built


def environment(folder: Path, needs: str, *wheels: Path) -> Path:
    """Make an environment.

    :param needs: what is installed into it, ``relay-members[tests]``.
    :param wheels: where it is from these.
    :return: its Python.
    """
    venv.EnvBuilder(symlinks=True).create(folder)
    python = folder / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "-q", "--disable-pip-version-check", "--python", python)
    run(*pip, "install", "--no-index", "--no-deps", "--no-compile", *wheels)
    (site,) = folder.glob("lib/python*/site-packages")
    ours = {_normal(each.name): each for each in distributions(path=[str(site)])}
    for needed in _closure(needs, ours):
        _link(needed, site)
    run(*pip, "check")
    return python


def _closure(needs: str, ours: dict[str, Distribution]) -> Iterator[Distribution]:
    """The distributions that are needed in the end, without ours."""
    asked, found = [Requirement(needs)], set[str]()
    while asked:
        need = asked.pop()
        if str(need) in found:
            continue
        found.add(str(need))
        name = _normal(need.name)
        wanted = ours.get(name) or distribution(name)
        if name not in ours:
            yield wanted
        further = map(Requirement, wanted.requires or ())
        asked += [each for each in further if _applies(each, need.extras)]


def _applies(need: Requirement, extras: set[str]) -> bool:
    marker = need.marker
    return marker is None or any(marker.evaluate({"extra": each}) for each in ("", *extras))


def _link(needed: Distribution, site: Path) -> None:
    for top in {file.parts[0] for file in needed.files or ()} - {"..", "__pycache__"}:
        if not (site / top).exists():
            (site / top).symlink_to(Path(str(needed.locate_file(top))))


def _normal(name: str) -> str:
    """As distributions compare names."""
    return re.sub(r"[-_.]+", "-", name).lower()
