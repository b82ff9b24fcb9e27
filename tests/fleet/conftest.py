"""Relays' engines on one store."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import postgres
import pytest

if TYPE_CHECKING:
    from .nodes import Nodes


def pytest_sessionfinish() -> None:
    """Leave no server behind."""
    postgres.stop()


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator["Nodes"]:
    """A fleet that has no policy yet, in the database that the tests share."""
    url = postgres.libpq_url()
    from .nodes import Nodes

    made = Nodes(tmp_path, url, postgres.new_fleet())
    yield made
    made.stop()
