"""Other people's clients talk to relays with the policy that the tests of :mod:`relay` have."""

from collections.abc import Iterator

import pytest
from hosts.upstream.processes import Proxy, StockRelay
from relay.policies import POLICY
from relay.process import Relay
from relay.shared import STORAGES, faultless, with_storage


@pytest.fixture(scope="session", params=[*STORAGES, "proxy"])
def relay(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Relay]:
    """A relay, or the proxy before nostr-relay as it is. Tests bring their own keys."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param != "proxy":
        with faultless(with_storage(request.param, folder)) as running:
            yield running
        return
    with (
        StockRelay(tmp_path_factory.mktemp("upstream")) as upstream,
        faultless(Proxy(folder, POLICY, upstream.url)) as proxy,
    ):
        yield proxy


@pytest.fixture
def own_store(relay: Relay) -> None:
    """Skip the test where the store is somebody else's, who does not do all that a NIP says."""
    if isinstance(relay, Proxy):
        pytest.skip("nostr-relay's own store does not do this; the proxy gives what it finds")
