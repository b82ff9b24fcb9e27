"""The kit's client, for tests that are coroutines."""

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec

from orly_policy_plugin.hosts.kit.client import SECONDS, Client, Closed, Subscription, connected

_P = ParamSpec("_P")


def asynchronous(test: Callable[_P, Coroutine[Any, Any, None]]) -> Callable[_P, None]:
    """Run a test that is a coroutine, with an end."""

    @functools.wraps(test)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> None:
        async def limited() -> None:
            async with asyncio.timeout(300):
                await test(*args, **kwargs)

        asyncio.run(limited())

    return run


__all__ = ["SECONDS", "Client", "Closed", "Subscription", "asynchronous", "connected"]
