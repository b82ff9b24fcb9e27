"""A kit for relays' authors: one suite that says the same things of every host of a policy.

::

    import pytest
    from orly_policy_plugin.hosts.kit import HostSuite, RunningHost, write_policy


    @pytest.fixture(scope="module")
    def host(tmp_path_factory):
        policy = write_policy(tmp_path_factory.mktemp("my-relay"))
        with my_relay_started_with(policy) as url:
            yield RunningHost(url, policy)


    class TestMyRelay(HostSuite):
        pass

It needs pytest: ``pip install "orly-policy-plugin[kit]"``. ``docs/host-kit.md`` says more.
"""

import pytest

pytest.register_assert_rewrite(f"{__name__}.suite", f"{__name__}.running")

from .client import Client, Closed, Subscription, connected  # noqa: E402 -- once asserts are told
from .policy import write_policy  # noqa: E402
from .running import Ability, RunningHost  # noqa: E402
from .signing import Key  # noqa: E402
from .suite import HostSuite  # noqa: E402

__all__ = [
    "Ability",
    "Client",
    "Closed",
    "HostSuite",
    "Key",
    "RunningHost",
    "Subscription",
    "connected",
    "write_policy",
]
