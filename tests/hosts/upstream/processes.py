"""The proxy, and relays behind it, as processes."""

import re
import sys
from pathlib import Path
from typing import Any, Self

import nodejs
import pytest
from relay.process import MemoryRelay, Relay

OPEN: dict[str, Any] = {"default_policy": "allow"}


class Proxy(Relay):
    """``orly-policy proxy`` before an upstream."""

    def __init__(
        self,
        folder: Path,
        policy: Any,
        upstream: str,
        *options: str,
        environment: dict[str, str] | None = None,
    ) -> None:
        module = "orly_policy_plugin.cli"
        super().__init__(folder, policy, module=module, environment=environment)
        self._options = options
        self.upstream = upstream

    def __enter__(self) -> Self:
        self.launch()
        try:
            self.wait_for(lambda: self._url_of_the_greeting)
            self.url = self._url_of_the_greeting or ""
            self.http = self.url.replace("ws://", "http://")
            self.wait_for(self._listens)
        except BaseException:
            self.kill()
            raise
        return self

    @property
    def _url_of_the_greeting(self) -> str | None:
        found = re.search(r"clients connect to (ws://\S+)", self.stdout + self.stderr)
        return found[1] if found else None

    def _arguments(self) -> list[str]:
        named = ["proxy", "--upstream", self.upstream, "--policy", str(self.policy)]
        return [*named, "--listen", "127.0.0.1:0", *self._options]


class _ForeignRelay(Relay):
    """A relay that another library makes. It says where it listens once it does."""

    def __init__(self, folder: Path, *command: str) -> None:
        super().__init__(folder, None, command=command)

    def _arguments(self) -> list[str]:
        return []

    def _listens(self) -> bool:
        return True


class RustRelay(_ForeignRelay):
    """nostr-sdk's."""

    def __init__(self, folder: Path) -> None:
        pytest.importorskip("nostr_sdk", reason="nostr-sdk has no build for this machine")
        super().__init__(folder, sys.executable, str(Path(__file__).with_name("rust_relay.py")))


class NodeRelay(_ForeignRelay):
    """One on ``@nostr-relay/core``, under Node."""

    PACKAGES = (
        "@nostr-relay/common@0.0.40",
        "@nostr-relay/core@0.0.40",
        "@nostr-relay/validator@0.0.40",
        "ws@8.23.0",
    )

    def __init__(self, folder: Path) -> None:
        source = Path(__file__).with_name("node-relay.mjs")
        super().__init__(folder, "node", str(nodejs.put_into(folder, source, *self.PACKAGES)))


class StockRelay(Relay):
    """nostr-relay as it is, with checks of ids and signatures."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, OPEN, module="benchmarks.relay_child")

    def _arguments(self) -> list[str]:
        return ["bare", *super()._arguments()]


__all__ = ["OPEN", "MemoryRelay", "NodeRelay", "Proxy", "Relay", "RustRelay", "StockRelay"]
