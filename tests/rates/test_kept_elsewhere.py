"""Rates that are kept elsewhere: whoever is asked has to be waited for."""

import asyncio
from collections.abc import Awaitable, Sequence
from pathlib import Path

import attrs
import pytest
from examples import ALICE, AnEvent, by

from orly_policy_hookspecs import Context, Decision, Event, Gate
from orly_policy_plugin.decisions import RateLimit
from orly_policy_plugin.plugin import NAME, PolicyPlugin
from orly_policy_plugin.rates import Charged, RateLimiter
from orly_policy_plugin.settings import Settings

EVENT = AnEvent(pubkey=ALICE, content="x" * 1000)


@attrs.define
class Elsewhere:
    """Answers later, what a limiter here says."""

    fails: bool = False
    limiter: RateLimiter = attrs.Factory(RateLimiter)

    def charge(
        self, limits: Sequence[RateLimit], event: Event, context: Context
    ) -> Awaitable[Charged]:
        return self._charged(limits, event, context)

    async def _charged(
        self, limits: Sequence[RateLimit], event: Event, context: Context
    ) -> Charged:
        await asyncio.sleep(0.001)
        if self.fails:
            raise ConnectionError("elsewhere is gone")
        return self.limiter.charge(limits, event, context)


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """A limit that one event of a thousand characters fits into, and two do not."""
    script = tmp_path / "accept.sh"
    script.write_text(
        "#!/bin/sh\nwhile read -r line; do\n"
        'id=$(printf %s "$line" | sed \'s/.*"id":"\\([0-9a-f]*\\)".*/\\1/\')\n'
        'echo "{\\"id\\":\\"$id\\",\\"action\\":\\"accept\\"}"\ndone\n'
    )
    script.chmod(0o755)
    path = tmp_path / "policy.json"
    path.write_text(
        '{"rules": {"1": {"rate_limit": 200}, "7": {"rate_limit": 200, "script": "accept.sh"}}}'
    )
    return path


async def written(policy: Path, rates: Elsewhere, kind: int) -> list[Decision]:
    """The answers to the same event twice."""
    plugin = PolicyPlugin(Settings(path=policy), rates=rates)
    gate = Gate()
    gate.register(plugin, NAME)
    plugin.start()
    try:
        event = attrs.evolve(EVENT, kind=kind)
        return [await gate.write(event, by(ALICE)) for _ in range(2)]
    finally:
        await asyncio.to_thread(plugin.stop)


@pytest.mark.parametrize("kind", [1, 7], ids=["alone", "after a script"])
def test_it_is_waited_for(policy: Path, kind: int) -> None:
    """And counts as the limiter here does."""
    first, second = asyncio.run(written(policy, Elsewhere(), kind))
    assert first.accepted, first.message
    assert second.message.startswith("rate-limited: ")


@pytest.mark.parametrize("kind", [1, 7], ids=["alone", "after a script"])
def test_what_it_raises_denies(policy: Path, kind: int) -> None:
    """Nothing that cannot be charged is let in."""
    answers = asyncio.run(written(policy, Elsewhere(fails=True), kind))
    assert [answer.accepted for answer in answers] == [False, False]
    assert all(answer.message.startswith("error: ") for answer in answers)
