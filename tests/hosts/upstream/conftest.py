"""Relays that most tests share, each with a proxy before it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest
from relay.policies import POLICY

from .processes import OPEN, MemoryRelay, NodeRelay, Proxy, Relay, RustRelay, StockRelay


@attrs.frozen
class Behind:
    """A proxy with :data:`relay.policies.POLICY`, and the relay behind it."""

    proxy: Proxy
    upstream: Relay


UPSTREAMS: dict[str, Callable[[Path], Relay]] = {
    "stock": StockRelay,
    "rust": RustRelay,
    "node": NodeRelay,
    "memory": lambda folder: MemoryRelay(folder, OPEN),
}


@pytest.fixture(scope="session", params=[*UPSTREAMS, "proxy"])
def behind(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Behind]:
    """nostr-relay, one in Rust, one under Node, one that forgets, and the proxy before another."""

    def folder() -> Path:
        return tmp_path_factory.mktemp(request.param)

    make_upstream = UPSTREAMS.get(request.param, UPSTREAMS["memory"])
    with make_upstream(folder()) as upstream:
        if request.param != "proxy":
            with Proxy(folder(), POLICY, upstream.url) as proxy:
                yield Behind(proxy, upstream)
                assert proxy.alive
        else:
            with (
                Proxy(folder(), OPEN, upstream.url) as between,
                Proxy(folder(), POLICY, between.url) as proxy,
            ):
                yield Behind(proxy, between)
                assert proxy.alive
        assert "Traceback" not in proxy.stderr
