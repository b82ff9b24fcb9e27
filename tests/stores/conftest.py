import asyncio
from pathlib import Path

import pytest

from .making import FLAVOURS, Place, empty_place, run_stock, started_servers


def pytest_sessionfinish() -> None:
    """Leave no server behind."""
    for server in started_servers:
        server.cleanup()


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
