"""A relay that is started by the commands of docs/relays.md, with a YAML file of a test's own."""

import asyncio
import contextlib
import json
import os
import re
import shlex
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import attrs
import yaml
from forks import Fork

from .process import ROOT

RELAY = """
from orly_policy_plugin.hosts.nostr_relay import create_app

app = create_app("nostr-relay.yaml", policy="policy.json")
"""
PAGE = (ROOT / "docs" / "relays.md").read_text()
COMMANDS = {
    found[1]: shlex.split(found[0])
    for found in re.finditer(r"^(uvicorn|gunicorn) .*relay:app$", PAGE, re.MULTILINE)
}
SECONDS = 60
POLICY = {"rules": {"7": {"content_limit": 5}}}


@attrs.define
class Started:
    """A relay that was started by hand."""

    url: str
    folder: Path
    process: Fork

    def log(self) -> str:
        return _log(self.folder).read_text()

    async def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < deadline, self.log()
            assert self.process.poll() is None, self.log()
            await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def started(
    folder: Path, server: str = "uvicorn", *, policy: Any = POLICY, **configured: Any
) -> AsyncIterator[Started]:
    """Start one of the commands.

    :param configured: more of the YAML file; files of Python beside it may be named.
    """
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    where = ["--port", str(port)] if server == "uvicorn" else ["-b", f"127.0.0.1:{port}"]
    (folder / "relay.py").write_text(RELAY)
    (folder / "policy.json").write_text(json.dumps(policy))
    storage = configured.get("storage", {})
    if "class" not in storage:
        database = f"sqlite+aiosqlite:///{folder / 'events.sqlite3'}"
        storage = {"sqlalchemy.url": database, **storage}
    authentication = {"relay_urls": [f"ws://127.0.0.1:{port}"]}
    settings = {
        **configured,
        "storage": storage,
        "authentication": {**authentication, **configured.get("authentication", {})},
    }
    (folder / "nostr-relay.yaml").write_text(yaml.safe_dump(settings))
    module, *arguments = COMMANDS[server]
    log = _log(folder)
    process = Fork(
        module, [*arguments, *where], cwd=folder, env=os.environ, stdout=log, stderr=log
    )
    relay = Started(f"ws://127.0.0.1:{port}", folder, process)
    try:
        await relay.until(lambda: listens(port))
        yield relay
    finally:
        process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(process.wait, SECONDS)


def _log(folder: Path) -> Path:
    """All that it has printed and logged."""
    return folder / "log.txt"


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
