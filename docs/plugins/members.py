"""Paid members, ``{"3bf0…": 1767225600}`` in a file: keys, and until when each has paid."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from orly_policy_hookspecs import Context, Decision, InvalidSettings, hookimpl


class Members:
    file = Path()

    @hookimpl
    def configure(self, settings: Mapping[str, object]) -> Callable[[], None]:
        file = Path(str(settings.get("file")))
        try:
            read(file)
        except (OSError, ValueError) as error:
            raise InvalidSettings({"file": str(error)}) from error
        return lambda: setattr(self, "file", file)

    @hookimpl
    async def on_write(self, context: Context) -> Decision | None:
        paid_until = await asyncio.to_thread(read, self.file)
        now = time.time()
        paid = any(paid_until.get(key, 0) > now for key in context.authenticated)
        return Decision.vouch() if paid else None


def read(file: Path) -> dict[str, int]:
    return {str(key): int(until) for key, until in json.loads(file.read_text()).items()}


members = Members()
