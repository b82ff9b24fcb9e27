import asyncio
from pathlib import Path

import postgres
import pytest

from .making import FLAVOURS, Place, empty_place, run_stock


def pytest_sessionfinish() -> None:
    """Leave no server behind."""
    postgres.stop()


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of SQLite with nostr-relay's schema."""
    folder = tmp_path_factory.mktemp("schema")
    run_stock("sqlite", f"sqlite+aiosqlite:///{folder / 'nostr.sqlite3'}", "schema", folder)
    return folder / "nostr.sqlite3"


@pytest.fixture(params=FLAVOURS)
def flavour(request: pytest.FixtureRequest) -> str:
    """The database to test."""
    return str(request.param)


@pytest.fixture
def place(flavour: str, tmp_path: Path, template: Path) -> Place:
    """An empty database."""
    return asyncio.run(empty_place(flavour, tmp_path, template))
