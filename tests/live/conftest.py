"""What every test of this folder needs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .making import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A relay with the usual policy, not yet watching its folder."""
    made = World(tmp_path)
    yield made
    made.plugin.stop()
    made.gate.blocking.close()
