"""Relays that most tests share, each with a proxy before it."""

from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
from relay.policies import POLICY

from .processes import OPEN, MemoryRelay, Proxy, Relay, RustRelay, StockRelay


@attrs.frozen
class Behind:
    """A proxy with :data:`relay.policies.POLICY`, and the relay behind it."""

    proxy: Proxy
    upstream: Relay


def _upstream(name: str, folder: Path) -> Relay:
    if name == "stock":
        return StockRelay(folder)
    if name == "rust":
        pytest.importorskip("nostr_sdk", reason="nostr-sdk has no build for this machine")
        return RustRelay(folder)
    return MemoryRelay(folder, OPEN)


@pytest.fixture(scope="session", params=["stock", "rust", "memory", "proxy"])
def behind(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Behind]:
    """nostr-relay, one in Rust, one that forgets, and the proxy before another proxy."""

    def folder() -> Path:
        return tmp_path_factory.mktemp(request.param)

    with _upstream(request.param, folder()) as upstream:
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
