#!/usr/bin/env python3
"""The project's commands on a bare machine: ``python3 run.py relay``, ``python3 run.py tests``.

Needs a Python and nothing else. Makes ``.venv``, puts nox there, and calls a session of
``noxfile.py``, which makes its own venvs with :class:`Venv`. What is there already is used as it
is.
"""

# An old Python must be able to read all of this and to run it, so that it can say that it is too
# old: the syntax and the library are those of Python 3.6, and all text is ASCII.

import contextlib
import difflib
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, NoReturn

try:
    import fcntl
except ImportError:  # no POSIX: two starts at once are not kept apart
    fcntl = None  # type: ignore[assignment]

OLDEST = (3, 11)
NEWEST = (3, 13)  # coincurve is built for it; for a newer one it must be compiled here
ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
CONSTRAINTS = ROOT / "constraints.txt"

COMMANDS = {
    "relay": (["relay"], "start the example relay; -- --port 0 takes a free port"),
    "fleet": (["fleet"], "start three relays on one PostgreSQL; -- --port 0 takes free ports"),
    "tests": (["tests"], "run the tests on each Python from 3.11 to 3.13 that is here"),
    "tests-long": (["tests-long"], "run them with many more examples, kills and writes"),
    "mutants": (["mutants"], "see which changes of the core no test notices"),
    "lint": (["lint"], "check the style"),
    "types": (["types"], "check the types"),
    "docs": (["docs"], "build the docs in build/docs; -- --links tries their links elsewhere"),
    "pictures": (["pictures"], "make the pictures in docs/pictures anew"),
    "check": (["lint", "types", "docs", "tests"], "lint, types, docs and tests"),
    "bench": (["bench"], "measure how fast it is; -- --only hook measures a part"),
}
"""Each with the nox sessions that it calls."""

_LINES = "\n".join(f"  {name:10} {says}" for name, (_, says) in COMMANDS.items())
USAGE = f"""\
usage: python3 run.py COMMAND [-- OPTIONS]

{_LINES}

What follows -- is passed on; paths there start from this project's folder. What a command needs
is installed into .venv and .nox the first time.
"""


class Trouble(Exception):
    """Ends the command. Says what is wrong and what to do."""

    status = 1


class WrongCall(Trouble):
    """The command line is not right."""

    status = 2


def main(arguments: "list[str]") -> int:
    """Run a command line; returns the exit status unless nox takes over the process."""
    try:
        return _run(arguments)
    except Trouble as trouble:
        sys.stderr.write(f"run.py: {trouble}\n")
        return trouble.status
    except OSError as error:
        sys.stderr.write(f"run.py: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130  # what a shell reports of a command that Ctrl-C ended


def _run(arguments: "list[str]") -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        sys.stdout.write(USAGE)
        return 0 if arguments else WrongCall.status
    sessions, options = parse(arguments)
    venv = Venv(VENV, CONSTRAINTS.read_bytes())
    venv.fill(lambda: install_nox(venv))
    return _become([str(venv.python), "-m", "nox", "-s", *sessions, "--", *options])


def _become(command: "list[str]") -> NoReturn:
    """Be another program from here on: its exit status and its signals are nobody else's."""
    os.chdir(str(ROOT))
    sys.stdout.flush()
    os.execve(command[0], command, environment())


def parse(arguments: "list[str]") -> "tuple[list[str], list[str]]":
    """The sessions that are called, and the options for them."""
    name, rest = arguments[0], arguments[1:]
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, 1)
        hint = f"did you mean {near[0]}?" if near else "there are " + ", ".join(COMMANDS)
        raise WrongCall(f"there is no command {name!a}; {hint}")
    if rest and rest[0] != "--":
        typed = ascii(" ".join(rest))[1:-1]
        raise WrongCall(f"options go behind --: python3 run.py {name} -- {typed}")
    return COMMANDS[name][0], rest[1:]


# --- the environment

_MODULES_ELSEWHERE = {"PYTHONHOME", "PYTHONPATH", "PYTHONSAFEPATH"}
_INSTALLS_ELSEWHERE = {"PIP_PREFIX", "PIP_PYTHON", "PIP_ROOT", "PIP_TARGET", "PIP_USER"}
_INSTALLS_LESS = {"PIP_DRY_RUN", "PIP_NO_DEPS"}
_MISLEADING = _MODULES_ELSEWHERE | _INSTALLS_ELSEWHERE | _INSTALLS_LESS


def environment() -> "dict[str, str]":
    """The environment of what is started here: this program's, without what would lead it astray.

    Every NOX variable is left out, since some make nox skip sessions and call that a success. An
    operator's index, proxy, certificates and cache of pip stay.
    """
    return {name: value for name, value in os.environ.items() if not _misleads(name)}


def _misleads(name: str) -> bool:
    return name.startswith("NOX") or name.upper() in _MISLEADING


# --- venvs


class Venv:
    """A venv with a stamp, which says where it was made, with which Python, and what is in it.

    The stamp is finished last, so that what was interrupted is not taken for finished.
    """

    def __init__(self, folder: "os.PathLike[str] | str", *contents: bytes) -> None:
        """:param contents: what decides what is installed."""
        self.folder = Path(os.path.abspath(str(folder)))  # noqa: PTH100 -- resolves no symlink
        self.python = self.folder / "bin" / "python"
        self._stamp = self.folder / "installed.txt"
        self._made_by_us = self.folder / "made-by-run.py.txt"
        self._digest = _digest(contents)

    def is_finished(self) -> bool:
        """Whether all that is wanted is in it, so that nothing is to be done."""
        return self.python.exists() and self._stamped() == self._place() + self._digest

    def is_sound(self) -> bool:
        """Whether it can be installed into. One that was moved, whose Python is another by now,
        or that was interrupted while it was made, installed into or removed cannot.
        """
        stamped = self._stamped()
        if stamped is not None:
            return self.python.exists() and stamped.startswith(self._place())
        return self.python.exists() and can_install(self.python)

    def fill(self, install: "Callable[[], None]") -> None:
        """Run an installation into it, unless it is finished or another start finishes it."""
        if self.is_finished():
            return
        with self.locked():
            if not self.is_finished():
                install()

    @contextlib.contextmanager
    def locked(self) -> "Iterator[None]":
        """Keep other starts from making it or installing into it, or wait until they are done."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with self.folder.with_name(self.folder.name + ".lock").open("ab") as lock:
            if fcntl:
                _lock(lock, "waiting for another start, which installs into " + self.name)
            yield

    def begin(self) -> None:
        """To be called before something is installed."""
        self._stamp.write_bytes(b"not finished\n")

    def finish(self) -> None:
        """To be called when everything is installed."""
        self._stamp.write_bytes(self._place() + self._digest)

    def make(self, python: str) -> None:
        """Make it anew. One that this program did not make is left alone.

        :raises Trouble: it is another's, or it cannot be made.
        """
        if self._is_anothers():
            raise Trouble(
                f"{self.name} is there, but no venv that works with Python 3.11 or newer, and "
                f"run.py did not make it. Move it away (mv {self.name} {self.name}.old) and start "
                "again."
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        self._made_by_us.touch()
        self._clear()
        quietly([python, "-m", "venv", str(self.folder)], "making " + self.name)

    def remove(self) -> None:
        """Remove it. Interrupted at any moment, it is not sound and can still be removed."""
        self._clear()
        for last in (self._stamp, self._made_by_us):
            if last.exists():
                last.unlink()
        self.folder.rmdir()

    @property
    def name(self) -> str:
        """What messages call it."""
        return os.path.relpath(str(self.folder), str(ROOT))

    @property
    def is_ours(self) -> bool:
        """Whether this program made it, so that it may remove it."""
        return self._made_by_us.exists()

    def _is_anothers(self) -> bool:
        if not self.folder.exists() or self.is_ours:
            return False
        return not self.folder.is_dir() or any(self.folder.iterdir())

    def _clear(self) -> None:
        """Remove all but what says that it is not finished and whose it is."""
        self.begin()
        for entry in self.folder.iterdir():
            if entry in (self._stamp, self._made_by_us):
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(str(entry))
            else:
                entry.unlink()

    def _stamped(self) -> "bytes | None":
        return self._stamp.read_bytes() if self._stamp.exists() else None

    def _place(self) -> bytes:
        # Paths are bytes: the locale of the next start may be another.
        return os.fsencode(f"{self.folder}\n{self.python.resolve()}\n")


def _lock(file: BinaryIO, waiting: str) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        with working(waiting):
            fcntl.flock(file, fcntl.LOCK_EX)
    except OSError:
        pass  # a file system without locks, which is no reason not to start


def _digest(contents: "tuple[bytes, ...]") -> bytes:
    hashed = hashlib.sha256()
    for content in contents:
        hashed.update(b"%d:" % len(content) + content)  # so that no two lists look alike
    return hashed.hexdigest().encode() + b"\n"


def install_nox(venv: Venv) -> None:
    """Put nox into a venv, which is made where it is not there or cannot be used.

    :raises Trouble: it cannot be made, or nox is not in it afterwards.
    """
    if not venv.is_sound():
        venv.make(choose_python().executable)
    if venv.is_ours:
        venv.begin()
    pip = [str(venv.python), "-I", "-m", "pip", "install", "--disable-pip-version-check"]
    try:
        quietly([*pip, "-c", str(CONSTRAINTS), "nox"], "installing nox into " + venv.name)
    except Trouble as trouble:
        raise Trouble(f"{trouble}\nThe first time, pip needs a network.") from trouble
    if not _succeeds(venv.python, "import nox"):
        raise Trouble(
            f"pip says that nox is installed, but it is not in {venv.name}. Look whether pip is "
            "told to install elsewhere: python3 -m pip config list"
        )
    venv.finish()


def quietly(command: "list[str]", what: str) -> None:
    """Run a command, and show its output only where it fails.

    :raises Trouble: it failed.
    """
    with working(what):
        done = subprocess.run(
            command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
    if done.returncode:
        output = done.stdout.decode(errors="replace").strip()
        raise Trouble(f"{what} failed:\n{output}")


@contextlib.contextmanager
def working(what: str) -> "Iterator[None]":
    """Say what is being done, and on a terminal, for how long already."""
    sys.stderr.write(what + " ..." + ("" if sys.stderr.isatty() else "\n"))
    sys.stderr.flush()
    done = threading.Event()
    clock = threading.Thread(target=_show_seconds, args=(what, done), daemon=True)
    if sys.stderr.isatty():
        clock.start()
    try:
        yield
    finally:
        done.set()
        if sys.stderr.isatty():
            clock.join()
            sys.stderr.write("\n")
            sys.stderr.flush()


def _show_seconds(what: str, done: threading.Event) -> None:
    began = time.monotonic()
    while not done.wait(1):
        sys.stderr.write(f"\r{what} ... {time.monotonic() - began:.0f} s")
        sys.stderr.flush()


# --- which Python


class Python(NamedTuple):
    """A Python of this machine."""

    executable: str
    version: "tuple[int, int]"
    makes_venvs: bool
    """Whether ensurepip is there: Debian and Ubuntu have it in a package of its own."""


_NAMES = ("python3.13", "python3.12", "python3.11", "python3", "python3.14")
_PROBE = (
    "import sys, importlib.util as util; "
    "print(sys.version_info[0], sys.version_info[1], util.find_spec('ensurepip') is not None)"
)


def choose_python() -> Python:
    """The Python to make a venv with: this one if it fits, else one on the PATH.

    :raises Trouble: there is none.
    """
    here = this_python()
    chosen = choose(here, list(pythons_on_path()), has_compiler())
    if chosen != here:
        sys.stderr.write(f"Python {dotted(chosen)} is taken: {chosen.executable!a}\n")
    return chosen


def choose(here: Python, others: "list[Python]", with_compiler: bool) -> Python:
    """The first that fits. One that is too new comes last, and where it may be compiled for."""
    fit = [each for each in [here, *others] if OLDEST <= each.version <= NEWEST]
    newer = [each for each in [here, *others] if each.version > NEWEST]
    usable = fit + (newer if with_compiler else [])
    for each in usable:
        if each.makes_venvs:
            return each
    raise Trouble(_no_venv_with(usable[0]) if usable else _fits_not(here))


def _no_venv_with(python: Python) -> str:
    package = f"python{dotted(python)}-venv"
    return (
        f"Python {dotted(python)} cannot make a venv here: its module ensurepip is missing. On "
        f"Debian and Ubuntu it is in the package {package}:\n  apt-get install {package}"
    )


def _fits_not(here: Python) -> str:
    why = "old"
    if here.version > NEWEST:
        why = (
            "new: coincurve, which checks signatures, is not built for it yet, and there is no C "
            "compiler (cc, gcc, clang) to build it here"
        )
    return (
        f"Python {dotted(here)} is too {why}.\nPython 3.11, 3.12 or 3.13 is needed, and none is "
        "on the PATH. Install one and start again with it, for example: python3.13 run.py"
    )


def this_python() -> Python:
    """The one that runs this."""
    makes_venvs = importlib.util.find_spec("ensurepip") is not None
    return Python(sys.executable, (sys.version_info[0], sys.version_info[1]), makes_venvs)


def pythons_on_path() -> "Iterator[Python]":
    """Those that start: a name on the PATH may lead nowhere, as pyenv's do."""
    for name in _NAMES:
        executable = shutil.which(name)
        python = probe(executable) if executable else None
        if python:
            yield python


def probe(executable: str) -> "Python | None":
    """What kind of Python it is; nothing where it does not start."""
    try:
        done = subprocess.run(
            [executable, "-c", _PROBE],
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        major, minor, makes_venvs = done.stdout.decode().split()
        return Python(executable, (int(major), int(minor)), makes_venvs == "True")
    except (OSError, ValueError):
        return None


def can_install(python: Path) -> bool:
    """Whether a venv's Python is new enough and has pip: a venv may be half made.

    Without its ``pyvenv.cfg`` it is the Python that the venv was made with, and what pip installs
    goes there.
    """
    test = (
        f"import pip, sys; sys.exit(sys.version_info < {OLDEST} or sys.prefix == sys.base_prefix)"
    )
    return _succeeds(python, test)


def _succeeds(python: Path, code: str) -> bool:
    """Whether a Python runs this, with what is installed into it and nothing else."""
    done = subprocess.run(
        [str(python), "-I", "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    return done.returncode == 0


def has_compiler() -> bool:
    """Whether a C compiler is on the PATH."""
    return any(shutil.which(name) for name in ("cc", "gcc", "clang"))


def dotted(python: Python) -> str:
    """Its version, as people write it."""
    return ".".join(map(str, python.version))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
