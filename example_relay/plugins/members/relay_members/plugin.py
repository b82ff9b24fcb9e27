"""The plugin: what a relay asks about members."""

import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from orly_policy_hookspecs import Context, Criterion, Decision, Event, hookimpl

from .register import Register
from .settings import Settings, read_settings

MOST_CACHED = 10_000
"""Of people; whoever was looked up longest ago leaves first."""


def which_members(value: object) -> str:
    """Read the value of ``x_members``.

    :raises ValueError: it is none.
    """
    if value not in ("paid", "ever"):
        raise ValueError(f'expected "paid", or "ever" for lapsed members too, found {value!r}')
    return str(value)


class Members:
    """Vouches for the writes of members, and lets them in where a rule has ``x_members``."""

    _settings: Settings

    def __init__(self) -> None:
        """Nothing is opened yet: this may be another process than the one that serves."""
        self._register = Register()
        self._cached: dict[tuple[Path, str], tuple[float, int]] = {}

    @hookimpl
    def configure(self, settings: Mapping[str, Any]) -> Callable[[], None]:
        """Check the settings; they hold once the policy is in force."""
        checked = read_settings(settings)
        return lambda: setattr(self, "_settings", checked)

    @hookimpl
    async def on_start(self) -> None:
        """Open the register in the process, and beside the event loop, that asks it."""
        await self._register.open(self._settings.file)

    @hookimpl
    async def on_stop(self) -> None:
        """Close it."""
        await self._register.close()

    @hookimpl
    async def on_write(self, context: Context) -> Decision | None:
        """Vouch for members, and have no opinion of others."""
        return Decision.vouch() if await self._is_one_of(context, "paid") else None

    @hookimpl
    def criteria(self) -> Collection[Criterion]:
        """``"x_members": "paid"``."""
        return [
            Criterion(
                name="x_members",
                unit="which members",
                says="{} members",
                read=which_members,
                lets_in=self._lets_in,
                asked_on=("write", "read"),
            )
        ]

    async def _lets_in(self, event: Event, context: Context, which: str) -> bool:
        return await self._is_one_of(context, which)

    async def _is_one_of(self, context: Context, which: str) -> bool:
        since = time.time() if which == "paid" else 0
        return any([await self._paid_until(key) > since for key in context.authenticated])

    async def _paid_until(self, pubkey: str) -> int:
        settings, now = self._settings, time.monotonic()
        key = (settings.file, pubkey)
        if cached := self._cached.get(key):
            looked_up, until = cached
            if now - looked_up < settings.cache_seconds:
                return until
            self._cached.pop(key, None)
        until = await self._register.paid_until(*key)
        self._cached[key] = (now, until)
        if len(self._cached) > MOST_CACHED:
            del self._cached[next(iter(self._cached))]
        return until
