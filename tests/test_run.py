"""``run.py``: two commands on a bare machine. What needs a network is tried by ``.ci/run``."""

import ast
import contextlib
import fcntl
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
SECONDS = 60
PYENV = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
OLD_PYTHONS = sorted(PYENV.glob("versions/3.[6-9].*/bin/python3")) + sorted(
    PYENV.glob("versions/3.10.*/bin/python3")
)
"""Real ones, where this machine has some."""


def load(name: str = "run") -> ModuleType:
    """run.py or noxfile.py as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


run = load()


def launch(
    project: Path, *arguments: str, python: str = sys.executable, **environment: str
) -> subprocess.Popen[str]:
    """Start a project's run.py from another folder and with next to no environment."""
    return subprocess.Popen(
        [python, str(project / "run.py"), *arguments],
        cwd=project.parent,
        env={"PATH": "/usr/bin:/bin", "HOME": str(project), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def start(
    project: Path, *arguments: str, python: str = sys.executable, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a project's run.py to its end."""
    with launch(project, *arguments, python=python, **environment) as process:
        try:
            out, err = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def script(path: Path, text: str) -> Path:
    """A program of the shell."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of what run.py needs of the project."""
    folder = tmp_path / "project"
    folder.mkdir()
    for name in ("run.py", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    return folder


def unfinished(project: Path, says: str) -> Any:
    """Let the project have a ``.venv``, whose Python is this program of the shell."""
    venv = run.Venv(project / ".venv", (project / "constraints.txt").read_bytes())
    script(venv.python, says)
    return venv


def installed(project: Path, says: str) -> None:
    """Let the project have a finished one."""
    unfinished(project, says).finish()


# --- the command line


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_without_a_command_all_are_listed(project: Path, arguments: tuple[str, ...]) -> None:
    """A line for each; help that was asked for is no error."""
    done = start(project, *arguments)
    assert done.returncode == (0 if arguments else 2)
    listed = re.findall(r"^  ([\w-]+) +\w", done.stdout, re.MULTILINE)
    assert listed == [
        "relay",
        "fleet",
        "tests",
        "tests-long",
        "mutants",
        "lint",
        "types",
        "docs",
        "pictures",
        "check",
        "bench",
    ]
    assert not (project / ".venv").exists()


def test_every_command_is_a_session() -> None:
    """What is listed is in noxfile.py, and the other way round."""
    tree = ast.parse((ROOT / "noxfile.py").read_text())
    sessions = {
        node.name.replace("_", "-")
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.decorator_list
    }
    called = {session for names, _ in run.COMMANDS.values() for session in names}
    assert called == sessions


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("test",), "there is no command 'test'; did you mean tests?"),
        (("realy",), "did you mean relay?"),
        (("xyz",), "there are relay, fleet, tests, tests-long, mutants, lint"),
        (("rel\x1b[2J\nrun.py: fine",), r"no command 'rel\x1b[2J\nrun.py: fine'"),
        (("relay", "\x1b[2J\n"), r"run.py relay -- \x1b[2J\n"),
        (("relay", "--port", "0"), "options go behind --: python3 run.py relay -- --port 0"),
    ],
)
def test_a_wrong_call_is_told_in_one_line(
    project: Path, arguments: tuple[str, ...], says: str
) -> None:
    """Exit status 2, and nothing is installed."""
    done = start(project, *arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (project / ".venv").exists()


# --- old Pythons


def test_an_old_python_can_read_it() -> None:
    """The syntax is that of Python 3.6, and the text is ASCII, whatever the terminal's is."""
    source = (ROOT / "run.py").read_bytes().decode("ascii")
    tree = ast.parse(source, feature_version=(3, 6))
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.NamedExpr)]


def test_it_needs_the_standard_library_alone() -> None:
    """It runs before anything is installed."""
    tree = ast.parse((ROOT / "run.py").read_text())
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported <= sys.stdlib_module_names


@pytest.mark.parametrize("old", OLD_PYTHONS, ids=lambda path: path.parts[-3])
@pytest.mark.heavy
def test_an_old_python_is_told_that_it_is_too_old(project: Path, old: Path) -> None:
    """Where no other is on the PATH; help and wrong calls it can tell like any."""
    done = start(project, "relay", python=str(old), PATH="/nowhere")
    assert done.returncode == 1
    version = old.parts[-3].rpartition(".")[0]
    assert done.stderr.startswith(f"run.py: Python {version} is too old.\n")
    assert "Traceback" not in done.stderr
    assert start(project, "--help", python=str(old)).returncode == 0
    assert "did you mean tests?" in start(project, "test", python=str(old)).stderr


# --- which Python


def python(version: str, *, makes_venvs: bool = True) -> Any:
    """A Python that might be here."""
    major, minor = map(int, version.split("."))
    return run.Python(f"/usr/bin/python{version}", (major, minor), makes_venvs)


@pytest.mark.parametrize(
    ("here", "others", "compiler", "chosen"),
    [
        ("3.11", ["3.13"], False, "3.11"),
        ("3.13", [], False, "3.13"),
        ("3.10", ["3.12", "3.11"], False, "3.12"),
        ("3.14", ["3.11"], True, "3.11"),
        ("3.14", ["3.14"], True, "3.14"),
        ("3.10", ["3.14"], True, "3.14"),
    ],
)
def test_the_first_python_that_fits_is_chosen(
    here: str, others: list[str], compiler: bool, chosen: str
) -> None:
    """The one that runs it before others; one that must be compiled for only at last."""
    found = run.choose(python(here), [python(other) for other in others], compiler)
    assert run.dotted(found) == chosen


@pytest.mark.parametrize(
    ("here", "others", "compiler", "says"),
    [
        ("3.10", [], True, "Python 3.10 is too old"),
        ("3.10", ["3.9"], True, "Python 3.10 is too old"),
        ("3.14", [], False, "Python 3.14 is too new: coincurve"),
        ("3.14", ["3.10"], False, "no C compiler"),
    ],
)
def test_where_none_fits_it_says_which_is_needed(
    here: str, others: list[str], compiler: bool, says: str
) -> None:
    """And why the one that runs it does not do."""
    with pytest.raises(run.Trouble, match=re.escape(says)) as trouble:
        run.choose(python(here), [python(other) for other in others], compiler)
    assert "Python 3.11, 3.12 or 3.13 is needed" in str(trouble.value)


def test_a_python_without_ensurepip_is_passed_over() -> None:
    """Where another can make a venv; else the package that is missing is named."""
    bare, whole = python("3.12", makes_venvs=False), python("3.11")
    assert run.choose(bare, [whole], False) == whole
    with pytest.raises(run.Trouble, match=r"apt-get install python3\.12-venv$"):
        run.choose(bare, [python("3.10")], False)


def test_names_on_the_path_that_lead_nowhere_are_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As pyenv's do for versions that are not switched on."""
    script(tmp_path / "python3.13", "echo 'pyenv: python3.13: command not found' >&2; exit 127")
    script(tmp_path / "python3.12", "echo 3 12 True")
    script(tmp_path / "python3", "echo nonsense")
    monkeypatch.setenv("PATH", str(tmp_path))
    found = list(run.pythons_on_path())
    assert found == [run.Python(str(tmp_path / "python3.12"), (3, 12), True)]


def test_a_python_with_a_hostile_name_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder of the PATH may be called anything."""
    folder = tmp_path / "\x1b[2J\nall is fine"
    script(folder / "python3.12", "echo 3 12 True")
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(run, "this_python", lambda: python("3.10"))
    assert run.choose_python().executable == str(folder / "python3.12")
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert r"\x1b[2J\nall is fine/python3.12" in told


@pytest.mark.parametrize("name", ["cc", "gcc", "clang"])
def test_a_compiler_is_found_by_its_usual_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Any of them will do."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not run.has_compiler()
    script(tmp_path / name, "")
    assert run.has_compiler()


def test_the_pythons_are_those_of_the_package() -> None:
    """run.py, noxfile.py and pyproject.toml say the same."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == ">={}.{}".format(*run.OLDEST)
    newest = max(
        tuple(map(int, found[1].split(".")))
        for each in project["classifiers"]
        if (found := re.search(r"Python :: (3\.\d+)$", each))
    )
    assert newest == run.NEWEST
    pythons = [f"3.{minor}" for minor in range(run.OLDEST[1], run.NEWEST[1] + 1)]
    assert repr(pythons).replace("'", '"')[1:-1] in (ROOT / "noxfile.py").read_text()


# --- nox


def test_nox_gets_the_sessions_and_what_follows(project: Path) -> None:
    """In the project's folder, wherever it was called from; its exit status is passed on."""
    installed(project, 'pwd; for each; do echo "<$each>"; done; exit 7')
    done = start(project, "check", "--", "-x", "tests/a b", "--")
    assert done.returncode == 7
    arguments = [
        "-m",
        "nox",
        "-s",
        "lint",
        "types",
        "docs",
        "tests",
        "--",
        "-x",
        "tests/a b",
        "--",
    ]
    assert done.stdout.splitlines() == [str(project), *(f"<{each}>" for each in arguments)]
    assert done.stderr == ""


def test_signals_are_noxs(project: Path) -> None:
    """What ends run.py ends nox: it is the same process."""
    installed(project, "kill -TERM $$; exec sleep 60")
    assert start(project, "lint").returncode == -signal.SIGTERM


def test_the_environment_cannot_lead_nox_astray(project: Path) -> None:
    """Neither to sessions that are left out nor to modules elsewhere; the rest is passed on."""
    installed(project, "env")
    astray = {
        "NOXFORCEPYTHON": "3.12",
        "NOX_DEFAULT_VENV_BACKEND": "none",
        "PYTHONSAFEPATH": "1",
        "PYTHONPATH": "/elsewhere",
        "PIP_TARGET": "/elsewhere",
        "pip_user": "1",
    }
    kept = {"PIP_INDEX_URL": "https://mirror.example/", "https_proxy": "http://proxy.example"}
    seen = start(project, "check", **astray, **kept).stdout.splitlines()
    assert {f"{name}={value}" for name, value in kept.items()} <= set(seen)
    assert not {line.partition("=")[0] for line in seen} & astray.keys()


# --- pip


PIP_SHOWS_ITSELF = """\
case "$*" in *pip\\ install*) echo "<$*>"; env; exit 1;; esac"""


@pytest.mark.parametrize("name", ["TARGET", "PREFIX", "ROOT", "USER", "PYTHON", "DRY_RUN"])
def test_pip_installs_nowhere_else(project: Path, name: str) -> None:
    """What in the environment says so is not for it."""
    unfinished(project, PIP_SHOWS_ITSELF)
    astray = {f"PIP_{name}": "1", "PYTHONPATH": "/elsewhere", "PYTHONHOME": sys.base_prefix}
    told = start(project, "lint", **astray).stderr
    assert "<-I -m pip install " in told
    assert not re.search(rf"^(PIP_{name}|PYTHONPATH|PYTHONHOME)=", told, re.MULTILINE)


@pytest.mark.parametrize(
    "name",
    ["INDEX_URL", "EXTRA_INDEX_URL", "FIND_LINKS", "NO_INDEX", "CERT", "PROXY", "CACHE_DIR"],
)
def test_an_operators_mirror_is_used(project: Path, name: str) -> None:
    """Where pip installs from is the environment's to say."""
    unfinished(project, PIP_SHOWS_ITSELF)
    told = start(project, "lint", **{f"PIP_{name}": "/mirror"}).stderr
    assert f"\nPIP_{name}=/mirror\n" in told
    assert "--isolated" not in told


def test_without_nox_it_is_not_finished(project: Path) -> None:
    """Whatever pip says: a file of its configuration may name another place."""
    venv = unfinished(project, 'case "$*" in *"import nox"*) exit 1;; esac')
    for _ in range(2):
        done = start(project, "lint")
        assert done.returncode == 1
        assert "run.py: pip says that nox is installed, but it is not in .venv." in done.stderr
        assert not venv.is_finished()


# --- two starts at once


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock as another start does."""
    with path.open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def is_locked(path: Path) -> bool:
    """Whether somebody holds it."""
    if not path.exists():
        return False
    with path.open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_a_second_start_waits_for_the_first(project: Path) -> None:
    """It says so, and does not do again what the other has done."""
    venv = unfinished(project, 'echo "$@"')
    with locked(project / ".venv.lock"):
        second = launch(project, "lint")
        assert second.stderr
        told = second.stderr.readline()
        venv.finish()
    out, err = second.communicate(timeout=SECONDS)
    assert told == "waiting for another start, which installs into .venv ...\n"
    assert err == ""
    assert out == "-m nox -s lint --\n"


def test_a_finished_venv_waits_for_nobody(project: Path) -> None:
    """Nor is a lock needed for it: the project's folder may be read-only."""
    installed(project, 'echo "$@"')
    with locked(project / ".venv.lock"):
        done = start(project, "lint")
    assert (done.stdout, done.stderr) == ("-m nox -s lint --\n", "")
    (project / ".venv.lock").unlink()
    assert start(project, "lint").returncode == 0
    assert not (project / ".venv.lock").exists()


def test_where_nothing_can_be_locked_it_starts_all_the_same(
    venv: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some file systems know no locks."""

    def no_locks(file: Any, how: int) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(run.fcntl, "flock", no_locks)
    venv.fill(venv.finish)
    monkeypatch.setattr(run, "fcntl", None)
    run.Venv(venv.folder, b"other").fill(venv.begin)
    assert not venv.is_finished()


def test_the_locks_are_not_in_git() -> None:
    """Neither the one beside .venv nor those of the sessions."""
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {".venv.lock", ".nox/"} <= set(ignored)


class FakeEnv:
    """What nox has for a session's venv: it makes one whose Python has pip."""

    def __init__(self, location: Path, venv_backend: str = "venv") -> None:
        self.location = str(location)
        self.made: list[bool] = []
        """For each time that it was made: whether it was locked."""

    def create(self) -> bool:
        """Make it."""
        self.made.append(is_locked(Path(self.location + ".lock")))
        script(Path(self.location, "bin", "python"), "exit 0")
        return True


class FakeSession:
    """What a session of the noxfile calls."""

    name = "lint"

    def __init__(self, virtualenv: FakeEnv) -> None:
        self.virtualenv = virtualenv
        self.installed: list[bool] = []
        """For each installation: whether the venv was locked."""

    def install(self, *arguments: str, log: bool) -> None:
        """Install nothing."""
        self.installed.append(is_locked(Path(self.virtualenv.location + ".lock")))


@pytest.fixture
def noxfile(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """noxfile.py, where nox itself need not be installed."""
    nox: Any = ModuleType("nox")
    nox.options = SimpleNamespace()
    nox.Session = FakeSession
    nox.session = lambda **_: lambda function: function
    virtualenv: Any = ModuleType("nox.virtualenv")
    virtualenv.VirtualEnv = FakeEnv
    virtualenv.ALL_VENVS = {}
    monkeypatch.setitem(sys.modules, "nox", nox)
    monkeypatch.setitem(sys.modules, "nox.virtualenv", virtualenv)
    monkeypatch.setitem(sys.modules, "run", run)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.chdir(ROOT)
    return load("noxfile")


def test_a_session_installs_alone(noxfile: Any, tmp_path: Path) -> None:
    """Whether its venv is there or was interrupted and is made anew."""
    session = FakeSession(FakeEnv(tmp_path / ".nox" / "lint"))
    session.virtualenv.create()
    noxfile._install(session, "ruff")
    assert session.installed == [True]
    noxfile._install(session, "ruff")
    assert session.installed == [True]
    run.Venv(session.virtualenv.location).begin()
    noxfile._install(session, "ruff")
    assert session.installed == [True, True]
    assert session.virtualenv.made == [False, True]


def test_a_session_does_not_install_what_another_start_has_installed(
    noxfile: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it waited for the lock."""

    class Awaited(run.Venv):  # type: ignore[misc, name-defined]
        @contextlib.contextmanager
        def locked(self) -> Iterator[None]:
            self.finish()
            yield

    monkeypatch.setattr(noxfile, "Venv", Awaited)
    session = FakeSession(FakeEnv(tmp_path / "lint"))
    session.virtualenv.create()
    noxfile._install(session, "ruff")
    assert session.installed == []


def test_nox_makes_a_sessions_venv_alone(noxfile: Any, tmp_path: Path) -> None:
    """One that is there is used without a lock, also where nothing can be written."""
    make = noxfile.ALL_VENVS["venv"]
    env = make(tmp_path / ".nox" / "lint")
    env.create()
    env.create()
    assert env.made == [True, False]


# --- venvs


@pytest.fixture
def venv(tmp_path: Path) -> Any:
    """A venv whose Python has pip."""
    made = run.Venv(tmp_path / "venv", b"needs")
    made.python.parent.mkdir(parents=True)
    made.python.symlink_to(script(tmp_path / "python", "exit 0"))
    return made


def test_only_a_finished_venv_is_taken_for_finished(venv: Any) -> None:
    """What was interrupted, at any moment, is made from scratch."""
    assert not venv.is_finished()
    assert venv.is_sound()
    venv.begin()
    assert not venv.is_finished()
    assert not venv.is_sound()
    venv.finish()
    assert venv.is_finished()
    assert venv.is_sound()
    venv.begin()
    assert not venv.is_finished()


def test_what_is_wanted_decides_whether_it_is_finished(venv: Any) -> None:
    """Other contents are installed into the same venv."""
    venv.finish()
    for contents in ((b"nee", b"ds"), (b"needs", b""), (b"other",), ()):
        other = run.Venv(venv.folder, *contents)
        assert not other.is_finished()
        assert other.is_sound()


def test_a_moved_venv_is_not_used(venv: Any, tmp_path: Path) -> None:
    """Its scripts, and what is installed editably, name the old place."""
    venv.finish()
    venv.folder.rename(tmp_path / "moved")
    moved = run.Venv(tmp_path / "moved", b"needs")
    assert not moved.is_finished()
    assert not moved.is_sound()


def test_a_venv_of_another_python_is_not_used(venv: Any, tmp_path: Path) -> None:
    """Neither where it was removed nor where it was replaced."""
    old, new = script(tmp_path / "3.11", "exit 0"), script(tmp_path / "3.12", "exit 0")
    link = tmp_path / "python3"
    link.symlink_to(old)
    venv.python.unlink()
    venv.python.symlink_to(link)
    venv.finish()
    assert venv.is_finished()
    link.unlink()
    assert not venv.is_finished()
    assert not venv.is_sound()
    link.symlink_to(new)
    assert not venv.is_finished()
    assert not venv.is_sound()


def test_a_half_made_venv_is_not_used(venv: Any) -> None:
    """Its Python may be there and pip not yet."""
    script(venv.python, "exit 1")
    assert not venv.is_sound()
    venv.python.unlink()
    assert not venv.is_sound()


PRETENDS_PIP = "import sys; sys.modules['pip'] = sys; exec(sys.argv[-1])"


def with_pip(python: Path) -> str:
    """A program of the shell that is this Python, which has pip for what ``-c`` makes it run."""
    return f'exec "{python}" -I -c "{PRETENDS_PIP}" "$@"'


def test_what_lost_its_pyvenv_cfg_is_no_venv(tmp_path: Path) -> None:
    """Its Python is the one that it was made with, into which nothing is to be installed."""
    made = run.Venv(tmp_path / "venv")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", made.folder], check=True)
    test = script(tmp_path / "python", with_pip(made.python))
    assert run.can_install(test)
    (made.folder / "pyvenv.cfg").unlink()
    assert not run.can_install(test)


class CtrlC:
    """Interrupts what removes files, before the n-th of them is removed."""

    def __init__(self, patch: pytest.MonkeyPatch, at: int) -> None:
        self.left = at
        for name in ("unlink", "rmdir"):
            patch.setattr(os, name, self._counting(getattr(os, name)))

    def _counting(self, remove: Any) -> Any:
        def counted(*arguments: Any, **named: Any) -> None:
            self.left -= 1
            if self.left < 0:
                raise KeyboardInterrupt
            remove(*arguments, **named)

        return counted


def half_made(folder: Path) -> Any:
    """A venv of ours whose making was interrupted, with a Python that has pip."""
    venv = run.Venv(folder)
    script(venv.python, "exit 0")
    script(venv.folder / "lib" / "site-packages" / "pip", "")
    (venv.folder / "lib64").symlink_to("lib")
    (venv.folder / "pyvenv.cfg").touch()
    (venv.folder / "made-by-run.py.txt").touch()
    venv.begin()
    return venv


@pytest.mark.parametrize("removal", ["make", "remove"])
def test_an_interrupted_removal_heals(tmp_path: Path, removal: str) -> None:
    """Wherever Ctrl-C interrupts it, nothing is installed into the rest, and it is removed."""
    new = script(tmp_path / "new", "exit 0").as_posix()
    arguments = [new] if removal == "make" else []
    for at in range(20):
        venv = half_made(tmp_path / str(at))
        with pytest.MonkeyPatch.context() as patch:
            interrupted = CtrlC(patch, at)
            with contextlib.suppress(KeyboardInterrupt):
                getattr(venv, removal)(*arguments)
        assert not venv.is_sound(), at
        venv.make(new)
        assert venv.is_ours
        assert not (venv.folder / "lib64").is_symlink()
        if interrupted.left >= 0:
            break
    assert 5 < at < 19


def test_a_venv_with_half_a_pip_is_made_anew(tmp_path: Path) -> None:
    """What was interrupted while it was made may have a pip that starts and installs nothing."""
    venv = run.Venv(tmp_path / ".venv")
    half = 'mkdir "$3/bin"; cp "$0" "$3/bin/python"; case "$*" in *venv*) exit 1;; esac'
    with pytest.raises(run.Trouble, match="making"):
        venv.make(str(script(tmp_path / "python", half)))
    assert run.can_install(venv.python)
    assert not venv.is_sound()


@pytest.mark.parametrize("stamp", [b"\xff\xfe", b"", b"\0" * 9])
def test_a_stamp_that_is_none_is_no_stamp(venv: Any, stamp: bytes) -> None:
    """As a full disk or another program leaves it."""
    venv.finish()
    (venv.folder / "installed.txt").write_bytes(stamp)
    assert not venv.is_finished()
    assert not venv.is_sound()


def test_the_next_start_may_have_another_locale(tmp_path: Path) -> None:
    """Folders have names in any language."""
    project = tmp_path / os.fsdecode("\u00fc".encode())
    project.mkdir()
    for name in ("run.py", "constraints.txt"):
        shutil.copy(ROOT / name, project)
    installed(project, 'echo "$@"')
    done = start(project, "lint", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert (done.stdout, done.stderr) == ("-m nox -s lint --\n", "")


def test_a_venv_of_somebody_elses_is_never_removed(tmp_path: Path) -> None:
    """Not one that works, and not one that does not."""
    kept = tmp_path / "venv" / "mine"
    kept.parent.mkdir()
    kept.touch()
    with pytest.raises(run.Trouble, match="did not make it"):
        run.Venv(kept.parent).make(sys.executable)
    assert kept.exists()


def test_what_fails_to_install_shows_why_and_stays_unfinished(project: Path) -> None:
    """The installer's own words; the next start tries again."""
    broken = 'case "$*" in *pip\\ install*) echo "no route to the index"; exit 1;; esac'
    venv = unfinished(project, broken)
    for _ in range(2):
        done = start(project, "lint")
        assert done.returncode == 1
        assert "no route to the index" in done.stderr
        assert "pip needs a network" in done.stderr
        assert not venv.is_finished()
    script(venv.python, 'echo "$@"')
    done = start(project, "lint")
    assert "installing nox into .venv ..." in done.stderr
    assert done.stdout == "-m nox -s lint --\n"
    assert venv.is_finished()


def test_a_real_venv_is_made_and_remade(tmp_path: Path) -> None:
    """Again and again, into the place of what was half made."""
    venv = run.Venv(tmp_path / "project" / ".venv")
    bare = [sys.executable, "-m", "venv", "--without-pip"]
    for _ in range(2):
        venv.make(script(tmp_path / "python", f'exec {" ".join(bare)} "$3"').as_posix())
        assert venv.is_ours
        assert venv.python.exists()
        assert not venv.is_sound()  # no pip
        (venv.folder / "left over").touch()
    venv.make(str(tmp_path / "python"))
    assert not (venv.folder / "left over").exists()
