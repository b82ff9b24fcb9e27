"""The relay that most tests share, one a storage."""

import re
from collections.abc import Iterator

import postgres
import pytest

from .policies import POLICY
from .process import MemoryRelay, MonstrRelay, Relay

UNPARSABLE = re.compile("Parse error at offset|parse recursion depth|integer value|4300 digits")
"""What rapidjson says of a message that is nested too deeply or has an endless number: the text
differs between Pythons.
"""


def pytest_sessionfinish() -> None:
    """Leave no server behind."""
    postgres.stop()


@pytest.fixture
def nostr_relay(relay: Relay) -> Relay:
    """The same, where it is nostr-relay."""
    if isinstance(relay, (MemoryRelay, MonstrRelay)):
        pytest.skip("this is nostr-relay's own")
    return relay


@pytest.fixture(scope="session", params=["sqlite", "lmdb", "memory", "monstr"])
def relay(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Relay]:
    """A relay with :data:`.policies.POLICY`. Tests bring their own keys, so that they share it.

    In the end its log has no fault but JSON that nostr-relay could not parse.
    """
    folder = tmp_path_factory.mktemp(request.param)
    others = {"memory": MemoryRelay, "monstr": MonstrRelay}
    kind = others.get(request.param)
    relay = kind(folder, POLICY) if kind else Relay(folder, POLICY, request.param)
    with relay as running:
        yield running
        assert running.alive
    faults = re.findall(
        r"(?m)^[ |]*[\w.]*(?:Error|Exception|Warning|Disconnected)\b.*", running.stderr
    )
    assert [fault for fault in faults if not UNPARSABLE.search(fault)] == [], running.stderr
