"""A host that runs, as its tests see it."""

import asyncio
import enum
import functools
import json
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Final, TypeVar

import attrs
import pytest

from .client import SECONDS, Client, connected
from .policy import PROBED, UNUSED
from .signing import Key

TEST_SECONDS: Final = 60.0
"""How long a whole test may take before it fails."""


class Ability(enum.StrEnum):
    """What a host may be unable to do. Tests that need it are skipped where it says so."""

    READS = "reads filtered"
    """What is handed out is decided for each reader; nothing before it is."""
    AUTHENTICATION = "NIP-42"
    POLICY_EVENTS = "kind 12345"
    """Owners and admins change the policy by events, and a kind 5 withdraws one."""
    FOLLOW_LISTS = "kind 3, 10000 and 30000"
    """A list of people that is accepted counts from then on."""
    SCRIPTS = "scripts"
    RATES = "rate limits"
    DELETING = "NIP-09"
    DELETING_FOR_GOOD = "NIP-09, remembered"
    """What was deleted does not come back, and an address is deleted up to a moment."""
    EXPIRING = "NIP-40"
    COUNTING = "NIP-45"
    VANISHING = "NIP-62"
    REPLACING = "replaceable events"
    """An older version is not stored, whenever it comes."""
    PROTECTING = "NIP-70"
    INFORMATION = "NIP-11"
    """At the URL of the websocket, by HTTP."""
    RAISING_PLUGINS = "a plugin that raises"
    """The host has found the kit's plugin; see :mod:`.raising`."""


@attrs.define
class RunningHost:
    """A relay that has been started with the policy file that ``write_policy`` wrote.

    A fixture ``host`` yields one. A process that serves it, one, is best shared by all tests:
    these have keys of their own and do not meet.
    """

    url: str
    """Where clients connect: ``ws://127.0.0.1:7777``."""
    policy: Path
    """The policy file. Tests save others over it."""
    relay_url: str | None = attrs.field(default=None, kw_only=True)
    """What AUTH names as the relay, where it is not the URL."""
    cannot: Mapping[Ability, str] = attrs.field(factory=dict, kw_only=True)
    """What it cannot do, each with the reason."""
    _latest: int = attrs.field(default=0, init=False)
    _kinds: Iterator[int] = attrs.field(factory=lambda: iter(UNUSED), init=False, repr=False)

    def connected(self, *keys: Key, **options: Any) -> AbstractAsyncContextManager[Client]:
        """Connect a client, which has authenticated with each key."""
        return connected(self.url, *keys, relay_url=self.relay_url, **options)

    @property
    def http(self) -> str:
        """The same address for HTTP."""
        return self.url.replace("ws", "http", 1)

    def moment(self) -> int:
        """A time for the next policy event: later than all that counted before, and than now."""
        self._latest = max(int(time.time()), self._latest) + 1
        return self._latest

    def unused_kind(self) -> int:
        """Take a kind for which the policy has no rule yet."""
        return next(self._kinds)

    def policy_now(self) -> dict[str, Any]:
        """The policy as the file has it."""
        policy: dict[str, Any] = json.loads(self.policy.read_text())
        policy.pop("_policy_event", None)
        return policy

    def save(self, content: str) -> None:
        """Save the policy file as an editor does: write beside it, and rename."""
        beside = self.policy.with_suffix(".new")
        beside.write_text(content)
        beside.replace(self.policy)

    async def change(self, kind: int, rule: Mapping[str, Any]) -> None:
        """Save the policy with another rule for a kind, and wait until it is in force."""
        policy = with_rule(self.policy_now(), kind, rule)
        self.save(json.dumps(policy))
        await self.in_force(policy)

    async def in_force(self, policy: Mapping[str, Any]) -> None:
        """Wait until this policy decides, which its limit for :data:`PROBED` tells."""
        limit = policy["rules"][str(PROBED)]["content_limit"]
        key, deadline = Key(), time.monotonic() + SECONDS
        async with self.connected() as client:
            while not (await self._answer_to_probe(client, key)).endswith(f" is {limit}"):
                assert time.monotonic() < deadline, f"the policy is not in force in {SECONDS} s"
                await asyncio.sleep(0.01)

    @staticmethod
    async def _answer_to_probe(client: Client, key: Key) -> str:
        accepted, message = await client.publish(key.event(PROBED, "x" * 10_000))
        assert not accepted
        return message


def with_rule(policy: Mapping[str, Any], kind: int, rule: Mapping[str, Any]) -> dict[str, Any]:
    """Make a policy with another rule, and the mark by which it is told from the one before."""
    limit = policy["rules"][str(PROBED)]["content_limit"] + 1
    changed = {str(kind): rule, str(PROBED): {"content_limit": limit}}
    return {**policy, "rules": {**policy["rules"], **changed}}


_Suite = TypeVar("_Suite")
_Check = Callable[[_Suite, RunningHost], Coroutine[Any, Any, None]]


def check(*needs: Ability) -> Callable[[_Check[_Suite]], Callable[[_Suite, RunningHost], None]]:
    """Make a test of a coroutine, which is skipped where the host cannot do what it needs."""

    def make(coroutine: _Check[_Suite]) -> Callable[[_Suite, RunningHost], None]:
        @functools.wraps(coroutine)
        def run(self: _Suite, host: RunningHost) -> None:
            for need in needs:
                if need in host.cannot:
                    pytest.skip(f"{need.value}: {host.cannot[need]}")

            async def limited() -> None:
                async with asyncio.timeout(TEST_SECONDS):
                    await coroutine(self, host)

            asyncio.run(limited())

        return run

    return make
