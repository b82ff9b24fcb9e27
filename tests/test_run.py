"""``run.py``: two commands on a bare machine. What needs a network is tried by ``.ci/run``."""

import ast
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
SECONDS = 60
PYENV = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
OLD_PYTHONS = sorted(PYENV.glob("versions/3.[6-9].*/bin/python3")) + sorted(
    PYENV.glob("versions/3.10.*/bin/python3")
)
"""Real ones, where this machine has some."""


def load() -> ModuleType:
    """run.py as a module."""
    spec = importlib.util.spec_from_file_location("run", ROOT / "run.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


run = load()


def start(
    project: Path, *arguments: str, python: str = sys.executable, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a project's run.py to its end, from another folder and with next to no environment."""
    return subprocess.run(
        [python, str(project / "run.py"), *arguments],
        cwd=project.parent,
        env={"PATH": "/usr/bin:/bin", "HOME": str(project), **environment},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


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


def installed(project: Path, says: str) -> None:
    """Let the project have a finished ``.venv``, whose Python is this program of the shell."""
    venv = run.Venv(project / ".venv", (project / "constraints.txt").read_bytes())
    script(venv.python, says)
    venv.finish()


# --- the command line


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_without_a_command_all_are_listed(project: Path, arguments: tuple[str, ...]) -> None:
    """A line for each; help that was asked for is no error."""
    done = start(project, *arguments)
    assert done.returncode == (0 if arguments else 2)
    listed = re.findall(r"^  (\w+) +\w", done.stdout, re.MULTILINE)
    assert listed == ["relay", "tests", "lint", "types", "check", "bench"]
    assert not (project / ".venv").exists()


def test_every_command_is_a_session() -> None:
    """What is listed is in noxfile.py, and the other way round."""
    tree = ast.parse((ROOT / "noxfile.py").read_text())
    sessions = {
        node.name
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
        (("xyz",), "there are relay, tests, lint"),
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
    arguments = ["-m", "nox", "-s", "lint", "types", "tests", "--", "-x", "tests/a b", "--"]
    assert done.stdout.splitlines() == [str(project), *(f"<{each}>" for each in arguments)]
    assert done.stderr == ""


def test_signals_are_noxs(project: Path) -> None:
    """What ends run.py ends nox: it is the same process."""
    installed(project, "kill -TERM $$; exec sleep 60")
    assert start(project, "lint").returncode == -signal.SIGTERM


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
    venv = run.Venv(project / ".venv", (project / "constraints.txt").read_bytes())
    broken = 'case "$*" in *pip\\ install*) echo "no route to the index"; exit 1;; esac'
    script(venv.python, broken)
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
