"""A change that leaves no trace on the file's times is found all the same."""

import pytest

from orly_policy_plugin.reload.last_reading import LastReading

IDENTITY = (1, 2, 3, 4, 5)


@pytest.mark.parametrize(
    ("readable", "read_at", "now", "in_doubt"),
    [
        (True, 100.0, 100.2, False),
        (True, 100.0, 100.3, True),
        (True, 101.9, 110.0, True),
        (True, 102.0, 110.0, False),
        (False, 200.0, 200.2, False),
        (False, 200.0, 200.3, True),
    ],
)
def test_doubt(readable, read_at, now, in_doubt):
    """A reading within a tick of the change is doubted, at a heartbeat's pace; so is an error."""
    last = LastReading(IDENTITY, readable, noticed_seconds=100.0, read_seconds=read_at)
    assert last.in_doubt(now) is in_doubt
