"""What a policy tells of itself in NIP-11."""

import pytest

from orly_policy_hookspecs.limits import RelayLimits


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("second", [False, True])
def test_one_plugin_that_limits_limits(first: bool, second: bool) -> None:
    """Each member by itself."""
    assert RelayLimits.of_all([RelayLimits(first, second), RelayLimits()]) == RelayLimits(
        first, second
    )
    assert RelayLimits.of_all([]) == RelayLimits(False, False)
