"""A log of every decision: ``{"plugins": {"audit": {"file": "/srv/relay/audit.jsonl"}}}``."""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from logging import handlers
from queue import SimpleQueue

from orly_policy_hookspecs import Asked, Decision, Event, InvalidSettings, hookimpl


class Audit:
    file = ""

    @hookimpl
    def configure(self, settings: Mapping[str, object]) -> Callable[[], None]:
        if not isinstance(file := settings.get("file"), str):
            raise InvalidSettings({"file": f"expected the log's path, found {file!r}"})
        return lambda: setattr(self, "file", file)

    @hookimpl
    def on_start(self) -> None:
        self.lines = handlers.QueueHandler(SimpleQueue())  # a thread writes them
        self.writing = handlers.QueueListener(self.lines.queue, logging.FileHandler(self.file))
        self.writing.start()

    @hookimpl
    def on_decided(self, event: Event, access: Asked, decision: Decision) -> None:
        said = [access, event.id, decision.verdict.value, decision.message, decision.source]
        self.lines.handle(logging.makeLogRecord({"msg": json.dumps(said)}))

    @hookimpl
    async def on_stop(self) -> None:
        await asyncio.to_thread(self.writing.stop)
        self.writing.handlers[0].close()


audit = Audit()
