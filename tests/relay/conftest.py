"""The relay that most tests share, one a storage."""

from collections.abc import Iterator
from pathlib import Path

import postgres
import pytest

from .asked import POLICY, TwoWorkers, status
from .process import MemoryRelay, MonstrRelay, Relay
from .shared import STORAGES, faultless, with_storage


def pytest_sessionfinish() -> None:
    """Leave no server behind."""
    postgres.stop()


@pytest.fixture
def nostr_relay(relay: Relay) -> Relay:
    """The same, where it is nostr-relay."""
    if isinstance(relay, (MemoryRelay, MonstrRelay)):
        pytest.skip("this is nostr-relay's own")
    return relay


@pytest.fixture(scope="session", params=STORAGES)
def relay(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Relay]:
    """A relay with :data:`.policies.POLICY`. Tests bring their own keys, so that they share it."""
    folder = tmp_path_factory.mktemp(request.param)
    with faultless(with_storage(request.param, folder)) as running:
        yield running


@pytest.fixture
def two_workers(tmp_path: Path) -> Iterator[Relay]:
    """A relay of two workers, which both can be asked, with a decision log."""
    log = str(tmp_path / "decisions.jsonl")
    with TwoWorkers(tmp_path, POLICY, environment={"ORLY_POLICY_DECISION_LOG": log}) as relay:
        relay.wait_for(lambda: len(status(relay)["workers"]) == 2)
        yield relay
        if relay.alive:
            relay.stop()  # or its workers would outlive it
