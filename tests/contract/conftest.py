"""A clock of the test's own for the gate."""

import pytest
from examples import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """In the place of the monotonic one. What awaits is timed by the event loop's."""
    clock = Clock()
    for module in ("answers", "batches", "gate", "guards", "observing", "waiting"):
        monkeypatch.setattr(f"orly_policy_hookspecs.{module}.monotonic", lambda: clock.now)
    return clock
