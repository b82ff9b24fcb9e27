"""Relays' engines on one store."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import postgres
import pytest

from .network import Network

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


@attrs.define(eq=False)
class Machine:
    """A server of one's own, and the network to it."""

    server: postgres.Server
    network: Network
    nodes: "Nodes"

    def kill(self) -> None:
        """As ``kill -9``."""
        self.server.kill()

    def start(self) -> None:
        self.server.start()


@pytest.fixture(scope="session")
def own_server() -> postgres.Server:
    """A server that tests kill and start."""
    return postgres.started()


@pytest.fixture
def machine(tmp_path: Path, own_server: postgres.Server) -> Iterator[Machine]:
    """A fleet on a server that can be killed, behind a network that can be cut."""
    pytest.importorskip("psycopg", reason="install orly-policy-plugin[postgres]")
    from .nodes import Nodes

    own_server.start()
    network = Network(own_server.folder)
    made = Machine(own_server, network, Nodes(tmp_path, network.url, tmp_path.name))
    made.nodes.init()
    yield made
    network.mend()
    made.nodes.stop()
    network.close()
