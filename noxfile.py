"""Development tasks: ``nox -s relay``, ``tests``, ``lint``, ``types``, ``bench``."""

import nox

nox.needs_version = ">=2024.4.15"
nox.options.sessions = ["lint", "types", "tests"]
nox.options.reuse_existing_virtualenvs = True
# A Python that is not on this machine is left out; that none is, is an error.
nox.options.error_on_missing_interpreters = False
nox.options.download_python = "never"

CONSTRAINTS = "constraints.txt"
PYTHONS = ["3.11", "3.12", "3.13"]
TEST_NEEDS = ["pytest", "hypothesis"]


@nox.session(venv_backend="venv")
def relay(session: nox.Session) -> None:
    """Start the example relay. Options go behind --: nox -s relay -- --port 7000"""
    session.install("-c", CONSTRAINTS, "-e", ".[nostr-relay]")
    session.run("python", "-m", "example_relay", *session.posargs)


@nox.session(python=PYTHONS, venv_backend="venv")
def tests(session: nox.Session) -> None:
    """Run the tests against the built wheel, on every Python from 3.11 to 3.13 that is there."""
    session.install("-c", CONSTRAINTS, ".[nostr-relay]", *TEST_NEEDS)
    session.run("pytest", *session.posargs)


@nox.session(venv_backend="venv")
def lint(session: nox.Session) -> None:
    """Check the style."""
    session.install("-c", CONSTRAINTS, "ruff")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session(venv_backend="venv")
def types(session: nox.Session) -> None:
    """Check the types."""
    session.install("-c", CONSTRAINTS, "-e", ".[nostr-relay]", "mypy", "types-PyYAML")
    session.run("mypy")


@nox.session(venv_backend="venv")
def bench(session: nox.Session) -> None:
    """Measure the built wheel. Options go behind --: nox -s bench -- --only simple hook"""
    session.install("-c", CONSTRAINTS, ".[nostr-relay]")
    session.run("python", "-m", "benchmarks", *session.posargs)
