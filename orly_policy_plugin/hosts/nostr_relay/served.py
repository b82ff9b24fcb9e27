"""A store as the session is given it: with nostr-relay's limits, roles and other processes."""

import asyncio
from typing import Any

from orly_policy_hookspecs import Context
from orly_policy_hookspecs.nip01 import FrozenEvent

from ...session import Searching
from .nodes import Nodes
from .serving import Serving
from .workers import Workers

_NOWHERE = "0.0.0.0"  # noqa: S104 -- for nostr-relay's limits, which know no client without address


class ServedStore:
    """A host (:class:`.session.Host`)."""

    def __init__(
        self, store: Any, others: Workers | Nodes, authenticator: Any, serving: Serving
    ) -> None:
        """:param store: whatever it can do, this can.
        :param authenticator: nostr-relay's, for how long a role waits between messages.
        """
        self.add, self.page, self.recall = store.add, store.page, store.recall
        self.delete, self.vanish, self.count = store.delete, store.vanish, store.count
        if isinstance(store, Searching):
            self.searches, self.search_for = store.searches, store.search_for
        self._others = others
        self._authenticator = authenticator
        self._serving = serving

    async def announce(self, event: FrozenEvent) -> None:
        """To the other processes of the relay."""
        await self._others.announce(event)

    async def admit(self, command: str, context: Context) -> str | None:
        """``rate_limits``, then ``authentication.throttle``."""
        limiter = self._serving.rate_limiter
        if limiter is not None and limiter.is_limited(context.ip or _NOWHERE, [command]):
            return "rate-limited: slow down"
        if seconds := await self._pause(context):
            await asyncio.sleep(seconds)
        return None

    async def _pause(self, context: Context) -> float:
        if not (self._authenticator.is_enabled and self._authenticator.throttle_roles):
            return 0.0
        keys = context.authenticated
        if not keys:
            return float(await self._authenticator.should_throttle({}))
        roles = await self._authenticator.storage.get_auth_roles(keys[-1])
        return float(await self._authenticator.should_throttle({"roles": roles}))
