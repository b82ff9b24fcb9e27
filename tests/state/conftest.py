"""Child processes that can be killed."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import postgres
import pytest

from .nursery import Nursery


def pytest_sessionfinish() -> None:
    """Leave no server behind."""
    postgres.stop()


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """A process that forks others."""
    made = Nursery()
    yield made
    made.close()


@pytest.fixture
def open_path() -> Iterator[Path]:
    """A folder that any user can reach, which pytest's are not."""
    path = Path(tempfile.mkdtemp())
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)
