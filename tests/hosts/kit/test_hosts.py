"""The kit's suite, said of each host."""

from collections.abc import Iterator

import pytest

from orly_policy_plugin.hosts.kit import HostSuite, RunningHost

from .relays import RELAYS


@pytest.fixture(scope="module", params=RELAYS)
def host(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningHost]:
    """Each of them, one process for all tests."""
    with RELAYS[request.param](tmp_path_factory.mktemp(request.param)) as running:
        yield running


class TestHost(HostSuite):
    """A host is a host, whatever it is made of."""
